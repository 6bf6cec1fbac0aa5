"""Pieces on disk: shards, safetensors files of a million notes or two, a tensor for each column.

    shard-00000.safetensors   notes.start notes.pitch ... tempos.tick ... (all pieces end to end)
                              pieces.notes pieces.tempos ... the number of rows of each piece
                              pieces.ticks_per_beat .seconds .content .sketch
    shard-00000.jsonl         the entries of the files read so far; only while `prepare` runs

A piece is known by its **content** hash (records.py) and stored once, however many files hold it.
Every file is written under another name and then renamed, so that a file with its own name is
whole. The shard being filled is written every few seconds and when a run is interrupted; the next
run goes on filling it, so that the shard has the bytes of an uninterrupted run.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from howlkit.atomic_files import write_whole
from howlkit.dataset.hashes import ByHash
from howlkit.dataset.mapped_tensors import Array, Tensors, write_tensors
from howlkit.dataset.names import JOURNAL, PARTIAL, SCRATCH, SHARD, delete, matching
from howlkit.dataset.records import TABLES, Record, Records
from howlkit.dataset.sketches import BINS
from howlkit.errors import DataError, HowlkitError
from howlkit.music.piece import Piece

__all__ = ["Store", "shard_name", "stored"]

SHARD_NOTES = 2**21
"""A shard is full when it has this many notes ..."""

SHARD_PIECES = 2**13
"""... or this many pieces."""

_SHARD_ROWS = 2**32  # more than any shard has

KEEP_SECONDS = 5.0
"""The shard being filled is written when this many seconds have passed ..."""

_KEEP_SHARE = 20  # ... and this many times as long as writing it took: so writing costs 5 % at most


def shard_name(number: int) -> str:
    """Return the name of a shard's file."""
    return f"shard-{number:05d}.safetensors"


class Store:
    """The shards of a dataset folder, and the one being filled."""

    def __init__(self, folder: Path, *, head: str = "") -> None:
        """Open the shards in a folder, and delete damaged ones: their pieces are read again.

        head: the first line of each journal; journals that begin otherwise are ignored.
        """
        self.folder, self._head = folder, head
        self._places = ByHash()  # of each piece by its content: shard and row
        self._next = 0
        self._clear()
        for path in matching(folder, SHARD):
            self._adopt(path)
        self._reopen()

    def _clear(self) -> None:
        self._waiting = Records()
        self._journal = [self._head]
        self._kept, self._cost = time.monotonic(), 0.0

    def _adopt(self, path: Path) -> None:
        number = _number(path)
        try:
            contents = _checked(Tensors(path))
        except DataError:
            delete(path)
            return
        self._next = number + 1
        self._places.update(contents, _place(number, np.arange(len(contents))))

    def _reopen(self) -> None:
        """Go on filling the last shard if a run was interrupted before it was full."""
        path = self.folder / shard_name(self._next - 1)
        journal = self._journal_of(path.with_suffix(".jsonl"))
        if not (journal and path.is_file()):
            return
        try:
            records = Records()
            for record in _records(Tensors(path)):
                records.append(record)
        except (HowlkitError, ValueError):
            self._forget(path)
            return
        if not _is_full(records):
            self._next -= 1
            self._waiting, self._journal = records, journal

    def _forget(self, path: Path) -> None:
        number = _number(path)
        self._places.drop(range(_place(number, 0), _place(number + 1, 0)))
        delete(path)

    def __contains__(self, content: bytes) -> bool:
        """Say whether a piece with this content is stored."""
        return content in self._places

    def find(self, contents: Array) -> tuple[Array, Array]:
        """Return the shards (n,) of contents (n, 16), and their rows (n,) there."""
        return divmod(self._places.find(contents), _SHARD_ROWS)

    def add(self, record: Record) -> None:
        """Store a piece unless it is stored already."""
        if self._places.add(record.content, _place(self._next, len(self._waiting))):
            self._waiting.append(record)

    def journal(self, line: str) -> None:
        """Add a line about a file to the journal of the shard being filled."""
        self._journal.append(line)
        if _is_full(self._waiting):
            self.flush()
        elif time.monotonic() - self._kept >= max(KEEP_SECONDS, _KEEP_SHARE * self._cost):
            self.keep()

    def journals(self) -> list[Path]:
        """Return the journals that an interrupted run left, the oldest first."""
        return matching(self.folder, JOURNAL)

    def _journal_of(self, path: Path) -> list[str]:
        """Return the lines of a journal; none if it is missing or has another head."""
        try:
            lines = path.read_text(encoding="ascii", errors="replace").split("\n")
        except OSError:
            return []
        return lines if lines[0] == self._head else []

    def keep(self) -> None:
        """Write the shard being filled as it is, unless it is empty; more may be added."""
        if not len(self._waiting):
            return
        began = time.monotonic()
        path = self.folder / shard_name(self._next)
        write_tensors(path, self._waiting.tensors())
        lines = "\n".join(self._journal).encode("ascii", "replace")  # "?" for what is damaged
        write_whole(path.with_suffix(".jsonl"), lines)
        self._kept = time.monotonic()
        self._cost = self._kept - began

    def flush(self) -> None:
        """Write the shard being filled, unless it is empty, and begin another."""
        if len(self._waiting):
            self.keep()
            self._next += 1
        self._clear()

    def shard(self, number: int) -> Tensors:
        """Open a shard; it is not kept open, since that takes memory."""
        return Tensors(self.folder / shard_name(number))

    def tidy(self, used: Iterable[int]) -> None:
        """Delete all shards but the `used`, all journals, and what interrupted writes left."""
        names = set(map(shard_name, used))
        unused = [path for path in matching(self.folder, SHARD) if path.name not in names]
        left = (matching(self.folder, pattern) for pattern in (JOURNAL, PARTIAL, SCRATCH))
        for path in itertools.chain(unused, *left):
            delete(path)


