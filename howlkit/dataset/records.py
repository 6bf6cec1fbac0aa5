"""A piece as it is stored: ready-made bytes and hashes, so that what read it need send no objects.

Two hashes of 16 bytes: **content** is equal for pieces equal in everything but their name, and
**notes** for equal notes at equal resolution: tempo, metre, pedal and name make no other piece.
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
    """What is stored of a piece.

    content, notes: its hashes. tables: by name the rows of each of `TABLES`. seconds: its length.
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
        """Return the record of a piece; its sketch may be known."""
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
    """Records end to end, as a shard has them; in memory as many bytes as on the disk."""

    def __init__(self) -> None:
        self._tables = {name: bytearray() for name in TABLES}
        self._counts = {name: array("q") for name in TABLES}
        self._ticks_per_beat, self._seconds = array("H"), array("d")
        self._contents, self._sketches = bytearray(), bytearray()

    def __len__(self) -> int:
        """Return how many pieces these are."""
        return len(self._seconds)

    @property
    def notes(self) -> int:
        """How many notes they have together."""
        return len(self._tables["notes"]) // NOTE.itemsize

    def append(self, record: Record) -> None:
        """Take in another piece; what Ctrl-C breaks off does not count."""
        for name, dtype in TABLES.items():
            rows = record.tables[name]
            self._tables[name] += rows
            self._counts[name].append(len(rows) // dtype.itemsize)
        self._ticks_per_beat.append(record.ticks_per_beat)
        self._contents += record.content
        self._sketches += record.sketch
        self._seconds.append(record.seconds)  # last: as many pieces are there

    def tensors(self) -> dict[str, Array]:
        """Return name and contents of each tensor of a shard, views of what is in memory.

        Nothing can be appended as long as they are in use.
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
