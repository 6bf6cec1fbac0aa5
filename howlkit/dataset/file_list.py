"""What `prepare` knows about each file: a line of JSON on the disk, and little of it in memory.

`KnownFiles` holds what earlier runs found, looked up by path; `FileList` what this run finds, in
order. Both keep their lines in a temporary file in the dataset's folder, and some 40 bytes a file
in memory.
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
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from howlkit.atomic_files import writing_whole
from howlkit.dataset.hashes import HASH_BYTES, ByHash
from howlkit.music import midi

__all__ = ["FileEntry", "FileList", "KnownFiles", "head"]

FORMAT = 2


class FileEntry(NamedTuple):
    """A piece in a file: where the file is, how it looked when it was read, and what came of it.

    A file of several pieces has an entry for each: number `item` of `items`, counted from 0, with
    its `title`. A file that cannot be read has one entry. For a file in an archive, `path` is the
    archive's path followed by its name there, `changed` the archive's time, all else the file's.
    size: in bytes. changed: when the file was last changed, in nanoseconds. content, notes: the
    hashes of the piece (records.py); empty if there is none, and then `reason` says why. repairs:
    pairs, as in `midi.Reading`. reader: the `Reader.identity` of what read the file, empty for
    howlkit itself.
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
    def of_line(cls, line: str) -> FileEntry:
        """Return the entry that a line was made of; ValueError if the line is damaged."""
        try:
            said = json.loads(line)
            said |= {name: bytes.fromhex(said[name]) for name in _HASHES}
            said["repairs"] = tuple((str(name), int(count)) for name, count in said["repairs"])
            entry = cls(**said)
            if all(type(getattr(entry, name)) is kind for name, kind in _KINDS.items()):
                return entry
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


def head(limits: midi.Limits, *, strict: bool) -> str:
    """Return the first line of a file list: the settings that decide what reading finds."""
    settings = {"format": FORMAT, "limits": dataclasses.asdict(limits)}
    return json.dumps(settings | {"strict": True} if strict else settings)


class _Lines(contextlib.AbstractContextManager["_Lines"]):
    """Numbered lines of text in a temporary file: all are appended, then they are read."""

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


class KnownFiles(contextlib.AbstractContextManager["KnownFiles"]):
    """The entries that earlier runs, finished or not, made of files, by path."""

    def __init__(
        self,
        folder: Path,
        lists: Iterable[Path],
        wanted: Mapping[str, Callable[[FileEntry], bool]],
    ) -> None:
        """Read the entries of `lists` that are `wanted`; damaged lines are left out.

        lists: files of lines; of two lines about one path the later counts. wanted: for the first
        line of a list (`head`), which of its entries count; lists that begin otherwise were read
        with other settings, and nothing of them counts.
        """
        self._lines = _Lines(folder)
        keys, numbers = bytearray(), array("q")
        for path in lists:
            for first, line in _lines_of(path, wanted):
                with contextlib.suppress(ValueError):
                    entry = FileEntry.of_line(line)
                    if wanted[first](entry):
                        keys += _key(entry.path, entry.item)
                        numbers.append(len(self._lines))
                        self._lines.append(line.rstrip("\n"))
        self._numbers = ByHash()
        self._numbers.update(_hashes(keys)[::-1], np.array(numbers, np.int64)[::-1])

    def __exit__(self, *_: object) -> None:
        self._lines.__exit__()

    def get(self, path: str) -> tuple[FileEntry, ...]:
        """Return the entries of all pieces in a file; () if any of them is not known."""
        first = self._one(path, 0)
        if first is None:
            return ()
        found = [first]
        for item in range(1, first.items):
            entry = self._one(path, item)
            if entry is None or _looks(entry) != _looks(first):
                return ()
            found.append(entry)
        return tuple(found)

    def _one(self, path: str, item: int) -> FileEntry | None:
        number = self._numbers.get(_key(path, item)) if len(self._numbers) else -1
        return FileEntry.of_line(self._lines[number]) if number >= 0 else None


class FileList(contextlib.AbstractContextManager["FileList"]):
    """The entries of this run, in the order in which they were found.

    files: the number of files that they are in. skipped: (path, reason) of each entry without
    music. repairs: the sum over all entries. left_out: the number of files without an entry, since
    nothing reads them, by `midi.kind_of`.
    """

    def __init__(self, folder: Path) -> None:
        self._lines = _Lines(folder)
        self._content, self._notes, self._unchanged = bytearray(), bytearray(), bytearray()
        self.files = 0
        self.skipped: list[tuple[str, str]] = []
        self.repairs: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()

    def __exit__(self, *_: object) -> None:
        self._lines.__exit__()

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, entry: FileEntry, line: str, *, unchanged: bool) -> None:
        """Add the next entry, and its line.

        unchanged: whether it is known from an earlier run and was not read again.
        """
        self._lines.append(line)
        self._content += entry.content or bytes(HASH_BYTES)
        self._notes += entry.notes or bytes(HASH_BYTES)
        self._unchanged.append(unchanged)
        self.files += entry.item == 0
        self.repairs.update(dict(entry.repairs))
        if not entry.content:
            self.skipped.append((entry.path, entry.reason))

    @property
    def read(self) -> int:
        """The number of entries with music."""
        return len(self) - len(self.skipped)

    @property
    def content(self) -> NDArray[np.uint8]:
        """(n, 16): `FileEntry.content` of each entry, zeros where there is none."""
        return _hashes(self._content)

    @property
    def notes(self) -> NDArray[np.uint8]:
        """(n, 16): `FileEntry.notes` of each entry, zeros where there is none."""
        return _hashes(self._notes)

    @property
    def unchanged(self) -> NDArray[np.bool_]:
        """(n,): which entries are known from an earlier run and were not read again."""
        return np.frombuffer(self._unchanged, np.bool_)

    def path(self, number: int) -> str:
        """Return the path of an entry."""
        return FileEntry.of_line(self._lines[number]).path

    def paths(self) -> Iterator[str]:
        """Yield the path of each entry."""
        return (entry.path for entry in self.entries())

    def entries(self) -> Iterator[FileEntry]:
        """Yield each entry."""
        return map(FileEntry.of_line, self._lines)

    def save(self, path: Path, first: str) -> None:
        """Write the lines, `first` (`head`) before them, for `KnownFiles` to read."""
        with writing_whole(path) as file:
            file.write(first.encode("ascii") + b"\n")
            file.writelines(line.encode("ascii") for line in self._lines)


def _key(path: str, item: int = 0) -> bytes:
    name = os.fsencode(path) + (b"\0%d" % item if item else b"")
    return hashlib.blake2b(name, digest_size=HASH_BYTES).digest()


def _looks(entry: FileEntry) -> tuple[object, ...]:
    """Return the values that all entries of a file share if they were made at one time."""
    return entry.size, entry.changed, entry.sha256, entry.reader, entry.items


def _hashes(joined: bytearray) -> NDArray[np.uint8]:
    return np.frombuffer(bytes(joined), np.uint8).reshape(-1, HASH_BYTES)


def _lines_of(path: Path, firsts: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield the first line of a file, and with it each of the others.

    Yields nothing if the file is missing or its first line is none of `firsts`.
    """
    try:
        with open(path, encoding="ascii", errors="replace", newline="\n") as file:
            first = file.readline().rstrip("\n")
            if first in firsts:
                for line in file:
                    yield first, line
    except OSError:
        return
