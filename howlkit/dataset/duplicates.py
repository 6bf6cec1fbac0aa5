"""Near-duplicates: finds other takes, transpositions and arrangements of one piece among many.

Conventions. A **sketch** is (`BINS`,) uint32, one kilobyte: the fingerprint of the set of a piece's
pitch patterns. Two sketches agree in about the share of patterns that the pieces have in common.
A pattern is a set of `WINDOW` - 1 out of `WINDOW` notes that follow each other, as distances from
its lowest note: transposing changes nothing, nor do tempo, rhythm, the order within a rolled chord,
and one note in a dozen that is wrong, left out or put in. Drums, dynamics and time do not count.
Pieces of at most `WINDOW` pitched notes have no patterns, or too few to tell: their sketch is made
of all onsets in beats, pitches above the lowest, and drums, so that only such pieces are like them
as have the same, in any key.

Sources: one-permutation MinHash (Li, Owen, Zhang, NIPS 2012), banding (Leskovec, Rajaraman, Ullman,
Mining of Massive Datasets, chapter 3). Ours: a pattern counts less the more groups have it, since
short tunes of one style share turns of phrase without being the same tune.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from howlkit.piece import DRUMS, Piece

__all__ = ["BINS", "VERSION", "WINDOW", "Sketch", "group", "sketch"]

VERSION = 2
"""Of sketches and grouping: groups found by another version are found anew."""

BINS = 256
"""Values in a sketch."""

WINDOW = 12
"""Notes in a row that a pattern is taken from; pieces must have more to be known by patterns."""

Sketch = NDArray[np.uint32]
Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]

T = TypeVar("T")
R = TypeVar("R")


class Sketches(Protocol):
    """(BINS, n): the sketches of n pieces, bin by bin; an array, or rows that are on the disk."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, bin_: int, /) -> Any: ...  # noqa: ANN401


class Weights(Sketches, Protocol):
    """(BINS, n) float16, which can be written bin by bin."""

    def __setitem__(self, bin_: int, values: Any, /) -> None: ...  # noqa: ANN401


_SIMILAR = 0.05  # takes agree in 0.055 .. 1, of 330,000 pairs of unrelated pop songs one in 0.0502
_SIMILAR_SHORT = 0.08  # chance does more for short pieces
_SHORT = 2500  # patterns, about 500 notes
_TYPICAL = 2000  # pieces that the two thresholds are for; of more, more are alike by chance
_LEAST_RARITY = 0.25  # times the growth of the thresholds: to agree in a third is always enough
_ROUNDS = 8  # of joining: the more is joined, the fewer groups share what their pieces share
_STRIDES = (1, 85)  # a band is bins i and i + stride: 512 bands of two
_BATCH = 64  # bands looked at before their pairs are compared: the fewer, the more often ...
_PAIRS = 2**20  # ... all bins are gone through; or so many pairs
_NEIGHBOURS = 4  # of one bucket, so many next ones each is compared with
_RANK_BITS = 24  # of a value in its bin
_PIECES_A_THREAD = 1024  # fewer are done sooner than they are handed over


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
"""A random number for each distance in semitones; a set of notes hashes to their sum."""


def sketch(piece: Piece) -> Sketch:
    """Return the sketch (`BINS`,) of a piece: 0 where a bin is empty, else 1 .. 2**24.

    All zeros, which is like nothing else, for a piece of no notes.
    """
    if np.count_nonzero(piece.notes["program"] != DRUMS) <= WINDOW:
        return _sketch_of_all(piece)
    hashes = np.sort((_mix(_patterns(piece)) >> np.uint64(32)).astype(np.uint32))
    low = np.arange(BINS, dtype=np.int64) << _RANK_BITS
    first = np.searchsorted(hashes, low.astype(np.uint32))
    smallest = np.append(hashes, 0)[first] - low
    there = (first < len(hashes)) & (smallest < 1 << _RANK_BITS)
    return np.where(there, smallest + 1, 0).astype(np.uint32)


def _sketch_of_all(piece: Piece) -> Sketch:
    """Return a sketch that only pieces of the same onsets and intervals share, in every bin."""
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
    return ((values >> np.uint64(64 - _RANK_BITS)) + np.uint64(1)).astype(np.uint32)


