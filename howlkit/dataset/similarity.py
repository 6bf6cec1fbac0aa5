"""How similar two pieces are: by the values that their sketches share, and how rare these are.

The similarity of two pieces is the sum of the weights of the bins (sketches.py) in which they
agree, divided by the number of bins that either fills. A value's weight falls with the number of
groups that have it, since short tunes of one style share turns of phrase without being the same
tune. Two pieces are alike if their similarity reaches the thresholds of both.

Conventions: n pieces, m pairs of them. A **pair** is one number: the index of one piece times 2**32
plus the index of the other. A **label** is the number of a piece's group.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import stable_order
from howlkit.dataset.mapped_tensors import OnDisk
from howlkit.dataset.sketches import BINS, RANK_BITS, Sketch
from howlkit.dataset.workers import WorkerPool

__all__ = [
    "RUN",
    "Comparison",
    "Flags",
    "Labels",
    "Pairs",
    "SharedWork",
    "Sketches",
    "ends",
    "is_shared",
    "thresholds",
    "weigh",
]

Labels = NDArray[np.int64]
Pairs = NDArray[np.int64]
Flags = NDArray[np.bool_]

T = TypeVar("T")
R = TypeVar("R")

RUN = 16
"""How many bins or bands a process gets at a time."""

_SIMILAR = 0.05  # takes agree in 0.055 .. 1, of 330,000 pairs of unrelated pop songs one in 0.0502
_SIMILAR_SHORT = 0.08  # short pieces agree more by chance
_SHORT = 2500  # patterns, about 500 notes
_TYPICAL = 2000  # pieces that the two thresholds are for; among more, more are alike by chance
_LEAST_RARITY = 0.25  # times the growth of the thresholds: to agree in a third is always enough
_PIECES_A_PROCESS = 5000  # fewer are compared sooner than another process starts


class Sketches(Protocol):
    """(BINS, n): the sketches of n pieces, a row for each bin; an array, or rows on the disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(BINS, n)."""

    def __getitem__(self, bin_: int, /) -> Any: ...  # noqa: ANN401


class SharedWork:
    """Work on n pieces, done by the processes of a pool where that is faster."""

    def __init__(self, pool: WorkerPool, pieces: int) -> None:
        enough = pool.workers if pool.started else pieces // _PIECES_A_PROCESS
        self._pool, self.processes = pool, max(1, min(pool.workers, enough))

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield work(item) for each item in order; raises BrokenProcessPool if a process dies."""
        return self._pool.map(work, items, workers=self.processes, chunk=1, ahead=1)


class Comparison(NamedTuple):
    """What decides which pieces are alike.

    weights: (BINS, n), the weight of each piece's value in each bin. threshold: (n,), the
    similarity that another piece must reach. share: who does the work.
    """

    sketches: Sketches
    weights: OnDisk
    threshold: NDArray[np.float64]
    share: SharedWork

    def alike(self, pairs: Pairs) -> Flags:
        """Return (m,): which of pairs (m,) reach the thresholds of both their pieces."""
        agreement = functools.partial(_agreement, self.sketches, self.weights, pairs)
        processes = self.share.processes
        # Weights have few digits: their sum is exact, and the same in any order.
        shares = list(
            self.share.map(agreement, [range(n, BINS, processes) for n in range(processes)])
        )
        weight = np.sum([share[0] for share in shares], axis=0, dtype=np.float64)
        filled = np.sum([share[1] for share in shares], axis=0)
        similarity = weight / np.maximum(filled, 1)
        least = np.maximum(*(self.threshold.take(pieces) for pieces in ends(pairs)))
        return np.asarray(similarity >= least)


def ends(pairs: Pairs) -> tuple[Labels, Labels]:
    """Return the one pieces (m,) and the other pieces (m,) of pairs (m,)."""
    return pairs >> 32, pairs & (2**32 - 1)


