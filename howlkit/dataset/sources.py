"""Source files of a dataset: read in several processes, and only those that changed.

A file is taken as unchanged if path, size and time of change are as they were, or else if its bytes
are (SHA-256). Files that could not be read are tried again every time. Paths are absolute.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import itertools
import os
import stat
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit import midi
from howlkit.dataset import duplicates
from howlkit.dataset.listing import Known, Source
from howlkit.dataset.shards import content_of, notes_of
from howlkit.dataset.workers import in_order, usable_cores
from howlkit.errors import HowlkitError
from howlkit.piece import Piece

__all__ = ["Outcome", "of_piece", "read_all"]

_FILES_A_WORKER = 64  # fewer are read sooner than another process starts


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a file: its source and, if it was read just now, the piece and its sketch."""

    source: Source
    piece: Piece | None = None
    sketch: NDArray[np.uint32] | None = None


def read_all(
    paths: Sequence[str], known: Known, *, limits: midi.Limits, workers: int | None
) -> Generator[Outcome, None, None]:
    """Yield what came of each file, in the order of `paths`.

    known: what earlier runs found. workers: processes; None: as many as are worth it.
    Nothing that is in a file raises: it is a reason.
    """
    changed = np.fromiter((_changed(known.get(path)) for path in paths), bool, len(paths))
    todo = ((path, known.get(path)) for path in itertools.compress(paths, changed))
    left = int(np.count_nonzero(changed))
    if workers is None:
        workers = max(1, min(usable_cores(), left // _FILES_A_WORKER))
    work = functools.partial(_read, limits=limits)
    read = in_order(work, todo, workers=workers if left else 1, lost=_lost)
    with contextlib.closing(read):  # ends the processes, also when nobody asks for more
        for path, again in zip(paths, changed, strict=True):
            before = None if again else known.get(path)
            yield next(read) if before is None else Outcome(before)


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


def _changed(before: Source | None) -> bool:
    """Say whether a file does not look as it did before, or is not known."""
    if before is None:
        return True
    try:
        status = os.stat(before.path)
    except OSError:
        return True
    return (before.size, before.changed) != (status.st_size, status.st_mtime_ns)


def _same_bytes(before: Source, status: os.stat_result) -> bool:
    regular = stat.S_ISREG(status.st_mode)
    return regular and before.size == status.st_size and before.sha256 == _sha256(before.path)


def _sha256(path: str) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
