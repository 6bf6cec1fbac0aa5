"""Pairs each note of a piece with the same note in another version, such as the decoded one.

Conventions. Positions are seconds from tick 0, in each piece by its own tempo map. The original has
n notes, the version m; a pair is an index into each.

Definition. Two notes can be a pair if they have the same pitch and, after the drift common to all
notes is taken off, their onsets are at most `MAX_ONSET_GAP` apart. The nearest notes are paired
first. Last, the pairs of each pitch are put in the order of their onsets (equal onsets: of their
durations), which makes no error larger. Notes of the same program are paired first, then drums
with drums and others with others, then any: a version without programs has lost the programs, not
the notes. mir_eval's `match_notes` finds the largest matching within a window of 50 ms; ours finds
the nearest, at any common drift, in O(n log n).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import DRUMS, Piece

__all__ = ["MAX_ONSET_GAP", "NotePairs", "TimedNotes", "match_notes"]

MAX_ONSET_GAP = 0.5
"""The largest gap between the onsets of a pair, in seconds, after the drift is taken off."""

_GOOD = 0.01  # seconds a note: below this mean cost no drift is looked for
_WINDOW = 31  # the drift is a median over this many anchors: longer than the swing in a bar
_ANCHORS = 50_000  # of more anchors every second, third ... is used: the median takes time

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class TimedNotes:
    """The notes of a piece as columns (n,): onset and duration in seconds, pitch, program."""

    onset: Floats
    duration: Floats
    pitch: Indices
    program: Indices

    @classmethod
    def of(cls, piece: Piece) -> TimedNotes:
        """Return the notes of `piece`, timed by its own tempo map."""
        onset = piece.seconds(piece.notes["start"])
        duration = piece.seconds(piece.ends) - onset
        pitch, program = (piece.notes[name].astype(np.int64) for name in ("pitch", "program"))
        return cls(onset, duration, pitch, program)


_KEYS: tuple[Callable[[TimedNotes], Indices], ...] = (
    lambda notes: notes.program * 128 + notes.pitch,
    lambda notes: (notes.program == DRUMS) * 128 + notes.pitch,
    lambda notes: notes.pitch,
)
"""What a pair must have in common, from the strictest key to the loosest."""


@dataclass(frozen=True)
class NotePairs:
    """Note original[i] of the original is note version[i] of the version; arrays are (pairs,).

    No note is in two pairs. cost: in seconds, see `_cost`.
    """

    original: Indices
    version: Indices
    cost: float


def match_notes(original: TimedNotes, version: TimedNotes) -> NotePairs:
    """Return the pairs with the lowest cost: with onsets as they are, or with a drift taken off.

    >>> from howlkit.music.piece import Piece
    >>> original = TimedNotes.of(Piece.of([(0, 480, 60), (480, 480, 64)]))
    >>> version = TimedNotes.of(Piece.of([(470, 480, 64)]))
    >>> pairs = match_notes(original, version)
    >>> pairs.original, pairs.version
    (array([1]), array([0]))
    """
    best = _pairs(original, version, version.onset)
    for anchors in (_by_count, _by_ends):
        if best.cost <= _GOOD * len(original.onset):
            break
        here, there = anchors(original, version)
        for _ in range(2):  # the pairs of the first round are better anchors for the second
            if not len(here):
                break
            found = _pairs(original, version, _without_drift(original, version, here, there))
            best = min(best, found, key=lambda pairs: pairs.cost)
            here, there = found.original, found.version
    return best


def _by_count(original: TimedNotes, version: TimedNotes) -> tuple[Indices, Indices]:
    """Return anchors: where both have as many notes of a pitch, the i-th is paired with the i-th.

    These are right whatever the drift, unless a pitch has lost as many notes as were added.
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


