"""What is known of each source file: a line of JSON, on the disk; little of it is in memory.

`Known` is what earlier runs found, looked up by path; `Files` what this one finds, in order. Both
keep their lines in a temporary file in the dataset's folder, and in memory some 40 bytes a file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from howlkit.atomic_files import writing_whole
from howlkit.dataset.hashes import HASH_BYTES, ByHash
from howlkit.music import midi

__all__ = ["Files", "Known", "Paths", "Source", "head"]

FORMAT = 2


class Source(NamedTuple):
    """A file: where it is, how it looked when it was read, and what came of it.

    size in bytes; changed: time of the last change in nanoseconds. content, notes: hashes of the
    piece in it (records.py), or empty, and then `reason` says why. repairs:
    pairs, as `midi.Reading` has them. reader: what it was read by (`Reader.identity`), empty for
    howlkit itself. Of a file of several pieces each is a source: the `item`th of `items`, from 0,
    and called `title`.
    """

    path: str
    size: int = 0
    changed: int = 0
    sha256: bytes = b""
    content: bytes = b""
    notes: bytes = b""
    reason: str = ""
    repairs: tuple[tuple[str, int], ...] = ()
    reader: str = ""
    item: int = 0
    items: int = 1
    title: str = ""

    def line(self) -> str:
        """Return one line of JSON, plain ASCII."""
        said = self._asdict()
        return json.dumps(said | {name: said[name].hex() for name in _HASHES})

    @classmethod
    def of_line(cls, line: str) -> Source:
        """Return the source that `line` was written of; ValueError for a damaged line."""
        try:
            said = json.loads(line)
            said |= {name: bytes.fromhex(said[name]) for name in _HASHES}
            said["repairs"] = tuple((str(name), int(count)) for name, count in said["repairs"])
            source = cls(**said)
            if all(type(getattr(source, name)) is kind for name, kind in _KINDS.items()):
                return source
        except (TypeError, KeyError, OverflowError, RecursionError) as error:
            raise ValueError(f"{error!r}") from error
        raise ValueError("a value of another type")


_HASHES = ("sha256", "content", "notes")
_KINDS = {
    "path": str,
    "size": int,
    "changed": int,
    "reason": str,
    "reader": str,
    "item": int,
    "items": int,
    "title": str,
}


def head(limits: midi.Limits) -> str:
    """Return the line that says how sources were read: what another reading might change."""
    return json.dumps({"format": FORMAT, "limits": dataclasses.asdict(limits)})


class Paths(Sequence[str]):
    """Paths, each once, as a list would have them; as many bytes in memory as they have."""

    def __init__(self, paths: Iterable[str]) -> None:
        seen = ByHash()
        self._bytes, self._stops = bytearray(), array("Q")
        for path in paths:
            if seen.add(_key(path), 0):
                self._bytes += os.fsencode(path)
                self._stops.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._stops)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]  # no slices
        stop = self._stops[index]
        begin = self._stops[index - 1] if index else 0
        return os.fsdecode(bytes(self._bytes[begin:stop]))


class _Lines(contextlib.AbstractContextManager["_Lines"]):
    """Lines of text in a temporary file, by number: first all are appended, then they are read."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)
        self._begins = array("Q")
        self._stop = 0

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._begins)

    def append(self, line: str) -> None:
        self._begins.append(self._stop)
        self._stop += self._file.write(line.encode("ascii", "replace") + b"\n")

    def __getitem__(self, number: int) -> str:
        self._file.seek(self._begins[number])
        return self._file.readline().decode("ascii")

    def __iter__(self) -> Iterator[str]:
        self._file.seek(0)
        for line in self._file:
            yield line.decode("ascii")


