"""Features of repetition: how much of an excerpt has been heard in it before.

Passages are compared by what a listener keeps: the intervals of the top line (so also transposed),
the rhythm as ratios of times (so also at another tempo), the chords as pitch classes. Drums are
left out.
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.evaluation.told.chords import Chords, Floats, Integers, share
from howlkit.evaluation.told.harmony import chroma, similarities
from howlkit.music.piece import Piece

__all__ = [
    "bass_heard_before",
    "chords_heard_before",
    "copies_in_a_row",
    "harmony_return",
    "longest_repeat",
    "melody_return",
    "notes_heard_before",
    "rhythm_heard_before",
    "rhythm_return",
    "same_chord_again",
    "tune_heard_before",
    "tune_heard_before_long",
]

_LOOPS = (4, 32)  # the fewest and the most onsets of a passage in `copies_in_a_row`

_FRAME = 0.1  # seconds
_APART = 0.06  # seconds, a little over half a frame, so that none falls between two
_LAGS = np.arange(10, 161)  # frames: 1 to 16 seconds, from a beat or two to a phrase


def tune_heard_before(piece: Piece) -> float:
    """Return the share of four intervals in a row of the top line that came before, 0..1."""
    return heard_before(np.diff(Chords.of(piece).top), 4)


def tune_heard_before_long(piece: Piece) -> float:
    """Return the share of eight intervals in a row of the top line that came before, 0..1."""
    return heard_before(np.diff(Chords.of(piece).top), 8)


def bass_heard_before(piece: Piece) -> float:
    """Return the share of four intervals in a row of the lowest line that came before, 0..1."""
    return heard_before(np.diff(Chords.of(piece).bottom), 4)


def notes_heard_before(piece: Piece) -> float:
    """Return the share of four onsets in a row, tune and rhythm together, that came before, 0..1.

    Intervals of the top line, and ratios of the times between onsets.
    """
    chords = Chords.of(piece)
    return heard_before(np.diff(chords.top)[1:] * 64 + _ratios(chords), 4)


def rhythm_heard_before(piece: Piece) -> float:
    """Return the share of eight changes of rhythm in a row that came before, 0..1.

    A change is the ratio of the times between onsets, to the nearest half of an octave.
    """
    return heard_before(_ratios(Chords.of(piece)), 8)


def chords_heard_before(piece: Piece) -> float:
    """Return the share of four onsets in a row, as pitch classes, that came before, 0..1.

    Only the notes that begin at an onset count.
    """
    return heard_before(Chords.of(piece).classes, 4)


def same_chord_again(piece: Piece) -> float:
    """Return the share of the onsets with the same pitch classes as the onset before, 0..1."""
    return share(np.diff(Chords.of(piece).classes) == 0)


def longest_repeat(piece: Piece) -> float:
    """Return the length of the longest passage of the top line that comes twice, 0..1.

    In onsets, as a share of all onsets; the two may overlap.

    >>> tune = [60, 64, 62, 67] * 2
    >>> longest_repeat(Piece.of([(480 * i, 480, pitch) for i, pitch in enumerate(tune)]))
    0.5
    """
    moves = np.diff(Chords.of(piece).top)
    if not len(moves):
        return math.nan
    longest, above = 0, len(moves)  # a passage that comes twice has beginnings that do
    while above - longest > 1:
        middle = (longest + above) // 2
        if heard_before(moves, middle) > 0:
            longest = middle
        else:
            above = middle
    return (longest + 1) / (len(moves) + 1) if longest else 0.0


def copies_in_a_row(piece: Piece) -> float:
    """Return how many times in a row the most repeated passage of 4 to 32 onsets comes, 1 or above.

    Onsets are alike if the same pitch classes begin there. If R onsets in a row are as those L
    before, the passage of L onsets comes R / L + 1 times, the first time included.

    >>> copies_in_a_row(Piece.of([(480 * i, 480, 60 + i % 4) for i in range(12)]))
    3.0
    """
    classes = Chords.of(piece).classes
    most = 1.0
    for lag in range(_LOOPS[0], min(_LOOPS[1] + 1, len(classes))):
        differs = np.flatnonzero(classes[lag:] != classes[:-lag])
        longest = np.diff(differs, prepend=-1, append=len(classes) - lag).max() - 1
        most = max(most, 1 + float(longest) / lag)
    return most


def harmony_return(piece: Piece) -> float:
    """Return how alike the harmony is at the best distance of 1 to 16 seconds, 0..1.

    The mean cosine of how long each pitch class sounds in 0.1 seconds, and in 0.1 seconds that
    much later; the greatest over all distances.
    """
    found = similarities(chroma(Chords.of(piece), _FRAME))
    found = found[_LAGS[2 * _LAGS <= len(found)]]
    return float(found[~np.isnan(found)].max(initial=-1.0)) if len(found) else math.nan


def melody_return(piece: Piece) -> float:
    """Return how many of the notes come again with their pitch, at the best distance, 0..1.

    Distances are 1 to 16 seconds, such as a bar or a phrase, to within 60 ms. Notes that come
    so late that nothing could follow do not count.
    """
    chords = Chords.of(piece)
    return _returned(chords.begins, chords.pitch)


def rhythm_return(piece: Piece) -> float:
    """Return how many of the onsets come again, at the best distance of 1 to 16 seconds, 0..1.

    To within 60 ms, as in `melody_return`, less the mean over all distances: so many come
    again by chance.
    """
    chords = Chords.of(piece)
    return _returned(chords.onsets, np.zeros(len(chords), np.int64), less_mean=True)


def heard_before(values: Integers, length: int) -> float:
    """Return the share of the passages of `length` values that came before; NaN if there are none.

    >>> heard_before(np.array([1, 2, 1, 2, 1, 2]), 2)  # 12 21 12 21 12: all but two
    0.6
    """
    if len(values) < length:
        return math.nan
    passages = np.lib.stride_tricks.sliding_window_view(values, length)
    return 1 - len(np.unique(passages, axis=0)) / len(passages)


def _ratios(chords: Chords) -> Integers:
    """Return (K - 2,): from a time between onsets to the next, in halves of an octave, -20..20."""
    steps = np.rint(2 * np.log2(chords.gaps[1:] / chords.gaps[:-1]))
    return np.asarray(np.clip(steps, -20, 20), np.int64)


def _returned(times: Floats, kind: Integers, *, less_mean: bool = False) -> float:
    """Return the greatest share of events that have another of their kind a distance later.

    times, kind: (N,) of the events, times rising. Only half of the length is looked across.
    """
    if not len(times):
        return math.nan
    lags = _FRAME * _LAGS
    lags = lags[2 * lags <= times[-1] - times[0]]
    if not len(lags):
        return math.nan
    found = np.zeros((len(lags), len(times)), np.bool_)
    for one in np.unique(kind):
        which = np.flatnonzero(kind == one)
        own = times[which]
        wanted = own[None, :] + lags[:, None]  # (lags, events)
        after = own.searchsorted(wanted - _APART)
        near = own[np.minimum(after, len(own) - 1)]
        found[:, which] = (after < len(own)) & (near <= wanted + _APART)
    possible = times[None, :] + lags[:, None] <= times[-1]
    shares = (found & possible).sum(1) / possible.sum(1)
    return float(shares.max() - (shares.mean() if less_mean else 0.0))
