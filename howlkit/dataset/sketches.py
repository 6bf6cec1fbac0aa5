"""Sketches: a kilobyte for each piece, by which takes and variants of one piece are found.

Conventions. A **sketch** is (`BINS`,) uint32: the fingerprint of the set of a piece's pitch
patterns. Two sketches agree in about the share of patterns that the pieces have in common.
A pattern is a set of `WINDOW` - 1 out of `WINDOW` notes in a row, as distances from the lowest of
them. So patterns do not depend on key, tempo, rhythm or the order within a rolled chord, and some
survive a wrong, missing or added note in each dozen. Drums, dynamics and time do not count.
Pieces with at most `WINDOW` pitched notes have no patterns, or too few. Their sketch is made of all
onsets in beats, of the pitches above the lowest, and of drums, so that only pieces with the same
onsets and intervals, in any key, are like them.

Source: one-permutation MinHash (Li, Owen, Zhang, NIPS 2012).
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import DRUMS, Piece

__all__ = ["BINS", "RANK_BITS", "WINDOW", "Sketch", "sketch"]

BINS = 256
"""The number of values in a sketch."""

RANK_BITS = 24
"""The number of bits of a value in its bin."""

_NONE = 1 << RANK_BITS  # above every rank

WINDOW = 12
"""The number of notes in a row that a pattern is taken from; a piece needs more than these."""

Sketch = NDArray[np.uint32]


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return well-mixed 64-bit hashes (the finaliser of MurmurHash3), the same on every machine."""
    h = values.copy()
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xFF51AFD7ED558CCD)
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xC4CEB9FE1A85EC53)
    h ^= h >> np.uint64(33)
    return h


_OF_DISTANCE = _mix(np.arange(1, 129, dtype=np.uint64))
"""A random number for each distance in semitones; the hash of a set of notes is their sum."""


def sketch(piece: Piece) -> Sketch:
    """Return the sketch (`BINS`,) of a piece: 0 in an empty bin, else 1 .. 2**24.

    A piece without notes gets zeros, which are like no other sketch.

    >>> from howlkit.music import Piece, chorales
    >>> chorale = chorales.load()[0]
    >>> notes = chorale.notes.copy()
    >>> notes["pitch"] += 3
    >>> bool((sketch(chorale.replace(notes=notes)) == sketch(chorale)).all())
    True
    """
    if np.count_nonzero(piece.notes["program"] != DRUMS) <= WINDOW:
        return _sketch_of_all(piece)
    hashes = (_mix(_patterns(piece)) >> np.uint64(32)).astype(np.uint32)
    ranks = hashes & np.uint32(_NONE - 1)
    smallest = np.full(BINS, _NONE, np.uint32)
    np.minimum.at(smallest, (hashes >> RANK_BITS).astype(np.intp), ranks)
    return np.where(smallest < _NONE, smallest + 1, 0).astype(np.uint32)


def _sketch_of_all(piece: Piece) -> Sketch:
    """Return a sketch that only pieces with the same onsets and intervals have."""
    if not len(piece):
        return np.zeros(BINS, np.uint32)
    notes = piece.notes
    drums = notes["program"] == DRUMS
    lowest = notes["pitch"][~drums].min(initial=127)
    height = np.where(drums, notes["pitch"] + 128, notes["pitch"] - lowest)
    onset = (notes["start"] - notes["start"][0]).astype(np.int64)
    unit = np.gcd.reduce(np.append(onset, piece.ticks_per_beat))  # equal at every resolution
    rows = np.unique(np.stack((onset // unit, height), axis=1), axis=0)
    text = (piece.ticks_per_beat // unit).tobytes() + rows.astype("<i8").tobytes()
    seed = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    values = _mix(np.uint64(seed) + np.arange(BINS, dtype=np.uint64))
    return ((values >> np.uint64(64 - RANK_BITS)) + np.uint64(1)).astype(np.uint32)


def _patterns(piece: Piece) -> NDArray[np.uint64]:
    """Return the hashes of all sets of WINDOW - 1 out of WINDOW notes in a row, end to end."""
    notes = piece.notes
    order = notes["start"].astype(np.int64) << 7 | notes["pitch"]
    order = order[notes["program"] != DRUMS]
    order.sort(kind="stable")  # fast, since they are nearly in order
    pitch = (order & 127).astype(np.uint8)
    windows = len(pitch) - WINDOW + 1
    pitches = np.stack([pitch[i : i + windows] for i in range(WINDOW)])
    lowest = pitches.argmin(axis=0), np.arange(windows)
    above = _OF_DISTANCE.take(pitches - pitches[lowest])
    without_one: NDArray[np.uint64] = above.sum(axis=0) - above
    # Without the lowest note, distances are taken from the lowest of the others.
    pitches[lowest] = 255
    pitches -= pitches.min(axis=0)
    pitches[lowest] = 0
    without_one[lowest] = _OF_DISTANCE.take(pitches).sum(axis=0) - _OF_DISTANCE[0]
    return without_one.reshape(-1)
