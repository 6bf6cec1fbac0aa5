"""Reads the files of a dataset in several processes, and only those that changed.

A file counts as unchanged if the same reader would read it and if path, size and time of change
are the same, or else path and bytes (SHA-256); the time of a file in an archive is the archive's.
Files that could not be read are tried again every time. Paths are absolute.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import stat
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from howlkit.dataset.file_list import FileEntry, KnownFiles
from howlkit.dataset.found_files import FoundFile
from howlkit.dataset.readers import Reader, Readers
from howlkit.dataset.records import Record
from howlkit.dataset.workers import WorkerPool
from howlkit.errors import HowlkitError
from howlkit.music import midi
from howlkit.music.midi.archives import Member, read_member
from howlkit.music.midi.compressed import unpacked
from howlkit.music.midi.container import load
from howlkit.music.piece import Piece

__all__ = ["FILES_A_WORKER", "ReadResult", "ReadResults", "of_piece", "read_all"]

FILES_A_WORKER = 64
"""Fewer files are read sooner than another process starts."""

_SLOW_FILES_A_WORKER = 8  # where a plugin's source reads some: from text, in Python


class ReadResult(NamedTuple):
    """A piece in a file: its entry, the entry as a line and, if it was just read, its record."""

    entry: FileEntry
    line: str
    record: Record | None

    @classmethod
    def of(cls, entry: FileEntry, record: Record | None = None) -> ReadResult:
        """Return the result, with the line made of the entry."""
        return cls(entry, entry.line(), record)


ReadResults = tuple[ReadResult, ...]


def read_all(
    files: Sequence[FoundFile],
    known: KnownFiles,
    readers: Readers,
    pool: WorkerPool,
    *,
    limits: midi.Limits,
    strict: bool,
    workers: int | None,
) -> Generator[ReadResults, None, None]:
    """Yield the results of each file, one for each piece in it, in the order of `files`.

    known: what earlier runs found. readers: for files other than MIDI. strict: a file that has
    to be mended cannot be read. workers: how many processes of the pool to use; None: as many as
    are worth starting. Nothing that a file contains raises: the reason is in its entry.
    """
    changed, only_midi = np.zeros(len(files), bool), True
    for number, file in enumerate(files):
        reader = _reader(file, readers)
        if _changed(file, known.get(file.path), reader):
            changed[number] = True
            only_midi &= reader is None
    todo = (
        Item(file, known.get(file.path), _reader(file, readers))
        for file in itertools.compress(files, changed)
    )
    left = int(np.count_nonzero(changed))
    if workers is None:
        enough = FILES_A_WORKER if only_midi else _SLOW_FILES_A_WORKER
        workers = max(1, left // enough)
    work = functools.partial(_read, limits=limits, strict=strict)
    read = pool.map(work, todo, workers=workers, lost=_lost)
    for file, again in zip(files, changed, strict=True):
        before = () if again else known.get(file.path)
        yield tuple(map(ReadResult.of, before)) or next(read)


def of_piece(piece: Piece) -> ReadResult:
    """Return the result for a piece that is in no file; its name takes the place of the path."""
    return _result(FileEntry(piece.name), piece)


class Item(NamedTuple):
    """A file to read, the entries known of it, and its reader (None: howlkit itself)."""

    file: FoundFile
    before: tuple[FileEntry, ...]
    reader: Reader | None


def _lost(item: Item) -> ReadResults:
    shown = midi.printable(item.file.path)
    reader = f"the source {item.reader.source.name!r}" if item.reader else "the MIDI reader"
    return _failed(item, f"{shown} crashed {reader}; please report it")


def _failed(item: Item, reason: str) -> ReadResults:
    entry = FileEntry(item.file.path, reason=reason, reader=_identity(item.reader))
    return (ReadResult.of(entry),)


def _read(item: Item, *, limits: midi.Limits, strict: bool) -> ReadResults:
    file, before, reader = item
    shown = midi.printable(file.path)
    try:
        status = os.stat(file.on_disk)
        if before and _same_reader(before, reader) and _same_bytes(file, before[0], status, limits):
            changed = status.st_mtime_ns
            return tuple(ReadResult.of(s._replace(changed=changed)) for s in before)
        if reader is None:
            return (_midi(file, status, limits, strict=strict),)
        return tuple(_pieces(file.path, status, reader, limits))
    except HowlkitError as error:
        text = str(error)
        return _failed(item, text if reader is None or shown in text else f"{shown}: {text}")
    except (OSError, ValueError) as error:  # ValueError: no path at all, a NUL in it
        cause = getattr(error, "strerror", None) or error
        return _failed(item, f"{shown} cannot be read: {cause}")
    except (Exception, SystemExit) as error:  # a bug must not stop a run over 100,000 files
        who = f"the source {reader.source.name!r} of {reader.provider}" if reader else "howlkit"
        return _failed(item, f"{shown} makes {who} fail ({error!r}); please report it")


def _midi(
    file: FoundFile, status: os.stat_result, limits: midi.Limits, *, strict: bool
) -> ReadResult:
    path = file.path
    data, seen = _loaded(file, status, limits)
    reading = midi.inspect_bytes(data, name=path, limits=limits, strict=strict)
    if not len(reading.piece):
        return ReadResult.of(
            FileEntry(path, reason=f"{midi.printable(path)} has no music in it: it has no notes")
        )
    return _result(seen._replace(repairs=tuple(reading.repairs.items())), reading.piece)


def _loaded(
    file: FoundFile, status: os.stat_result, limits: midi.Limits
) -> tuple[bytes, FileEntry]:
    """Return the bytes of a MIDI file, and an entry that says how the file looks now."""
    if file.member is not None:
        stored = _member(file.member, limits)
        seen = _seen(file, status, hashlib.sha256(stored).digest())
        return unpacked(stored, file.path, limits), seen
    data = load(file.path, limits)
    # A file that was unpacked while it was loaded has other bytes on the disk.
    whole = len(data) == status.st_size
    sha256 = hashlib.sha256(data).digest() if whole else _sha256(file.path)
    return data, _seen(file, status, sha256)


def _member(member: Member, limits: midi.Limits) -> bytes:
    with open(member.archive, "rb") as archive:
        return read_member(member, archive, limits)


def _pieces(
    path: str, status: os.stat_result, reader: Reader, limits: midi.Limits
) -> Iterator[ReadResult]:
    """Yield the result of each piece in a file that a plugin's source reads."""
    found = reader.read(path, limits)
    items = len(found)
    seen = _seen(FoundFile(path), status, _sha256(path))
    seen = seen._replace(reader=reader.identity, items=items)
    for item, piece in enumerate(found):
        entry = seen._replace(item=item)
        if isinstance(piece, Piece):
            title = piece.name if items > 1 else ""
            yield _result(entry._replace(title=title), piece)
        else:
            which = f", piece {item + 1} of {items}" if items > 1 else ""
            reason = f"{midi.printable(path)}{which}: {piece}"
            yield ReadResult.of(entry._replace(reason=reason))


