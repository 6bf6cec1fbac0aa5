"""Near-duplicates: finds other takes, transpositions and arrangements of one piece among many.

Pieces are compared by their sketches (sketches.py). First all pairs are looked for that agree in a
band, two bins; those that are alike are joined, and then those that have become alike, since what
fewer groups share says more: in rounds, until nothing is joined.

Sources: banding (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3). Ours: a
pattern counts less the more groups have it, since short tunes of one style share turns of phrase
without being the same tune.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import stable_order
from howlkit.dataset.mapped_tensors import Appended, OnDisk
from howlkit.dataset.sketches import BINS, RANK_BITS, Sketch
from howlkit.dataset.workers import WorkerPool

__all__ = ["VERSION", "group"]

VERSION = 2
"""Of sketches and grouping: groups found by another version are found anew."""

Labels = NDArray[np.int64]
Pairs = NDArray[np.int64]  # of two pieces: the index of one times 2**32, and of the other
Flags = NDArray[np.bool_]

T = TypeVar("T")
R = TypeVar("R")


class Sketches(Protocol):
    """(BINS, n): the sketches of n pieces, bin by bin; an array, or rows that are on the disk."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, bin_: int, /) -> Any: ...  # noqa: ANN401


_SIMILAR = 0.05  # takes agree in 0.055 .. 1, of 330,000 pairs of unrelated pop songs one in 0.0502
_SIMILAR_SHORT = 0.08  # chance does more for short pieces
_SHORT = 2500  # patterns, about 500 notes
_TYPICAL = 2000  # pieces that the two thresholds are for; of more, more are alike by chance
_LEAST_RARITY = 0.25  # times the growth of the thresholds: to agree in a third is always enough
_ROUNDS = 8  # of joining: the more is joined, the fewer groups share what their pieces share
_STRIDES = (1, 85)  # a band is bins i and i + stride: 512 bands of two
_PAIRS = 2**17  # compared at once, at 100 bytes of memory each: fewer, and all is read oftener
_NEIGHBOURS = 4  # of one bucket, so many next ones each is compared with
_PIECES_A_PROCESS = 5000  # fewer are done sooner than another process begins
_RUN = 16  # bins or bands handed over at a time


def group(
    sketches: Sketches, *, folder: Path | None = None, pool: WorkerPool | None = None
) -> Labels:
    """Return (n,) for sketches (`BINS`, n): pieces with the same number are one group.

    The number is the index of the group's first piece. Pieces are joined when alike, or when both
    are like a third; empty sketches stay alone. Takes time linear in n, and memory for a few rows.
    folder: for temporary files, a kilobyte a piece; None: where the system has them. pool: the
    processes that share the work; the groups are the same.
    """
    try:
        return _group(sketches, folder, _Sharing(pool or WorkerPool(), sketches.shape[1]))
    except BrokenProcessPool:  # there is too little memory for two, say
        return _group(sketches, folder, _Sharing(WorkerPool(), sketches.shape[1]))


def _group(sketches: Sketches, folder: Path | None, share: _Sharing) -> Labels:
    pieces = sketches.shape[1]
    labels, threshold = np.arange(pieces), _thresholds(sketches)
    with (
        OnDisk.new(folder, np.float16, (BINS, pieces)) as weights,  # three digits are plenty
        OnDisk.new(folder, np.int64, (2, pieces)) as grouping,
        Appended(folder, np.int64) as unlike,
    ):
        for bin_ in range(BINS):
            weights[bin_] = np.where(sketches[bin_] > 0, np.inf, 0)  # infinite: not weighed yet
        comparison = _Comparison(sketches, weights, threshold, share)
        _weigh(sketches, labels, grouping, weights, share)
        joined = _first_round(comparison, labels, unlike)
        for _ in range(_ROUNDS - 1):
            if np.array_equal(joined, labels):
                break
            labels = joined
            changed = _weigh(sketches, labels, grouping, weights, share)
            joined = _later_round(comparison, labels, changed, unlike)
    return joined


