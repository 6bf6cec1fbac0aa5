"""Near-duplicates: finds other takes, transpositions and arrangements of one piece among many.

Pieces are compared by their sketches (sketches.py, similarity.py). The first round looks for all
pairs that agree in a band, which is two bins, and joins those that are alike. Joining changes what
values weigh, since a value that fewer groups share says more; so the next rounds join the pairs
that have become alike, until a round joins nothing.

Source: banding (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3). The weights
are ours.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np

from howlkit.dataset.mapped_tensors import Appended, OnDisk
from howlkit.dataset.similarity import (
    RUN,
    Comparison,
    Flags,
    Labels,
    Pairs,
    SharedWork,
    Sketches,
    ends,
    is_shared,
    thresholds,
    weigh,
)
from howlkit.dataset.sketches import BINS
from howlkit.dataset.workers import WorkerPool

__all__ = ["VERSION", "group"]

VERSION = 2
"""The version of sketches and grouping: groups found by another version are found anew."""

_ROUNDS = 8  # of joining: the more is joined, the fewer groups share what their pieces share
_STRIDES = (1, 85)  # a band is bins i and i + stride: 512 bands of two
_PAIRS = 2**17  # compared at once, at 100 bytes of memory each: with fewer, all is read more often
_NEIGHBOURS = 4  # how many next ones each piece of a bucket is compared with


def group(
    sketches: Sketches, *, folder: Path | None = None, pool: WorkerPool | None = None
) -> Labels:
    """Return the group of each piece, (n,), from sketches (`BINS`, n).

    A group's number is the index of its first piece. Pieces are joined when they are alike, or when
    both are like a third; pieces with empty sketches stay alone. Takes time linear in n, and memory
    for a few rows.
    folder: for temporary files, a kilobyte a piece; None: the system's. pool: the processes that
    share the work; the groups do not depend on it.
    """
    try:
        return _group(sketches, folder, SharedWork(pool or WorkerPool(), sketches.shape[1]))
    except BrokenProcessPool:  # there may be too little memory for several processes
        return _group(sketches, folder, SharedWork(WorkerPool(), sketches.shape[1]))


def _group(sketches: Sketches, folder: Path | None, share: SharedWork) -> Labels:
    pieces = sketches.shape[1]
    labels, threshold = np.arange(pieces), thresholds(sketches)
    with (
        OnDisk.new(folder, np.float16, (BINS, pieces)) as weights,  # three digits are plenty
        OnDisk.new(folder, np.int64, (2, pieces)) as grouping,
        Appended(folder, np.int64) as unlike,
    ):
        for bin_ in range(BINS):
            weights[bin_] = np.where(sketches[bin_] > 0, np.inf, 0)  # infinite: not weighed yet
        comparison = Comparison(sketches, weights, threshold, share)
        weigh(sketches, labels, grouping, weights, share)
        joined = _first_round(comparison, labels, unlike)
        for _ in range(_ROUNDS - 1):
            if np.array_equal(joined, labels):
                break
            labels = joined
            changed = weigh(sketches, labels, grouping, weights, share)
            joined = _later_round(comparison, labels, changed, unlike)
    return joined


def _first_round(comparison: Comparison, labels: Labels, unlike: Appended) -> Labels:
    """Return the labels after joining all pairs that agree in a band and are alike.

    unlike: takes the pairs that agree in a band and are not alike.
    """
    sketches, weights, _, share = comparison
    bands = [(i, (i + stride) % BINS) for stride in _STRIDES for i in range(BINS)]
    items = ((labels, bands[first : first + RUN]) for first in range(0, len(bands), RUN))
    found = share.map(functools.partial(_candidates, sketches, weights), items)
    for pairs in _batches(found):
        alike = comparison.alike(pairs)
        labels = _join(labels, pairs[alike])
        unlike.append(pairs[~alike])
    return labels


def _later_round(
    comparison: Comparison, labels: Labels, changed: Flags, unlike: Appended
) -> Labels:
    """Return the labels after joining all pairs that have become alike.

    Bands would show no other pairs than in the first round: as long as two pieces are apart, two
    groups share what they share, so it counts. And a shared value has one weight for both pieces:
    a pair of which one piece has not `changed` (n,) is as unlike as it was.
    """

    def again(pairs: Pairs) -> Pairs:
        one, other = ends(pairs)
        apart = labels.take(one) != labels.take(other)
        return pairs.compress(apart & changed.take(one) & changed.take(other))

    for pairs in _batches(map(again, unlike.blocks(_PAIRS))):
        labels = _join(labels, pairs[comparison.alike(pairs)])
    return labels


def _candidates(
    sketches: Sketches, weights: OnDisk, item: tuple[Labels, list[tuple[int, int]]]
) -> Pairs:
    """Return (m,): the pairs of pieces that agree in a band and are not joined yet.

    item: the labels, and the bands. Of many pieces that agree in a band, only neighbours are
    paired: other bands pair the others.
    """
    labels, bands = item
    pairs = [np.empty(0, np.int64)]
    for a, b in bands:
        rows = np.flatnonzero(is_shared(weights[a]) & is_shared(weights[b]))
        key = (sketches[a][rows].astype(np.uint64) << np.uint64(32)) | sketches[b][rows]
        order = np.argsort(key, kind="stable")
        key, rows = key[order], rows[order]
        for distance in range(1, _NEIGHBOURS + 1):
            same = key[distance:] == key[:-distance]
            left, right = rows[:-distance][same], rows[distance:][same]
            apart = labels[left] != labels[right]
            pairs.append(left[apart] << 32 | right[apart])
    return np.unique(np.concatenate(pairs))  # each once: less to send


def _batches(found: Iterable[Pairs]) -> Iterator[Pairs]:
    """Yield the pairs of `found`, some arrays together, each pair once, at most `_PAIRS` a time."""
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


def _join(labels: Labels, pairs: Pairs) -> Labels:
    """Return the labels after joining both pieces of each of pairs (m,): the smallest spreads."""
    while True:
        joining = np.stack([labels.take(pieces) for pieces in ends(pairs)])  # (2, m)
        joined = labels.copy()
        np.minimum.at(joined, joining.ravel(), np.tile(joining.min(axis=0), 2))
        joined = joined[joined]
        if np.array_equal(joined, labels):
            return labels
        labels = joined
