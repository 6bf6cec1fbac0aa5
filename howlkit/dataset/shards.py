"""Pieces on disk: shards, safetensors files of a million notes or two, one tensor a column.

    shard-00000.safetensors   notes.start notes.pitch ... tempos.tick ... (all pieces end to end)
                              pieces.notes pieces.tempos ... how many rows of each a piece has
                              pieces.ticks_per_beat .seconds .content .sketch
    shard-00000.jsonl         the source files read meanwhile; only until `prepare` has finished

What is stored is known by its **content** (records.py), and stored once, however many files hold
it. Everything is written under another name and then renamed: what bears its name is whole. The
shard being filled is written every few seconds and when a run is broken off; the next run goes on
filling it, so that its bytes are those of a run that was not.
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
"""A shard is closed when it has so many notes ..."""

SHARD_PIECES = 2**13
"""... or so many pieces."""

_SHARD_ROWS = 2**32  # more than any shard has

KEEP_SECONDS = 5.0
"""The shard being filled is written after so many seconds ..."""

_KEEP_SHARE = 20  # ... and after so many times as many as writing it took: it costs 5 % at most


def shard_name(number: int) -> str:
    """Return what the file of a shard is called."""
    return f"shard-{number:05d}.safetensors"


class Store:
    """The shards of a dataset folder, and the one being filled."""

    def __init__(self, folder: Path, *, head: str = "") -> None:
        """Look through the shards there are; damaged ones are deleted, to be read anew.

        head: first line of each journal; journals with another one are not looked at.
        """
        self.folder, self._head = folder, head
        self._places = ByHash()  # of what is stored: its shard, and its row there
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
        """Go on filling the last shard, if a run was broken off before it was full."""
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
        """Say whether a piece of this content is stored."""
        return content in self._places

    def find(self, contents: Array) -> tuple[Array, Array]:
        """Return (n,) in which shard, and (n,) as which of its pieces, contents (n, 16) are."""
        return divmod(self._places.find(contents), _SHARD_ROWS)

    def add(self, record: Record) -> None:
        """Store a piece, unless it is there already."""
        if self._places.add(record.content, _place(self._next, len(self._waiting))):
            self._waiting.append(record)

    def journal(self, line: str) -> None:
        """Remember a line about a source file, to be kept with the shard under way."""
        self._journal.append(line)
        if _is_full(self._waiting):
            self.flush()
        elif time.monotonic() - self._kept >= max(KEEP_SECONDS, _KEEP_SHARE * self._cost):
            self.keep()

    def journals(self) -> list[Path]:
        """Return the files of lines kept with shards by a run that did not finish, by age."""
        return matching(self.folder, JOURNAL)

    def _journal_of(self, path: Path) -> list[str]:
        """Return the lines of a journal; none if it is not there, or not of this head."""
        try:
            lines = path.read_text(encoding="ascii", errors="replace").split("\n")
        except OSError:
            return []
        return lines if lines[0] == self._head else []

    def keep(self) -> None:
        """Write the shard under way as it is, if it holds anything; more may be added."""
        if not len(self._waiting):
            return
        began = time.monotonic()
        path = self.folder / shard_name(self._next)
        write_tensors(path, self._waiting.tensors())
        lines = "\n".join(self._journal).encode("ascii", "replace")  # "?" where one was damaged
        write_whole(path.with_suffix(".jsonl"), lines)
        self._kept = time.monotonic()
        self._cost = self._kept - began

    def flush(self) -> None:
        """Write the shard under way, if it holds anything, and begin another."""
        if len(self._waiting):
            self.keep()
            self._next += 1
        self._clear()

    def shard(self, number: int) -> Tensors:
        """Return the tensors of a shard, opened anew: what is open takes up memory."""
        return Tensors(self.folder / shard_name(number))

    def tidy(self, used: Iterable[int]) -> None:
        """Delete shards of which nothing is used, journals, and what broken-off writes left."""
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
    """Return the contents (n, 16) of a shard; DataError unless every tensor is as it should be."""
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
    """Yield the records that a shard was made of; HowlkitError or ValueError if it is damaged."""
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
    """Return `count` rows of a table, copied out of the columns of a shard.

    Raises DataError if they are not all there.
    """
    there = len(shard[f"{table}.{(TABLES[table].names or ())[0]}"])
    if begin < 0 or not 0 <= count <= there - begin:
        raise DataError(f"rows {begin} to {begin + count} of {there} {table} were asked for")
    rows = np.empty(count, TABLES[table])
    for column in TABLES[table].names or ():
        rows[column] = shard[f"{table}.{column}"][begin : begin + count]
    return rows