def _by_ends(original: TimedNotes, version: TimedNotes) -> tuple[Indices, Indices]:
    """Return anchors after the version is stretched to the length of the original.

    They are nearly right if the version has one wrong tempo throughout, even if notes are lost
    between the first and the last.
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


def _without_drift(
    original: TimedNotes, version: TimedNotes, here: Indices, there: Indices
) -> Floats:
    """Return the version's onsets (m,) less the drift, which is a running median over anchors."""
    order = np.argsort(version.onset[there], kind="stable")[:: 1 + len(there) // _ANCHORS]
    at = version.onset[there][order]
    late = np.pad(at - original.onset[here][order], _WINDOW // 2, mode="edge")
    drift = np.median(np.lib.stride_tricks.sliding_window_view(late, _WINDOW), axis=1)
    return np.asarray(version.onset - np.interp(version.onset, at, drift))


def _pairs(original: TimedNotes, version: TimedNotes, onset: Floats) -> NotePairs:
    """Return the pairs if the version's onsets are replaced by `onset` (m,)."""
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
    return NotePairs(a, b, _cost(original.onset, onset, a, b))


def _cost(original: Floats, version: Floats, here: Indices, there: Indices) -> float:
    """Return the sum of the pairs' gaps, plus `MAX_ONSET_GAP` for each note without a pair."""
    alone = len(original) + len(version) - 2 * len(here)
    return float(np.abs(original[here] - version[there]).sum() + MAX_ONSET_GAP * alone)


def _others(indices: Indices, taken: Indices) -> Indices:
    return indices[~np.isin(indices, taken, assume_unique=True)]


def _nearest_first(
    keys: tuple[Indices, Indices], onsets: tuple[Floats, Floats], rest: tuple[Indices, Indices]
) -> tuple[Indices, Indices]:
    """Return pairs of equal key among the notes `rest` of each piece, the nearest first.

    The two nearest notes are always neighbours in the order of key and onset. So each round takes
    all neighbours of which neither has a nearer one on its other side; a few rounds are enough.
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
    """Return the places where a note and the next one are each other's nearest, no note twice."""
    before = _to_last_other(key, onset, is_version)
    after = _to_last_other(key[::-1], -onset[::-1], is_version[::-1])[::-1]
    gap = before[1:]
    nearest = (gap <= before[:-1]) & (gap <= after[1:])
    mutual = np.diff(is_version) & (gap <= MAX_ONSET_GAP) & nearest
    # Adjacent marks are gaps of equal size: of such a row, every other one is taken.
    place = np.arange(len(mutual))
    begins = mutual & ~np.concatenate(([False], mutual))[:-1]
    since = place - np.maximum.accumulate(np.where(begins, place, 0))
    return np.flatnonzero(mutual & (since % 2 == 0))


def _with_unisons(
    key: Indices, onset: Floats, is_version: Marks, at: Indices
) -> tuple[Indices, Indices]:
    """Return pairs of places: `at` and the next one, and up to half of the unisons of both.

    With the unisons, a thousand notes at one onset take ten rounds. Only half of them are taken,
    because the others may belong to the neighbour on the far side.
    """
    changes = (np.diff(key) != 0) | (np.diff(onset) != 0) | np.diff(is_version)
    run = np.concatenate(([0], np.cumsum(changes)))
    size = np.bincount(run)[run]
    count = np.maximum(np.minimum(size[at], size[at + 1]) // 2, 1)
    away = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(at, count) - away, np.repeat(at, count) + 1 + away


def _to_last_other(key: Indices, onset: Floats, is_version: Marks) -> Floats:
    """Return the gap from each note to the last of equal key in the other piece, or inf."""
    place = np.arange(len(key))
    last = (np.maximum.accumulate(np.where(side, place, -1)) for side in (is_version, ~is_version))
    other = np.where(is_version, *list(last)[::-1])
    near = (other >= 0) & (key[other] == key)
    return np.asarray(np.where(near, onset - onset[other], np.inf))


def _in_order(
    keys: tuple[Indices, Indices],
    notes: tuple[TimedNotes, TimedNotes],
    pairs: tuple[Indices, Indices],
) -> tuple[Indices, Indices]:
    """Return the same notes in new pairs: in each key, the i-th of one with the i-th of the other.

    Notes of the version that share an onset are paired in the order of durations.
    """
    a, b = (
        found[np.lexsort((columns.duration[found], columns.onset[found], key[found]))]
        for key, columns, found in zip(keys, notes, pairs, strict=True)
    )
    original, version = notes
    return a[np.lexsort((original.duration[a], version.onset[b], keys[1][b]))], b