def _patterns(piece: Piece) -> NDArray[np.uint64]:
    """Return the hash of each set of WINDOW - 1 out of WINDOW notes in a row, all below another."""
    notes = piece.notes
    order = notes["start"].astype(np.int64) << 7 | notes["pitch"]
    pitch = (np.sort(order[notes["program"] != DRUMS]) & 127).astype(np.uint8)
    windows = len(pitch) - WINDOW + 1
    pitches = np.sort(np.stack([pitch[i : i + windows] for i in range(WINDOW)]), axis=0)
    above = _OF_DISTANCE.take(pitches - pitches[0])  # (WINDOW, windows)
    without_one = above.sum(axis=0) - above[1:]
    without_lowest = _OF_DISTANCE.take(pitches[1:] - pitches[1]).sum(axis=0)
    return np.append(without_one, without_lowest)


def group(sketches: Sketches, weights: Weights | None = None, *, threads: int = 1) -> Labels:
    """Return (n,) for sketches (`BINS`, n): pieces with the same number are one group.

    The number is the index of the group's first piece. Pieces are joined when alike, or when both
    are like a third; empty sketches stay alone. Takes time linear in n, and memory for a few rows.
    weights: of the shape of `sketches`, to work on, float16 (half the memory; three digits are
    plenty); None: in memory. threads: how many cores to use; the groups are the same.
    """
    pieces = sketches.shape[1]
    if weights is None:
        weights = np.empty(sketches.shape, np.float16)
    for bin_ in range(BINS):
        weights[bin_] = np.where(sketches[bin_] > 0, np.inf, 0)  # infinite: not weighed yet
    labels = np.arange(pieces)
    threshold = _thresholds(sketches)
    with _Threads(max(1, min(threads, pieces // _PIECES_A_THREAD))) as crew:
        _weigh(sketches, labels, weights, crew)
        joined, unlike = _first_round(sketches, weights, labels, threshold, crew)
        for _ in range(_ROUNDS - 1):
            if np.array_equal(joined, labels):
                break
            labels = joined
            # What two pieces share weighs the same for both: of a pair both change, or neither.
            changed = _weigh(sketches, labels, weights, crew)
            unlike = unlike[:, labels[unlike[0]] != labels[unlike[1]]]
            again = np.flatnonzero(changed[unlike].all(axis=0))
            alike = _alike(sketches, weights, unlike[:, again], threshold, crew)
            joined = _join(labels, unlike[:, again[alike]])
    return joined


class _Threads(contextlib.AbstractContextManager["_Threads"]):
    """Threads that share work: numpy sorts, looks up and compares without holding the others up."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads)

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def map(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Yield work(item) for each item in order, as many at a time as there are threads."""
        if self.threads == 1:
            yield from map(work, items)
            return
        for begin in range(0, len(items), self.threads):
            yield from self._pool.map(work, items[begin : begin + self.threads])


def _first_round(
    sketches: Sketches,
    weights: Weights,
    labels: Labels,
    threshold: NDArray[np.float64],
    crew: _Threads,
) -> tuple[Labels, Labels]:
    """Return the labels with all pieces joined that are alike, as far as bands show them.

    And (2, m), the pairs that bands show and that are not alike. No later round would find others:
    as long as two pieces are apart, all that they share is shared by two groups, and counts.
    """

    def candidates(band: tuple[int, int]) -> Labels:
        return _candidates(sketches, weights, labels, band)

    bands = [(i, (i + stride) % BINS) for stride in _STRIDES for i in range(BINS)]
    unlike = np.empty(0, np.int64)
    for codes in _batches(crew.map(candidates, bands)):
        codes = np.setdiff1d(codes, unlike, assume_unique=True)
        pairs = np.stack(np.divmod(codes, len(labels)))  # (2, m)
        alike = _alike(sketches, weights, pairs, threshold, crew)
        labels = _join(labels, pairs[:, alike])
        unlike = np.concatenate((unlike, codes[~alike]))
    return labels, np.stack(np.divmod(unlike, len(labels)))


def _alike(
    sketches: Sketches,
    weights: Weights,
    pairs: Labels,
    threshold: NDArray[np.float64],
    crew: _Threads,
) -> Flags:
    """Return (m,), which of pairs (2, m) are as similar as both pieces' thresholds (n,) ask."""

    def similarity(some: Labels) -> NDArray[np.float64]:
        return _similarity(sketches, weights, some)

    shares = np.array_split(pairs, crew.threads, axis=1)
    found = np.concatenate(list(crew.map(similarity, shares)))
    return np.asarray(found >= threshold[pairs].max(axis=0))


def _batches(found: Iterator[Labels]) -> Iterator[Labels]:
    """Yield what several bands found together, each pair once; nothing where nothing was."""
    batch: list[Labels] = []
    for number, codes in enumerate(found, 1):
        batch.append(codes)
        if number % _BATCH == 0 or sum(map(len, batch)) > _PAIRS:
            together = np.unique(np.concatenate(batch))
            batch = []
            if len(together):
                yield together


def _weigh(sketches: Sketches, labels: Labels, weights: Weights, crew: _Threads) -> Flags:
    """Write how much sharing each value says: 1 if two groups have it, 0 if none other.

    It falls with the logarithm of the number of groups, but not to 0: thousands of variants of one
    piece share what they share with thousands, and are variants all the same. Returns (n,), the
    pieces of which any value weighs otherwise than before.
    """
    scale = np.log(max(len(labels), _TYPICAL))
    least = _LEAST_RARITY * _growth(len(labels))
    changed = np.zeros(len(labels), bool)

    def weigh(bin_: int) -> None:
        weight = weights[bin_]
        rows = np.flatnonzero(weight)  # what one group alone has, no other will: groups only grow
        shared = _groups_with(sketches[bin_][rows], labels[rows])
        rarity = 1 - np.log(np.maximum(shared - 1, 1)) / scale
        now = np.where(shared > 1, np.maximum(rarity, least), 0).astype(weight.dtype)
        changed[rows[now != weight[rows]]] = True
        weight[rows] = now
        weights[bin_] = weight

    for _ in crew.map(weigh, range(BINS)):
        pass
    return changed


def _groups_with(column: Sketch, labels: Labels) -> Labels:
    """Return (n,): how many groups have each piece's value in a bin; `column` and `labels` (n,)."""
    line = column.astype(np.int64) << 38 | labels  # values below 2**25; quicker than two sorts
    order = np.argsort(line)
    line = line.take(order)
    another = np.append(True, line[1:] != line[:-1])[: len(order)]
    value = line >> 38
    changed = np.append(True, value[1:] != value[:-1])[: len(order)]
    which = np.cumsum(changed) - 1
    shared = np.empty(len(order), np.int64)
    shared[order] = np.bincount(which, weights=another)[which]
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
        total += np.where(column > 0, column / 2.0**_RANK_BITS, 1.0)
    return np.asarray(BINS * (BINS / total - 1))


def _candidates(
    sketches: Sketches,
    weights: Weights,
    labels: Labels,
    band: tuple[int, int],
) -> Labels:
    """Return (m,), pairs (i, j) as i * n + j, of pieces not joined yet that agree in a band.

    Of those that agree in a bucket full, only neighbours: the others are paired in other bands.
    """
    a, b = band
    rows = np.flatnonzero((weights[a] > 0) & (weights[b] > 0))
    key = (sketches[a][rows].astype(np.uint64) << np.uint64(32)) | sketches[b][rows]
    order = np.argsort(key, kind="stable")
    key, rows = key[order], rows[order]
    pairs = [np.empty(0, np.int64)]
    for distance in range(1, _NEIGHBOURS + 1):
        same = key[distance:] == key[:-distance]
        left, right = rows[:-distance][same], rows[distance:][same]
        apart = labels[left] != labels[right]
        pairs.append(left[apart] * len(labels) + right[apart])
    return np.concatenate(pairs)


def _similarity(sketches: Sketches, weights: Weights, pairs: Labels) -> NDArray[np.float64]:
    """Return (m,) for pairs (2, m): the weight of the bins that agree, over those either fills."""
    left, right = pairs
    total, filled = np.zeros(len(left)), np.zeros(len(left), np.int64)
    for bin_ in range(BINS):
        column, weight = sketches[bin_], weights[bin_]
        one, other = column[left], column[right]
        agree = np.flatnonzero((one == other) & (one > 0))
        total[agree] += weight[left[agree]]
        filled += (one > 0) | (other > 0)
    return np.asarray(total / np.maximum(filled, 1))


def _join(labels: Labels, pairs: Labels) -> Labels:
    """Return the labels with both of each of pairs (2, m) in one group: the smallest spreads."""
    while True:
        ends = labels[pairs]  # (2, m)
        joined = labels.copy()
        np.minimum.at(joined, ends.ravel(), np.tile(ends.min(axis=0), 2))
        joined = joined[joined]
        if np.array_equal(joined, labels):
            return labels
        labels = joined