class _Sharing:
    """The work on so many pieces, shared by the processes of a pool where that is sooner done."""

    def __init__(self, pool: WorkerPool, pieces: int) -> None:
        enough = pool.workers if pool.started else pieces // _PIECES_A_PROCESS
        self._pool, self.processes = pool, max(1, min(pool.workers, enough))

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield work(item) for each item in order; raises BrokenProcessPool if a process dies."""
        return self._pool.map(work, items, workers=self.processes, chunk=1, ahead=1)


class _Comparison(NamedTuple):
    """What pieces are compared by: `threshold` (n,) is how similar another must be to each."""

    sketches: Sketches
    weights: OnDisk
    threshold: NDArray[np.float64]
    share: _Sharing

    def alike(self, pairs: Pairs) -> Flags:
        """Return (m,), which of pairs (m,) are as similar as both their thresholds ask."""
        agreement = functools.partial(_agreement, self.sketches, self.weights, pairs)
        processes = self.share.processes
        # Weights have few digits: their sum is exact, and the same in any order.
        shares = list(
            self.share.map(agreement, [range(n, BINS, processes) for n in range(processes)])
        )
        weight = np.sum([share[0] for share in shares], axis=0, dtype=np.float64)
        filled = np.sum([share[1] for share in shares], axis=0)
        similarity = weight / np.maximum(filled, 1)
        least = np.maximum(*(self.threshold.take(ends) for ends in _ends(pairs)))
        return np.asarray(similarity >= least)


def _first_round(comparison: _Comparison, labels: Labels, unlike: Appended) -> Labels:
    """Return the labels with all pieces joined that are alike, as far as bands show them.

    unlike: to keep the pairs in that bands show and that are not alike.
    """
    sketches, weights, _, share = comparison
    bands = [(i, (i + stride) % BINS) for stride in _STRIDES for i in range(BINS)]
    items = ((labels, bands[first : first + _RUN]) for first in range(0, len(bands), _RUN))
    found = share.map(functools.partial(_candidates, sketches, weights), items)
    for pairs in _batches(found):
        alike = comparison.alike(pairs)
        labels = _join(labels, pairs[alike])
        unlike.append(pairs[~alike])
    return labels


def _later_round(
    comparison: _Comparison, labels: Labels, changed: Flags, unlike: Appended
) -> Labels:
    """Return the labels with all pieces joined that have become alike.

    Bands would show no other pairs than in the first round: as long as two pieces are apart, all
    that they share is shared by two groups, and counts. And what they share weighs the same for
    both: a pair of which one has not `changed` (n,) is as unlike as it was.
    """

    def again(pairs: Pairs) -> Pairs:
        one, other = _ends(pairs)
        apart = labels.take(one) != labels.take(other)
        return pairs.compress(apart & changed.take(one) & changed.take(other))

    for pairs in _batches(map(again, unlike.blocks(_PAIRS))):
        labels = _join(labels, pairs[comparison.alike(pairs)])
    return labels


def _ends(pairs: Pairs) -> tuple[Labels, Labels]:
    """Return the one and the other pieces (m,) of pairs (m,)."""
    return pairs >> 32, pairs & (2**32 - 1)


def _batches(found: Iterable[Pairs]) -> Iterator[Pairs]:
    """Yield what several of `found` have together, each pair once, at most `_PAIRS` at a time."""
    batch: list[Pairs] = []
    for pairs in found:
        batch.append(pairs)
        if sum(map(len, batch)) >= _PAIRS:
            yield from _distinct(batch)
            batch = []
    yield from _distinct(batch)


def _distinct(batch: list[Pairs]) -> Iterator[Pairs]:
    pairs = np.unique(np.concatenate([*batch, np.empty(0, np.int64)]))
    for first in range(0, len(pairs), _PAIRS):
        yield pairs[first : first + _PAIRS]


def _weigh(
    sketches: Sketches, labels: Labels, grouping: OnDisk, weights: OnDisk, share: _Sharing
) -> Flags:
    """Write how much sharing each value says: 1 if two groups have it, 0 if none other.

    It falls with the logarithm of the number of groups, but not to 0: thousands of variants of one
    piece share what they share with thousands, and are variants all the same. Returns (n,), the
    pieces of which any value weighs otherwise than before. grouping: (2, n), to keep in a file what
    all processes need: through a pipe it takes ten times as long.
    """
    runs = [range(first, first + _RUN) for first in range(0, BINS, _RUN)]
    grouping[0], grouping[1] = labels, stable_order(labels)
    work = functools.partial(_weigh_bins, sketches, grouping, weights)
    changed = np.zeros(len(labels), bool)
    for some in share.map(work, runs):
        changed |= some
    return changed


def _weigh_bins(sketches: Sketches, grouping: OnDisk, weights: OnDisk, bins: range) -> Flags:
    """Do the part of `_weigh` that some bins are; grouping: the labels, and their stable order."""
    labels, by_label = grouping[0], grouping[1]
    scale = np.log(max(len(labels), _TYPICAL))
    least = _LEAST_RARITY * _growth(len(labels))
    changed = np.zeros(len(labels), bool)
    for bin_ in bins:
        weight = weights[bin_]
        # What one group alone has, no other will: groups only grow.
        rows = by_label.compress(_weighs(weight).take(by_label))
        shared = _groups_with(sketches[bin_].take(rows), labels.take(rows))
        rarity = 1 - np.log(np.maximum(shared - 1, 1)) / scale
        now = np.where(shared > 1, np.maximum(rarity, least), 0).astype(weight.dtype)
        is_news = now.view(np.uint16) != weight.take(rows).view(np.uint16)
        changed[rows.compress(is_news)] = True
        weight[rows] = now
        weights[bin_] = weight
    return changed


def _weighs(weight: NDArray[np.float16]) -> Flags:
    """Return (n,), which weights are above 0: none is below, and bits are compared much faster."""
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


def _thresholds(sketches: Sketches) -> NDArray[np.float64]:
    """Return (n,): how similar to each piece another must be, the stricter of two pieces' counting.

    It grows with the logarithm of n: among more pieces more are alike by chance, and the patterns
    that takes share are rarer in comparison, so that they weigh more.
    """
    similar = np.where(_size(sketches) < _SHORT, _SIMILAR_SHORT, _SIMILAR)
    return np.asarray(_growth(sketches.shape[1]) * similar)


def _growth(pieces: int) -> float:
    """Return by how much the thresholds for so many pieces are stricter than for `_TYPICAL`."""
    return max(1.0, float(np.log(max(pieces, 1)) / np.log(_TYPICAL)))


def _size(sketches: Sketches) -> NDArray[np.float64]:
    """Return (n,), about how many patterns each piece has: m in a bin have their first at 1/m."""
    total = np.zeros(sketches.shape[1])
    for bin_ in range(BINS):
        column = sketches[bin_]
        total += np.where(column > 0, column / 2.0**RANK_BITS, 1.0)
    return np.asarray(BINS * (BINS / total - 1))


def _candidates(
    sketches: Sketches, weights: OnDisk, item: tuple[Labels, list[tuple[int, int]]]
) -> Pairs:
    """Return (m,), pairs of pieces not joined yet that agree in a band.

    item: the labels, and bands. Of pieces that agree in a bucket full, only neighbours are paired:
    the others are in other bands.
    """
    labels, bands = item
    pairs = [np.empty(0, np.int64)]
    for a, b in bands:
        rows = np.flatnonzero(_weighs(weights[a]) & _weighs(weights[b]))
        key = (sketches[a][rows].astype(np.uint64) << np.uint64(32)) | sketches[b][rows]
        order = np.argsort(key, kind="stable")
        key, rows = key[order], rows[order]
        for distance in range(1, _NEIGHBOURS + 1):
            same = key[distance:] == key[:-distance]
            left, right = rows[:-distance][same], rows[distance:][same]
            apart = labels[left] != labels[right]
            pairs.append(left[apart] << 32 | right[apart])
    return np.unique(np.concatenate(pairs))  # once each: less to send


def _agreement(
    sketches: Sketches, weights: OnDisk, pairs: Pairs, bins: range
) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Return (m,) for pairs (m,): the weight of those `bins` that agree, and how many are filled.

    A bin counts as filled if it is in either of two pieces.
    """
    left, right = _ends(pairs)
    total, filled = np.zeros(len(left), np.float32), np.zeros(len(left), np.uint16)
    for bin_ in bins:
        column, weight = sketches[bin_], weights[bin_]
        one, other = column.take(left), column.take(right)
        agree = np.flatnonzero((one == other) & (one > 0))
        total[agree] += weight.take(left.take(agree))
        filled += np.maximum(one, other) > 0
    return total, filled


def _join(labels: Labels, pairs: Pairs) -> Labels:
    """Return the labels with both of each of pairs (m,) in one group: the smallest spreads."""
    while True:
        ends = np.stack([labels.take(pieces) for pieces in _ends(pairs)])  # (2, m)
        joined = labels.copy()
        np.minimum.at(joined, ends.ravel(), np.tile(ends.min(axis=0), 2))
        joined = joined[joined]
        if np.array_equal(joined, labels):
            return labels
        labels = joined
