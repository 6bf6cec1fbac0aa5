"""Velocities as classes, and the order in which encoders write the notes of a chord."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["in_canonical_order", "note_order", "velocity_classes", "velocity_values"]

Column = NDArray[np.int64]

BITS = {"program": 8, "pitch": 7, "duration": 10, "velocity": 7}
"""The bits of each field of a note in a sort key: 63 together with an onset of 31."""


def velocity_classes(velocities: ArrayLike, classes: int) -> Column:
    """Return the class of each velocity 1..127, out of `classes` evenly spaced ones.

    >>> velocity_classes([1, 64, 127], 4).tolist()
    [0, 1, 3]
    """
    return (np.asarray(velocities, np.int64) - 1) * classes // 127


def velocity_values(velocity_class: ArrayLike, classes: int) -> Column:
    """Return the velocity in the middle of each class; the inverse of `velocity_classes`.

    >>> velocity_values([0, 1, 3], 4).tolist()
    [16, 48, 112]
    """
    return 1 + (2 * np.asarray(velocity_class, np.int64) + 1) * 127 // (2 * classes)


def in_canonical_order(onsets: Column, notes: Mapping[str, NDArray[Any]]) -> dict[str, Column]:
    """Return the columns of notes, ordered by onset, program, pitch, duration, velocity.

    onsets: (N,) rising or equal. notes: (N,) each column, as classes. Program or velocity may be
    missing.
    """
    bits = [(name, size) for name, size in BITS.items() if name in notes]
    key = onsets.copy()
    if len(key) and key[-1] >= 2**31:  # too big for 31 bits: number the onsets
        key[0] = 0
        np.cumsum(onsets[1:] > onsets[:-1], out=key[1:])
    for name, size in bits:
        key <<= size
        key |= notes[name]
    key.sort(kind="stable")  # quick, since it is nearly in order
    ordered = {}
    for name, size in reversed(bits):
        ordered[name] = key & ((1 << size) - 1)
        key >>= size
    return ordered


def note_order(ranks: Column, columns: Iterable[tuple[NDArray[Any], int]]) -> NDArray[np.intp]:
    """Return the stable order of notes by rank, then by each column.

    ranks: (N,), 0 or above, such as numbers of onsets. columns: each the values (N,) of a field and
    how many values it has. The ranks and all fields together must fit 63 bits.
    """
    key = ranks.copy()
    for values, n in columns:
        key *= n
        key += values
    return key.argsort(kind="stable")
