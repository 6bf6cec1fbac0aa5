"""Pieces as they are stored: bytes and hashes, which processes send faster than objects.

Two hashes of 16 bytes: **content** is equal for pieces that are equal but for their names;
**notes** is equal for equal notes at equal resolution. Files with equal `notes` are one piece:
another tempo, metre, pedal or name makes no other piece.
"""

from __future__ import annotations

import hashlib
from array import array
from typing import NamedTuple

import numpy as np

from howlkit.dataset.hashes import HASH_BYTES
from howlkit.dataset.mapped_tensors import Array
from howlkit.dataset.sketches import BINS, Sketch, sketch
from howlkit.music.piece import KEY_SIGNATURE, NOTE, PEDAL, TEMPO, TIME_SIGNATURE, Piece

__all__ = ["TABLES", "Record", "Records"]

TABLES = {
    "notes": NOTE,
    "tempos": TEMPO,
    "time_signatures": TIME_SIGNATURE,
    "key_signatures": KEY_SIGNATURE,
    "pedals": PEDAL,
}
"""The tables of a Piece, each stored column by column."""


class Record(NamedTuple):
    """A piece as bytes.

    content, notes: its hashes. tables: the rows of each of `TABLES`, by name. seconds: its length.
    sketch: (`BINS`,) uint32 (sketches.py).
    """

    content: bytes
    notes: bytes
    tables: dict[str, bytes]
    ticks_per_beat: int
    seconds: float
    sketch: bytes

    @classmethod
    def of(cls, piece: Piece, known: Sketch | None = None) -> Record:
        """Return the record of a piece; known: its sketch, if it has been made already."""
        tables = {name: getattr(piece, name).tobytes() for name in TABLES}
        notes = _hash(piece.ticks_per_beat.to_bytes(2, "little"), tables["notes"])
        others = [
            part
            for name in sorted(TABLES.keys() - {"notes"})
            for part in (len(getattr(piece, name)).to_bytes(8, "little"), tables[name])
        ]
        content = _hash(notes, *others)
        found = sketch(piece) if known is None else known
        ticks, seconds = piece.ticks_per_beat, piece.seconds_long
        return cls(content, notes, tables, ticks, seconds, found.tobytes())


class Records:
    """Records end to end, as in a shard; they take as much memory as they will take disk."""

    def __init__(self) -> None:
        self._tables = {name: bytearray() for name in TABLES}
        self._counts = {name: array("q") for name in TABLES}
        self._ticks_per_beat, self._seconds = array("H"), array("d")
        self._contents, self._sketches = bytearray(), bytearray()

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(self._seconds)

    @property
    def notes(self) -> int:
        """The number of notes of all pieces."""
        return len(self._tables["notes"]) // NOTE.itemsize

    def append(self, record: Record) -> None:
        """Append a piece; one that Ctrl-C interrupts does not count."""
        for name, dtype in TABLES.items():
            rows = record.tables[name]
            self._tables[name] += rows
            self._counts[name].append(len(rows) // dtype.itemsize)
        self._ticks_per_beat.append(record.ticks_per_beat)
        self._contents += record.content
        self._sketches += record.sketch
        self._seconds.append(record.seconds)  # last: its length is the number of pieces

    def tensors(self) -> dict[str, Array]:
        """Return the tensors of a shard by name, views of these records.

        Nothing can be appended while they are in use.
        """
        tensors: dict[str, Array] = {}
        pieces = len(self)
        for name, dtype in TABLES.items():
            counts = np.frombuffer(self._counts[name], np.int64, pieces)
            rows = np.frombuffer(self._tables[name], dtype, int(counts.sum()))
            tensors[f"pieces.{name}"] = counts
            tensors |= {f"{name}.{column}": rows[column] for column in dtype.names or ()}
        tensors["pieces.ticks_per_beat"] = np.frombuffer(self._ticks_per_beat, np.uint16, pieces)
        tensors["pieces.seconds"] = np.frombuffer(self._seconds, np.float64)
        contents = np.frombuffer(self._contents, np.uint8, pieces * HASH_BYTES)
        tensors["pieces.content"] = contents.reshape(pieces, HASH_BYTES)
        sketches = np.frombuffer(self._sketches, np.uint32, pieces * BINS)
        tensors["pieces.sketch"] = sketches.reshape(pieces, BINS)
        return tensors


def _hash(*parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=HASH_BYTES)
    for part in parts:
        digest.update(part)
    return digest.digest()
