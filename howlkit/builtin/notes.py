"""What encoders that write notes have in common: lengths, loudness, order, resolution.

Lengths are counted in positions of an encoder's grid, and spaced like the notes of a scale: so many
for every doubling (an octave). With 12 an octave every 2^a x 3^b grid positions, and so every
common note value, is met exactly.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "canonical_order",
    "lengths",
    "nearest",
    "resolution",
    "velocity_classes",
    "velocity_values",
]

MOST_TICKS_PER_BEAT = 32_767

Column = NDArray[np.int64]


def lengths(most: int, an_octave: int) -> Column:
    """Return the lengths there are, 1 .. most: 2^(i / an_octave), rounded, each once.

    >>> lengths(12, 12).tolist()
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    """
    count = math.ceil(an_octave * math.log2(most)) + 1
    spaced = np.rint(2.0 ** (np.arange(count) / an_octave)).astype(np.int64)
    return np.unique(np.minimum(spaced, most))


def nearest(table: Column, values: ArrayLike) -> NDArray[np.intp]:
    """Return for each of `values` (fractions allowed) the index of the nearest length in `table`.

    One length ends and the next begins half way between them, in octaves.
    """
    return np.searchsorted(np.sqrt(table[:-1] * table[1:]), values)


def velocity_classes(velocities: ArrayLike, classes: int) -> Column:
    """Return velocities 1..127 as one of evenly spaced classes."""
    return (np.asarray(velocities, np.int64) - 1) * classes // 127


def velocity_values(velocity_class: ArrayLike, classes: int) -> Column:
    """Return the velocity in the middle of each class; the inverse of `velocity_classes`."""
    return 1 + (2 * np.asarray(velocity_class, np.int64) + 1) * 127 // (2 * classes)


def canonical_order(onsets: Column, notes: NDArray[Any]) -> NDArray[np.intp]:
    """Return the order by onset, program, pitch, duration, velocity.

    onsets: (N,) rising or equal. notes: (N,) with columns of these names, classes; where it has no
    program or velocity, these do not count.
    """
    key: Column = np.cumsum(np.diff(onsets, prepend=0) > 0)  # onsets of themselves may be too big
    for name, bits in (("program", 8), ("pitch", 7), ("duration", 10), ("velocity", 7)):
        key <<= bits  # at most 31 + 8 + 7 + 10 + 7 = 63 bits
        if name in (notes.dtype.names or ()):
            key |= notes[name]
    return np.asarray(np.argsort(key, kind="stable"))


def resolution(ticks_per_beat: int, grid: int) -> int:
    """Return the least multiple of `grid` that is no coarser than `ticks_per_beat`, if it fits."""
    multiple = math.lcm(ticks_per_beat, grid)
    if multiple <= MOST_TICKS_PER_BEAT:
        return multiple
    return min(math.ceil(ticks_per_beat / grid), MOST_TICKS_PER_BEAT // grid) * grid