def _seen(file: FoundFile, status: os.stat_result, sha256: bytes) -> FileEntry:
    """Return an entry that says how the file looks now; status: of the archive, if it is in one."""
    return FileEntry(file.path, _size(file, status), status.st_mtime_ns, sha256)


def _size(file: FoundFile, status: os.stat_result) -> int:
    return status.st_size if file.member is None else file.member.size


def _result(entry: FileEntry, piece: Piece) -> ReadResult:
    """Return the result for a piece that was read just now."""
    record = Record.of(piece)
    return ReadResult.of(entry._replace(content=record.content, notes=record.notes), record)


def _changed(file: FoundFile, before: tuple[FileEntry, ...], reader: Reader | None) -> bool:
    """Say whether a file is unknown, has changed, or would be read by another reader."""
    if not before or not _same_reader(before, reader):
        return True
    try:
        status = os.stat(file.on_disk)
    except OSError:
        return True
    return (before[0].size, before[0].changed) != (_size(file, status), status.st_mtime_ns)


def _reader(file: FoundFile, readers: Readers) -> Reader | None:
    return None if file.member is not None else readers.reader(file.path)


def _identity(reader: Reader | None) -> str:
    return "" if reader is None else reader.identity


def _same_reader(before: tuple[FileEntry, ...], reader: Reader | None) -> bool:
    return before[0].reader == _identity(reader)


def _same_bytes(
    file: FoundFile, before: FileEntry, status: os.stat_result, limits: midi.Limits
) -> bool:
    if not stat.S_ISREG(status.st_mode) or before.size != _size(file, status):
        return False
    if file.member is not None:
        return before.sha256 == hashlib.sha256(_member(file.member, limits)).digest()
    return before.sha256 == _sha256(file.path)


def _sha256(path: str) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