def _agreement(
    sketches: Sketches, weights: OnDisk, pairs: Pairs, bins: range
) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Return the weight of the `bins` in which pairs (m,) agree, and how many bins they fill.

    Both are (m,). A pair fills a bin if either piece does.
    """
    left, right = ends(pairs)
    total, filled = np.zeros(len(left), np.float32), np.zeros(len(left), np.uint16)
    for bin_ in bins:
        column, weight = sketches[bin_], weights[bin_]
        one, other = column.take(left), column.take(right)
        agree = np.flatnonzero((one == other) & (one > 0))
        total[agree] += weight.take(left.take(agree))
        filled += np.maximum(one, other) > 0
    return total, filled


def weigh(
    sketches: Sketches, labels: Labels, grouping: OnDisk, weights: OnDisk, share: SharedWork
) -> Flags:
    """Write the weight of each value: 1 if two groups have it, 0 if only one has.

    The weight falls with the logarithm of the number of groups, but not to 0: thousands of variants
    of one piece share their values with thousands, and are variants all the same. Returns (n,): the
    pieces with a value that has another weight than before.
    grouping: (2, n), a file for what all processes need: through a pipe it takes ten times as long.
    """
    runs = [range(first, first + RUN) for first in range(0, BINS, RUN)]
    grouping[0], grouping[1] = labels, stable_order(labels)
    work = functools.partial(_weigh_bins, sketches, grouping, weights)
    changed = np.zeros(len(labels), bool)
    for some in share.map(work, runs):
        changed |= some
    return changed


def _weigh_bins(sketches: Sketches, grouping: OnDisk, weights: OnDisk, bins: range) -> Flags:
    """Do `weigh` for some bins; grouping: the labels, and their stable order."""
    labels, by_label = grouping[0], grouping[1]
    scale = np.log(max(len(labels), _TYPICAL))
    least = _LEAST_RARITY * _growth(len(labels))
    changed = np.zeros(len(labels), bool)
    for bin_ in bins:
        weight = weights[bin_]
        # What only one group has now, no other will ever have: groups only grow.
        rows = by_label.compress(is_shared(weight).take(by_label))
        shared = _groups_with(sketches[bin_].take(rows), labels.take(rows))
        rarity = 1 - np.log(np.maximum(shared - 1, 1)) / scale
        now = np.where(shared > 1, np.maximum(rarity, least), 0).astype(weight.dtype)
        is_news = now.view(np.uint16) != weight.take(rows).view(np.uint16)
        changed[rows.compress(is_news)] = True
        weight[rows] = now
        weights[bin_] = weight
    return changed


def is_shared(weight: NDArray[np.float16]) -> Flags:
    """Return (n,): which weights are above 0. No weight is below 0, and bits compare faster."""
    return np.asarray(weight.view(np.uint16) > 0)


def _groups_with(column: Sketch, labels: Labels) -> Labels:
    """Return (n,): how many groups have each piece's value in a bin.

    column: (n,) the values. labels: (n,) rising or equal.
    """
    order = stable_order(column)
    value, label = column.take(order), labels.take(order)
    changed = np.append(True, value[1:] != value[:-1])[: len(order)]
    another = changed.copy()
    another[1:] |= label[1:] != label[:-1]
    groups = np.add.reduceat(another, np.flatnonzero(changed), dtype=np.int64)
    shared = np.empty(len(order), np.int64)
    shared[order] = groups.take(np.cumsum(changed) - 1)
    return shared


def thresholds(sketches: Sketches) -> NDArray[np.float64]:
    """Return (n,): the similarity to each piece that another must reach.

    It grows with the logarithm of n: among more pieces more are alike by chance, and the patterns
    that takes share are rarer in comparison, so that they weigh more.
    """
    similar = np.where(_size(sketches) < _SHORT, _SIMILAR_SHORT, _SIMILAR)
    return np.asarray(_growth(sketches.shape[1]) * similar)


def _growth(pieces: int) -> float:
    """Return the thresholds for this number of pieces, divided by those for `_TYPICAL` pieces."""
    return max(1.0, float(np.log(max(pieces, 1)) / np.log(_TYPICAL)))


def _size(sketches: Sketches) -> NDArray[np.float64]:
    """Return (n,): about how many patterns each piece has.

    Of m patterns in a bin, the smallest rank is about 1/m of the largest possible one.
    """
    total = np.zeros(sketches.shape[1])
    for bin_ in range(BINS):
        column = sketches[bin_]
        total += np.where(column > 0, column / 2.0**RANK_BITS, 1.0)
    return np.asarray(BINS * (BINS / total - 1))
