"""Source files of a dataset: read in several processes, and only those that changed.

A file is taken as unchanged if path, size and time of change are as they were, or else if its bytes
are (SHA-256). What is known of each file is a line of JSON; files that could not be read are tried
again every time. Paths are absolute.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import stat
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from howlkit import midi
from howlkit.dataset import duplicates
from howlkit.dataset.shards import content_of, notes_of
from howlkit.dataset.workers import in_order, usable_cores
from howlkit.disk import write_whole
from howlkit.errors import HowlkitError
from howlkit.piece import Piece

__all__ = ["Outcome", "Source", "head", "listed", "of_piece", "parse", "read_all", "save"]

FORMAT = 2

_FILES_A_WORKER = 64  # fewer are read sooner than another process starts


@dataclass(frozen=True, slots=True)
class Source:
    """A file: where it is, how it looked when it was read, and what came of it.

    size in bytes; changed: time of the last change in nanoseconds. content, notes: of the piece in
    it (`shards.content_of`, `shards.notes_of`), or empty, and then `reason` says why. repairs:
    pairs, as `midi.Reading` has them. Many of these are in memory at once, so they are small.
    """

    path: str
    size: int = 0
    changed: int = 0
    sha256: bytes = b""
    content: bytes = b""
    notes: bytes = b""
    reason: str = ""
    repairs: tuple[tuple[str, int], ...] = ()

    def line(self) -> str:
        """Return one line of JSON, plain ASCII."""
        said = dataclasses.asdict(self)
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
_KINDS = {"path": str, "size": int, "changed": int, "reason": str}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a file: its source and, if it was read just now, the piece and its sketch."""

    source: Source
    piece: Piece | None = None
    sketch: NDArray[np.uint32] | None = None


def parse(lines: Iterable[str]) -> dict[str, Source]:
    """Return the sources that `Source.line` wrote, by path; damaged lines are left out."""
    known = {}
    for line in lines:
        with contextlib.suppress(ValueError):
            source = Source.of_line(line)
            known[source.path] = source
    return known


def listed(path: Path, limits: midi.Limits) -> dict[str, Source]:
    """Return the sources that `save` wrote, by path: none if they were read under other limits."""
    try:
        first, *lines = path.read_text(encoding="ascii", errors="replace").split("\n")
    except OSError:
        return {}
    return parse(lines) if first == head(limits) else {}


def save(path: Path, sources: Iterable[Source], limits: midi.Limits) -> None:
    """Write a line of JSON for each source, after one that says how they were read."""
    lines = [head(limits), *(source.line() for source in sources)]
    write_whole(path, "\n".join(lines).encode("ascii"))


def head(limits: midi.Limits) -> str:
    """Return the line that says how sources were read: what another reading might change."""
    return json.dumps({"format": FORMAT, "limits": dataclasses.asdict(limits)})


def read_all(
    paths: Sequence[str], known: Mapping[str, Source], *, limits: midi.Limits, workers: int | None
) -> Generator[Outcome, None, None]:
    """Yield what came of each file, in the order of `paths`.

    known: by path what an earlier run found. workers: processes; None: as many as are worth it.
    Nothing that is in a file raises: it is a reason.
    """
    untouched = {path for path in paths if path in known and _untouched(known[path])}
    todo = ((path, known.get(path)) for path in paths if path not in untouched)
    left = len(paths) - len(untouched)
    if workers is None:
        workers = max(1, min(usable_cores(), left // _FILES_A_WORKER))
    work = functools.partial(_read, limits=limits)
    read = in_order(work, todo, workers=workers if left else 1, lost=_lost)
    with contextlib.closing(read):  # ends the processes, also when nobody asks for more
        for path in paths:
            yield Outcome(known[path]) if path in untouched else next(read)


def of_piece(piece: Piece) -> Outcome:
    """Return what comes of a piece that stands in no file; its name is its path."""
    source = Source(piece.name, content=content_of(piece), notes=notes_of(piece))
    return Outcome(source, piece, duplicates.sketch(piece))


Item = tuple[str, Source | None]


def _lost(item: Item) -> Outcome:
    shown = midi.printable(item[0])
    return Outcome(Source(item[0], reason=f"{shown} crashed the MIDI reader; please report it"))


def _read(item: Item, *, limits: midi.Limits) -> Outcome:
    path, before = item
    try:
        status = os.stat(path)
        if before is not None and _same_bytes(before, status):
            return Outcome(dataclasses.replace(before, changed=status.st_mtime_ns))
        reading = midi.inspect(path, limits=limits)
        if not len(reading.piece):
            return Outcome(Source(path, reason=_silence(path, reading)))
        return _outcome(path, status, reading)
    except HowlkitError as error:
        return Outcome(Source(path, reason=str(error)))
    except (OSError, ValueError) as error:  # ValueError: no path at all, a NUL in it
        cause = getattr(error, "strerror", None) or error
        return Outcome(Source(path, reason=f"{midi.printable(path)} cannot be read: {cause}"))
    except Exception as error:  # a bug of ours must not stop a run over 100,000 files
        text = f"{midi.printable(path)} makes howlkit fail ({error!r}); please report it"
        return Outcome(Source(path, reason=text))


def _outcome(path: str, status: os.stat_result, reading: midi.Reading) -> Outcome:
    piece = reading.piece
    source = Source(
        path,
        size=status.st_size,
        changed=status.st_mtime_ns,
        sha256=_sha256(path),
        content=content_of(piece),
        notes=notes_of(piece),
        repairs=tuple(reading.repairs.items()),
    )
    return Outcome(source, piece, duplicates.sketch(piece))


def _silence(path: str, reading: midi.Reading) -> str:
    """Return why there are no notes in a file."""
    begun = reading.repairs.get("unreleased_notes", 0)
    why = f"none of its {begun} notes is ever released" if begun else "it has no notes"
    return f"{midi.printable(path)} has no music in it: {why}"


def _untouched(before: Source) -> bool:
    try:
        status = os.stat(before.path)
    except OSError:
        return False
    return (before.size, before.changed) == (status.st_size, status.st_mtime_ns)


def _same_bytes(before: Source, status: os.stat_result) -> bool:
    regular = stat.S_ISREG(status.st_mode)
    return regular and before.size == status.st_size and before.sha256 == _sha256(before.path)


def _sha256(path: str) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
