"""Which note of a piece is which in another version of it, such as one encoded and decoded.

Conventions. Positions are seconds from tick 0, each piece's by its own tempo map. n notes in the
original, m in the version; a pair is an index into each.

Definition. Two notes can be a pair if their pitch is the same and their onsets are at most `NEAR`
apart, once a drift common to all notes is taken off. The nearest are paired first, and last of all
the pairs of a pitch are put in the order of their onsets (and, where those are one, of their
durations), which makes no error larger. Notes of the same program come first, then those that are
drums or not as the original is, then any: a version without programs has lost those, not its notes.
mir_eval's `match_notes` finds the largest matching within a window of 50 ms; here the nearest is
wanted, at any common drift, in n log n.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import DRUMS, Piece

__all__ = ["NEAR", "Pairs", "Timed", "match"]

NEAR = 0.5
"""Seconds between the onsets of a pair, at most, without the drift."""

_GOOD = 0.01  # mean cost, in seconds a note, below which no drift is looked for
_WINDOW = 31  # anchors over which the drift is a median: a passage, not a bar's swing
_ANCHORS = 50_000  # of more, only every so many is looked at: the median holds `_WINDOW` of each

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class Timed:
    """The notes of a piece as columns (n,): onset and duration in seconds, pitch, program."""

    onset: Floats
    duration: Floats
    pitch: Indices
    program: Indices

    @classmethod
    def of(cls, piece: Piece) -> Timed:
        """Return the notes of `piece`, timed by its own tempo map."""
        onset = piece.seconds(piece.notes["start"])
        duration = piece.seconds(piece.ends) - onset
        pitch, program = (piece.notes[name].astype(np.int64) for name in ("pitch", "program"))
        return cls(onset, duration, pitch, program)


_KEYS: tuple[Callable[[Timed], Indices], ...] = (
    lambda notes: notes.program * 128 + notes.pitch,
    lambda notes: (notes.program == DRUMS) * 128 + notes.pitch,
    lambda notes: notes.pitch,
)
"""What a pair must have in common: first the most, last the least."""


@dataclass(frozen=True)
class Pairs:
    """Note original[i] of one piece is note version[i] of the other; cost: in seconds, see `_cost`.

    No note is in two pairs; both arrays are (pairs,).
    """

    original: Indices
    version: Indices
    cost: float


def match(original: Timed, version: Timed) -> Pairs:
    """Return the pairs that cost least: with onsets as they are, or with a drift taken off."""
    best = _pairs(original, version, version.onset)
    for anchors in (_by_count, _by_ends):
        if best.cost <= _GOOD * len(original.onset):
            break
        here, there = anchors(original, version)
        for _ in range(2):  # the pairs of the first go are better anchors for the second
            if not len(here):
                break
            found = _pairs(original, version, _without_drift(original, version, here, there))
            best = min(best, found, key=lambda pairs: pairs.cost)
            here, there = found.original, found.version
    return best


def _by_count(original: Timed, version: Timed) -> tuple[Indices, Indices]:
    """Return anchors from the pitches of which both have as many notes: the i-th is the i-th.

    However far the drift has gone, these are right, unless a pitch has lost and won notes.
    """
    here: list[Indices] = []
    there: list[Indices] = []
    for key_of in (_KEYS[0], _KEYS[2]):
        a, b = key_of(original), key_of(version)
        size = 1 + max(a.max(initial=0), b.max(initial=0))
        counts = np.bincount(a, minlength=size)
        same = counts == np.bincount(b, minlength=size)
        for key, notes, found in ((a, original, here), (b, version, there)):
            order = np.lexsort((notes.onset, key))
            found.append(order[same[key[order]]])
    return np.concatenate(here), np.concatenate(there)


def _by_ends(original: Timed, version: Timed) -> tuple[Indices, Indices]:
    """Return anchors as if one tempo throughout were wrong: the version is stretched to fit.

    Whichever notes are lost between the first and the last, each of the version stands about right.
    """
    if not (len(original.onset) and len(version.onset)):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.argsort(original.onset, kind="stable")
    onset = original.onset[order]
    ends = version.onset.min(), version.onset.max()
    stretched = np.interp(version.onset, ends, onset[[0, -1]])
    after = np.minimum(np.searchsorted(onset, stretched), len(onset) - 1)
    before = np.maximum(after - 1, 0)
    nearer = stretched - onset[before] < onset[after] - stretched
    return order[np.where(nearer, before, after)], np.arange(len(version.onset))


def _without_drift(original: Timed, version: Timed, here: Indices, there: Indices) -> Floats:
    """Return the version's onsets (m,) less the drift: a running median over the anchors."""
    order = np.argsort(version.onset[there], kind="stable")[:: 1 + len(there) // _ANCHORS]
    at = version.onset[there][order]
    late = np.pad(at - original.onset[here][order], _WINDOW // 2, mode="edge")
    drift = np.median(np.lib.stride_tricks.sliding_window_view(late, _WINDOW), axis=1)
    return np.asarray(version.onset - np.interp(version.onset, at, drift))


def _pairs(original: Timed, version: Timed, onset: Floats) -> Pairs:
    """Return the pairs with the version's onsets taken to be `onset` (m,)."""
    here, there = [], []
    rest = np.arange(len(original.onset)), np.arange(len(version.onset))
    for key_of in _KEYS:
        if not (len(rest[0]) and len(rest[1])):
            break
        keys = key_of(original), key_of(version)
        a, b = _nearest_first(keys, (original.onset, onset), rest)
        a, b = _in_order(keys, (original, version), (a, b))
        here.append(a)
        there.append(b)
        rest = _others(rest[0], a), _others(rest[1], b)
    a, b = (np.concatenate([np.empty(0, np.int64), *found]) for found in (here, there))
    return Pairs(a, b, _cost(original.onset, onset, a, b))


def _cost(original: Floats, version: Floats, here: Indices, there: Indices) -> float:
    """Return in seconds how far the pairs are apart, and `NEAR` for each note that has none."""
    alone = len(original) + len(version) - 2 * len(here)
    return float(np.abs(original[here] - version[there]).sum() + NEAR * alone)


def _others(indices: Indices, taken: Indices) -> Indices:
    return indices[~np.isin(indices, taken, assume_unique=True)]


def _nearest_first(
    keys: tuple[Indices, Indices], onsets: tuple[Floats, Floats], rest: tuple[Indices, Indices]
) -> tuple[Indices, Indices]:
    """Return pairs among the notes `rest` of each: of equal key, the nearest first, up to `NEAR`.

    The nearest of all are always neighbours in the order of key and onset, so each round takes all
    neighbours of which neither has a nearer one on its other side; a few rounds do.
    """
    a, b = rest
    notes = np.concatenate((a, b))
    is_version = np.repeat([False, True], [len(a), len(b)])
    key = np.concatenate((keys[0][a], keys[1][b]))
    onset = np.concatenate((onsets[0][a], onsets[1][b]))
    left = np.lexsort((onset, key))
    firsts, seconds = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    while True:
        columns = key[left], onset[left], is_version[left]
        before, after = _with_unisons(*columns, _neighbours(*columns))
        if not len(before):
            break
        firsts.append(left[before])
        seconds.append(left[after])
        left = np.delete(left, np.concatenate((before, after)))
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    turned = is_version[first]
    return notes[np.where(turned, second, first)], notes[np.where(turned, first, second)]


def _neighbours(key: Indices, onset: Floats, is_version: Marks) -> Indices:
    """Return where a note and the next one are each other's nearest; no note is in two of them."""
    before = _to_last_other(key, onset, is_version)
    after = _to_last_other(key[::-1], -onset[::-1], is_version[::-1])[::-1]
    gap = before[1:]
    mutual = np.diff(is_version) & (gap <= NEAR) & (gap <= before[:-1]) & (gap <= after[1:])
    # Marks beside each other are gaps of one size: of such a row, every other one is taken.
    place = np.arange(len(mutual))
    begins = mutual & ~np.concatenate(([False], mutual))[:-1]
    since = place - np.maximum.accumulate(np.where(begins, place, 0))
    return np.flatnonzero(mutual & (since % 2 == 0))


def _with_unisons(
    key: Indices, onset: Floats, is_version: Marks, at: Indices
) -> tuple[Indices, Indices]:
    """Return pairs of places: `at` and the next, and of their unisons up to half as well.

    So that a thousand notes at one onset take ten rounds. Half: the others may be for the far side.
    """
    changes = (np.diff(key) != 0) | (np.diff(onset) != 0) | np.diff(is_version)
    run = np.concatenate(([0], np.cumsum(changes)))
    size = np.bincount(run)[run]
    count = np.maximum(np.minimum(size[at], size[at + 1]) // 2, 1)
    away = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(at, count) - away, np.repeat(at, count) + 1 + away


def _to_last_other(key: Indices, onset: Floats, is_version: Marks) -> Floats:
    """Return how far before each note the last of equal key and the other piece is, or inf."""
    place = np.arange(len(key))
    last = (np.maximum.accumulate(np.where(side, place, -1)) for side in (is_version, ~is_version))
    other = np.where(is_version, *list(last)[::-1])
    near = (other >= 0) & (key[other] == key)
    return np.asarray(np.where(near, onset - onset[other], np.inf))


def _in_order(
    keys: tuple[Indices, Indices], notes: tuple[Timed, Timed], pairs: tuple[Indices, Indices]
) -> tuple[Indices, Indices]:
    """Return the same notes paired anew: of each key, the i-th of one with the i-th of the other.

    Where several of the version share an onset, theirs is the order of durations.
    """
    a, b = (
        found[np.lexsort((columns.duration[found], columns.onset[found], key[found]))]
        for key, columns, found in zip(keys, notes, pairs, strict=True)
    )
    original, version = notes
    return a[np.lexsort((original.duration[a], version.onset[b], keys[1][b]))], b