class Known(contextlib.AbstractContextManager["Known"]):
    """What earlier runs, finished or not, say about files: the sources in each, by path."""

    def __init__(
        self, folder: Path, lists: Iterable[Path], first: str, wanted: Callable[[Source], bool]
    ) -> None:
        """Take in the lines of `lists` that are `wanted`; damaged ones are left out.

        lists: files of lines; of a path what the last one says counts. first: line without which
        a file is not looked at.
        """
        self._lines = _Lines(folder)
        keys, numbers = bytearray(), array("q")
        for path in lists:
            for line in _lines_of(path, first):
                with contextlib.suppress(ValueError):
                    source = Source.of_line(line)
                    if wanted(source):
                        keys += _key(source.path, source.item)
                        numbers.append(len(self._lines))
                        self._lines.append(line.rstrip("\n"))
        self._numbers = ByHash()
        self._numbers.update(_hashes(keys)[::-1], np.array(numbers, np.int64)[::-1])

    def __exit__(self, *_: object) -> None:
        self._lines.__exit__()

    def get(self, path: str) -> tuple[Source, ...]:
        """Return what is known of a file, all the pieces in it; nothing if some are not known."""
        first = self._one(path, 0)
        if first is None:
            return ()
        found = [first]
        for item in range(1, first.items):
            source = self._one(path, item)
            if source is None or _looks(source) != _looks(first):
                return ()
            found.append(source)
        return tuple(found)

    def _one(self, path: str, item: int) -> Source | None:
        number = self._numbers.get(_key(path, item)) if len(self._numbers) else -1
        return Source.of_line(self._lines[number]) if number >= 0 else None


class Files(contextlib.AbstractContextManager["Files"]):
    """The sources of a run, in the order in which they were found.

    files: in how many files they are. read: how many hold music. skipped: (path, reason) of each
    other. repairs: of all together.
    """

    def __init__(self, folder: Path) -> None:
        self._lines = _Lines(folder)
        self._content, self._notes, self._unchanged = bytearray(), bytearray(), bytearray()
        self.files = 0
        self.skipped: list[tuple[str, str]] = []
        self.repairs: Counter[str] = Counter()

    def __exit__(self, *_: object) -> None:
        self._lines.__exit__()

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, source: Source, line: str, *, unchanged: bool) -> None:
        """Take in what came of the next file, and its line.

        unchanged: known from before, not read again.
        """
        self._lines.append(line)
        self._content += source.content or bytes(HASH_BYTES)
        self._notes += source.notes or bytes(HASH_BYTES)
        self._unchanged.append(unchanged)
        self.files += source.item == 0
        self.repairs.update(dict(source.repairs))
        if not source.content:
            self.skipped.append((source.path, source.reason))

    @property
    def read(self) -> int:
        """How many hold music."""
        return len(self) - len(self.skipped)

    @property
    def content(self) -> NDArray[np.uint8]:
        """(n, 16): `Source.content` of each, zeros where there is none."""
        return _hashes(self._content)

    @property
    def notes(self) -> NDArray[np.uint8]:
        """(n, 16): `Source.notes` of each, zeros where there are none."""
        return _hashes(self._notes)

    @property
    def unchanged(self) -> NDArray[np.bool_]:
        """(n,): which were known from before and not read again."""
        return np.frombuffer(self._unchanged, np.bool_)

    def path(self, number: int) -> str:
        """Return where a file is."""
        return Source.of_line(self._lines[number]).path

    def paths(self) -> Iterator[str]:
        """Yield where each is."""
        return (source.path for source in self.sources())

    def sources(self) -> Iterator[Source]:
        """Yield each."""
        return map(Source.of_line, self._lines)

    def save(self, path: Path, limits: midi.Limits) -> None:
        """Write the lines for `Known`, after one that says how the files were read."""
        with writing_whole(path) as file:
            file.write(head(limits).encode("ascii") + b"\n")
            file.writelines(line.encode("ascii") for line in self._lines)


def _key(path: str, item: int = 0) -> bytes:
    name = os.fsencode(path) + (b"\0%d" % item if item else b"")
    return hashlib.blake2b(name, digest_size=HASH_BYTES).digest()


def _looks(source: Source) -> tuple[object, ...]:
    """Return what is the same of all pieces of a file that were read at one time."""
    return source.size, source.changed, source.sha256, source.reader, source.items


def _hashes(joined: bytearray) -> NDArray[np.uint8]:
    return np.frombuffer(bytes(joined), np.uint8).reshape(-1, HASH_BYTES)


def _lines_of(path: Path, first: str) -> Iterator[str]:
    """Yield the lines of a file after its first; none if it is not there, or not of that first."""
    try:
        with open(path, encoding="ascii", errors="replace", newline="\n") as file:
            if file.readline().rstrip("\n") == first:
                yield from file
    except OSError:
        return
