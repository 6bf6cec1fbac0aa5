"""Columns of numbers: their differences, runs, ranges and stable order, faster than numpy's own.

Pieces are short: on a few hundred values, most of what numpy's functions take is preparation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "differences",
    "fill_forward",
    "ranges",
    "repeated",
    "run_begins",
    "run_bounds",
    "run_ends",
    "stable_order",
]


def differences(values: NDArray[np.int64], before: int) -> NDArray[np.int64]:
    """Return how much each value is above the one before it, and the first above `before`.

    >>> differences(np.array([3, 3, 7]), 1).tolist()
    [2, 0, 4]
    """
    result = values.astype(np.int64)
    result[1:] -= values[:-1]
    if before:
        result[:1] -= before
    return result


def fill_forward(
    values: NDArray[Any], at: NDArray[np.intp], length: int, *, before: int
) -> NDArray[Any]:
    """Return (length,): at each index the value set last; before the first one, `before`.

    values: (K,), set at the indices `at` (K,), which rise.

    >>> fill_forward(np.array([7, 9]), np.array([1, 4]), 6, before=3).tolist()
    [3, 7, 7, 7, 9, 9]
    """
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
    """Return the ranges that begin at `first` (K,) and have `lengths` (K,) values, end to end.

    lengths: 1 or above. step: from one value of a range to the next.

    >>> ranges(np.array([9, 2]), np.array([3, 2])).tolist()
    [9, 10, 11, 2, 3]
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
    """Return values `first` to stop - 1 of a period repeated without end; read-only.

    >>> repeated(np.array([4, 5, 6]), 2, 7).tolist()
    [6, 4, 5, 6, 4]
    """
    skipped, length = first % len(period), stop - first
    times = -(-(skipped + length) // len(period))
    values = np.frombuffer(period.tobytes() * times, period.dtype)
    return values[skipped : skipped + length]


def run_begins(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which values are the first of a run of equal ones.

    >>> run_begins(np.array([2, 2, 5])).tolist()
    [True, False, True]
    """
    result = np.empty(len(values), bool)
    result[:1] = True
    np.not_equal(values[1:], values[:-1], out=result[1:])
    return result


def run_bounds(values: NDArray[Any]) -> NDArray[np.intp]:
    """Return the index at which each run of equal values begins, and the number of values.

    >>> run_bounds(np.array([2, 2, 5])).tolist()
    [0, 2, 3]
    """
    bounds = np.empty(len(values) + 1, bool)
    bounds[0] = bounds[-1] = True
    np.not_equal(values[1:], values[:-1], out=bounds[1:-1])
    return bounds.nonzero()[0]


def run_ends(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which values are the last of a run of equal ones.

    >>> run_ends(np.array([2, 2, 5])).tolist()
    [False, True, True]
    """
    result = np.empty(len(values), bool)
    result[-1:] = True
    np.not_equal(values[1:], values[:-1], out=result[:-1])
    return result


def stable_order(numbers: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """Return the stable order of numbers (n,), 0 or above; slower if one takes over 32 bits.

    numpy sorts numbers of 16 bits by their bits (radix sort), wider ones by comparing them: so the
    low and the high half are sorted in turn, several times as fast.

    >>> stable_order(np.array([70_000, 3, 70_000, 0])).tolist()
    [3, 1, 0, 2]
    """
    most = int(np.maximum.reduce(numbers, initial=0))
    if most >= 2**32:
        return numbers.argsort(kind="stable")
    order = numbers.astype(np.uint16).argsort(kind="stable")
    if most >= 2**16:
        high = (numbers >> 16).astype(np.uint16)
        order = order.take(high.take(order).argsort(kind="stable"))
    return order
