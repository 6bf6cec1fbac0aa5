"""What encoders that write notes have in common: classes of loudness, and the order of notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "canonical_order",
    "velocity_classes",
    "velocity_values",
]

Column = NDArray[np.int64]


def velocity_classes(velocities: ArrayLike, classes: int) -> Column:
    """Return velocities 1..127 as one of evenly spaced classes."""
    return (np.asarray(velocities, np.int64) - 1) * classes // 127


def velocity_values(velocity_class: ArrayLike, classes: int) -> Column:
    """Return the velocity in the middle of each class; the inverse of `velocity_classes`."""
    return 1 + (2 * np.asarray(velocity_class, np.int64) + 1) * 127 // (2 * classes)


def canonical_order(onsets: Column, notes: Mapping[str, NDArray[Any]]) -> NDArray[np.intp]:
    """Return the order by onset, program, pitch, duration, velocity.

    onsets: (N,) rising or equal. notes: (N,) columns of these names, classes; where there is no
    program or velocity, these do not count.
    """
    key = onsets.copy()
    if len(key) and key[-1] >= 2**31:  # too big of themselves
        key[0] = 0
        np.cumsum(onsets[1:] > onsets[:-1], out=key[1:])
    for name, bits in (("program", 8), ("pitch", 7), ("duration", 10), ("velocity", 7)):
        if name in notes:
            key <<= bits  # at most 31 + 8 + 7 + 10 + 7 = 63 bits
            key |= notes[name]
    return key.argsort(kind="stable")