def _is_full(records: Records) -> bool:
    return records.notes >= SHARD_NOTES or len(records) >= SHARD_PIECES


def _place(shard: int, row: Any) -> Any:  # noqa: ANN401 - a number or an array
    return shard * _SHARD_ROWS + row


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("shard-"))


def _checked(shard: Tensors) -> Array:
    """Return the contents (n, 16) of a shard; DataError if a tensor has another type or shape."""
    contents = shard["pieces.content"]
    n = len(contents)
    shard.check("pieces.content", np.uint8, (n, 16))
    shard.check("pieces.sketch", np.uint32, (n, BINS))
    shard.check("pieces.ticks_per_beat", np.uint16, (n,))
    shard.check("pieces.seconds", np.float64, (n,))
    for table, dtype in TABLES.items():
        shard.check(f"pieces.{table}", np.int64, (n,))
        rows = int(shard[f"pieces.{table}"].sum())
        for column in dtype.names or ():
            shard.check(f"{table}.{column}", dtype[column], (rows,))
    return contents


def _records(shard: Tensors) -> Iterator[Record]:
    """Yield the records in a shard; HowlkitError or ValueError if it is damaged."""
    counts = {table: shard[f"pieces.{table}"].tolist() for table in TABLES}
    begins = dict.fromkeys(TABLES, 0)
    for row, content in enumerate(shard["pieces.content"]):
        tables: dict[str, Any] = {}
        for table in TABLES:
            tables[table] = stored(shard, table, begins[table], counts[table][row])
            begins[table] += counts[table][row]
        piece = Piece(**tables, ticks_per_beat=int(shard["pieces.ticks_per_beat"][row]))
        record = Record.of(piece, shard["pieces.sketch"][row])
        if record.content != content.tobytes():
            raise DataError(f"piece {row} is not what it was")
        yield record


def stored(shard: Tensors, table: str, begin: int, count: int) -> Array:
    """Return a copy of `count` rows of a table, from the columns of a shard.

    Raises DataError if the shard does not have them all.
    """
    there = len(shard[f"{table}.{(TABLES[table].names or ())[0]}"])
    if begin < 0 or not 0 <= count <= there - begin:
        raise DataError(f"rows {begin} to {begin + count} of {there} {table} were asked for")
    rows = np.empty(count, TABLES[table])
    for column in TABLES[table].names or ():
        rows[column] = shard[f"{table}.{column}"][begin : begin + count]
    return rows
