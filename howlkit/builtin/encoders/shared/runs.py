"""Columns of one piece: differences of neighbours, runs of equal values, ranges.

What numpy's own functions say too, in a third of the time: on so few values, most of theirs is
preparation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "differences",
    "held",
    "ranges",
    "repeated",
    "run_begins",
    "run_bounds",
    "run_ends",
]


def differences(values: NDArray[np.int64], before: int) -> NDArray[np.int64]:
    """Return how much each value is above the one before it; the first, above `before`."""
    result = values.astype(np.int64)
    result[1:] -= values[:-1]
    if before:
        result[:1] -= before
    return result


def held(values: NDArray[Any], at: NDArray[np.intp], length: int, *, before: int) -> NDArray[Any]:
    """Return (length,): the value set last; values are set at places that rise, `before` first."""
    if not len(at):
        return np.full(length, before, values.dtype)
    bounds = np.empty(len(at) + 2, np.intp)
    bounds[0], bounds[1:-1], bounds[-1] = 0, at, length
    all_values = np.empty(len(at) + 1, values.dtype)
    all_values[0], all_values[1:] = before, values
    return all_values.repeat(bounds[1:] - bounds[:-1])


def ranges(
    first: NDArray[np.int64], lengths: NDArray[np.int64], *, step: int = 1
) -> NDArray[np.int64]:
    """Return first[i], first[i] + step .., lengths[i] of them, for each i, one after the other.

    lengths: 1 or above.
    """
    if not len(first):
        return np.zeros(0, np.int64)
    # Summed up from the differences, in half the time that `repeat` takes for as many lengths.
    behind = lengths.cumsum()
    values = np.empty(int(behind[-1]), np.int64)
    values.fill(step)
    values[0] = first[0]
    last = (lengths - 1) * step
    last += first
    values[behind[:-1]] = first[1:] - last[:-1]
    return values.cumsum(out=values)


def repeated(period: NDArray[Any], first: int, stop: int) -> NDArray[Any]:
    """Return values `first` to stop - 1 of a period repeated without end; not to be written."""
    skipped, length = first % len(period), stop - first
    times = -(-(skipped + length) // len(period))
    values = np.frombuffer(period.tobytes() * times, period.dtype)
    return values[skipped : skipped + length]


def run_begins(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which values are the first of a run of equal ones."""
    result = np.empty(len(values), bool)
    result[:1] = True
    np.not_equal(values[1:], values[:-1], out=result[1:])
    return result


def run_bounds(values: NDArray[Any]) -> NDArray[np.intp]:
    """Return where each run of equal values begins, and the number of all values."""
    bounds = np.empty(len(values) + 1, bool)
    bounds[0] = bounds[-1] = True
    np.not_equal(values[1:], values[:-1], out=bounds[1:-1])
    return bounds.nonzero()[0]


def run_ends(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which values are the last of a run of equal ones."""
    result = np.empty(len(values), bool)
    result[-1:] = True
    np.not_equal(values[1:], values[:-1], out=result[:-1])
    return result
