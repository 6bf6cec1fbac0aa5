"""Pieces on disk: shards, safetensors files of a million notes or two, one tensor a column.

    shard-00000.safetensors   notes.start notes.pitch ... tempos.tick ... (all pieces end to end)
                              pieces.notes pieces.tempos ... how many rows of each a piece has
                              pieces.ticks_per_beat .seconds .content .sketch
    shard-00000.jsonl         the source files read meanwhile; only until `prepare` has finished

A piece is known by its **content**, 16 bytes: the hash of its notes and resolution. It is stored
once, however many files hold it. Everything is written under another name and then renamed: what
bears its name is whole. Reading is by memory map at the tensor's offset, ten times as fast as
safetensors' own slices. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset.duplicates import BINS
from howlkit.disk import write_whole
from howlkit.errors import DataError
from howlkit.piece import KEY_SIGNATURE, NOTE, PEDAL, TEMPO, TIME_SIGNATURE, Piece

__all__ = [
    "TABLES",
    "Place",
    "Store",
    "Tensors",
    "content_of",
    "delete",
    "shard_name",
    "stored",
    "write_tensors",
]

TABLES = {
    "notes": NOTE,
    "tempos": TEMPO,
    "time_signatures": TIME_SIGNATURE,
    "key_signatures": KEY_SIGNATURE,
    "pedals": PEDAL,
}
"""The tables of a Piece, each stored column by column."""

SHARD_NOTES = 2**21
"""A shard is closed when it has so many notes ..."""

SHARD_PIECES = 2**13
"""... or so many pieces."""

_DTYPES = {"U8": "u1", "I8": "i1", "U16": "<u2", "I32": "<i4", "U32": "<u4"}
_DTYPES |= {"I64": "<i8", "F64": "<f8"}

Array = NDArray[Any]


def shard_name(number: int) -> str:
    """Return what the file of a shard is called."""
    return f"shard-{number:05d}.safetensors"


def delete(path: Path) -> None:
    """Delete a file that is in nobody's way: where the system refuses, it stays."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def content_of(piece: Piece) -> bytes:
    """Return the 16 bytes that a piece is known by: equal for equal notes at equal resolution.

    Tempo, metre, pedal and name do not count: they make no other piece of the same notes.
    """
    digest = hashlib.blake2b(piece.ticks_per_beat.to_bytes(2, "little"), digest_size=16)
    digest.update(np.ascontiguousarray(piece.notes).tobytes())
    return digest.digest()


def write_tensors(path: Path, tensors: Mapping[str, Array]) -> None:
    """Write a safetensors file, whole or not at all; the same arrays give the same bytes."""
    from safetensors.numpy import save

    write_whole(path, save({name: np.ascontiguousarray(t) for name, t in tensors.items()}))


