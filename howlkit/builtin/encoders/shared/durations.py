"""Durations spaced like the notes of a scale: the same number for every doubling of length.

With 12 for an octave (a doubling), every length of 2^a x 3^b grid positions is met exactly, and so
is every common note value. Lengths are counted in positions of an encoder's grid.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["log_spaced", "nearest", "nearest_of_ticks"]

LONGEST_TABLE = 2**16  # ticks: a table of durations takes at most twice as many bytes


def log_spaced(most: int, an_octave: int) -> NDArray[np.int64]:
    """Return the lengths 1 .. most: 2^(i / an_octave), rounded, each once.

    >>> log_spaced(12, 12)
    array([ 1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12])
    """
    count = math.ceil(an_octave * math.log2(most)) + 1
    lengths = np.rint(2.0 ** (np.arange(count) / an_octave)).astype(np.int64)
    return np.unique(np.minimum(lengths, most))


def nearest(lengths: NDArray[np.int64], values: ArrayLike) -> NDArray[np.intp]:
    """Return the index of the length nearest to each of `values`, which may be fractions.

    Distance is measured in octaves: the border between two lengths is their geometric mean.

    >>> nearest(np.array([1, 2, 4]), [1.3, 1.5, 9]).tolist()
    [0, 1, 2]
    """
    return np.searchsorted(np.sqrt(lengths[:-1] * lengths[1:]), values)


def nearest_of_ticks(
    lengths: tuple[int, ...], ticks: NDArray[np.int32], ticks_per_beat: int, grid: int
) -> NDArray[Any]:
    """Return `nearest` of durations in ticks, for lengths counted in grid positions.

    grid: positions a beat. A table by ticks is kept, which is ten times as fast as searching.
    """
    most = -(-lengths[-1] * ticks_per_beat // grid)
    if most > LONGEST_TABLE:
        return nearest(np.array(lengths), ticks * (grid / ticks_per_beat))
    return _by_ticks(lengths, most, ticks_per_beat, grid).take(ticks, mode="clip")


@lru_cache(maxsize=16)
def _by_ticks(
    lengths: tuple[int, ...], most: int, ticks_per_beat: int, grid: int
) -> NDArray[np.uint16]:
    """Return a table of `nearest` by ticks, 0..most; longer durations are as its last entry."""
    ticks = np.arange(most + 1) * (grid / ticks_per_beat)
    return nearest(np.array(lengths), ticks).astype(np.uint16)