class Tensors:
    """The tensors of a safetensors file by name, memory-mapped, read-only.

    Raises DataError for a file that is missing, damaged or of types not used here.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._bytes = np.asarray(np.memmap(path, np.uint8, "r"))
            size = int(self._bytes[:8].view("<u8")[0])
            header = json.loads(self._bytes[8 : 8 + size].tobytes())
            self._begin = 8 + size
            self._where = {n: entry for n, entry in header.items() if n != "__metadata__"}
            stops = [int(entry["data_offsets"][1]) for entry in self._where.values()]
            whole = self._begin + max(stops, default=0) == len(self._bytes)
        except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged(error) from error
        if not whole:
            raise self._damaged("its length is not what its header says")

    def __getitem__(self, name: str) -> Array:
        """Return the tensor called `name`, a view of the file."""
        try:
            entry = self._where[name]
            begin, stop = (self._begin + int(offset) for offset in entry["data_offsets"])
            data = self._bytes[begin:stop].view(_DTYPES[entry["dtype"]])
            return data.reshape(entry["shape"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(error) from error

    def _damaged(self, cause: object) -> DataError:
        return DataError(
            f"{self._path} is damaged or missing ({cause}); run `howlkit prepare` again, "
            "it reads anew what is lost"
        )


@dataclass(frozen=True)
class Place:
    """Where a piece is stored: in which shard, as which of its pieces."""

    shard: int
    row: int


class Store:
    """The shards of a dataset folder, and the one being filled."""

    def __init__(self, folder: Path, *, head: str = "") -> None:
        """Look through the shards there are; damaged ones are deleted, to be read anew.

        head: first line of each journal; journals with another one are not looked at.
        """
        self._folder, self._head = folder, head
        self.places: dict[bytes, Place] = {}
        self._shards: dict[int, Tensors] = {}
        for path in sorted(folder.glob("shard-*.safetensors")):
            self._adopt(path)
        self._next = max(self._shards, default=-1) + 1
        self._clear()

    def _clear(self) -> None:
        self._waiting: list[tuple[Piece, bytes, Array]] = []
        self._notes = 0
        self._journal = [self._head]

    def _adopt(self, path: Path) -> None:
        try:
            number = int(path.stem.removeprefix("shard-"))
            tensors = Tensors(path)
            contents = tensors["pieces.content"]
            tensors["pieces.sketch"].reshape(len(contents), BINS)
        except (DataError, ValueError):
            delete(path)
            return
        self._shards[number] = tensors
        for row, content in enumerate(contents):
            self.places.setdefault(content.tobytes(), Place(number, row))

    def add(self, piece: Piece, content: bytes, sketch: Array) -> None:
        """Store a piece, unless it is there already."""
        if content in self.places:
            return
        self.places[content] = Place(self._next, len(self._waiting))
        self._waiting.append((piece, content, sketch))
        self._notes += len(piece)

    def journal(self, line: str) -> None:
        """Remember a line about a source file, to be kept with the shard under way."""
        self._journal.append(line)
        if self._notes >= SHARD_NOTES or len(self._waiting) >= SHARD_PIECES:
            self.flush()

    def journals(self) -> Iterator[str]:
        """Yield the lines kept with shards by a run that did not finish."""
        for path in sorted(self._folder.glob("shard-*.jsonl")):
            head, *lines = path.read_text(encoding="ascii").split("\n")
            if head == self._head:
                yield from lines

    def flush(self) -> None:
        """Write the shard under way, if it holds anything."""
        if self._waiting:
            path = self._folder / shard_name(self._next)
            write_tensors(path, dict(_columns(self._waiting)))
            write_whole(path.with_suffix(".jsonl"), "\n".join(self._journal).encode("ascii"))
            self._shards[self._next] = Tensors(path)
            self._next += 1
        self._clear()

    def shard(self, number: int) -> Tensors:
        """Return the tensors of a shard."""
        return self._shards[number]

    def tidy(self, used: Iterable[int]) -> None:
        """Delete shards of which nothing is used, journals, and what broken-off writes left."""
        for number in set(self._shards) - set(used):
            del self._shards[number]
            delete(self._folder / shard_name(number))
        for pattern in ("shard-*.jsonl", ".partial-*"):
            for path in self._folder.glob(pattern):
                delete(path)


def _columns(waiting: list[tuple[Piece, bytes, Array]]) -> Iterator[tuple[str, Array]]:
    """Yield the name and contents of each tensor of a shard."""
    pieces = [piece for piece, _, _ in waiting]
    for table, dtype in TABLES.items():
        tables = [getattr(piece, table) for piece in pieces]
        yield f"pieces.{table}", np.array([len(rows) for rows in tables], np.int64)
        for column in dtype.names or ():
            yield f"{table}.{column}", np.concatenate([rows[column] for rows in tables])
    yield "pieces.ticks_per_beat", np.array([p.ticks_per_beat for p in pieces], np.uint16)
    yield "pieces.seconds", np.array([p.seconds_long for p in pieces], np.float64)
    contents = b"".join(content for _, content, _ in waiting)
    yield "pieces.content", np.frombuffer(contents, np.uint8).reshape(-1, 16)
    yield "pieces.sketch", np.stack([sketch for _, _, sketch in waiting])


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
