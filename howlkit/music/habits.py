"""Habits of a piece that a listener notices when they go wrong.

They are: keys struck again while they sound, how many notes sound at once, how long notes last, and
passages that are repeated again and again.

The lengths of drum notes mean nothing, so drums count only in `loop_copies`. Lengths are those of
the notes; what the pedal holds is not added (to count it, replace durations by `Piece.held`). A
**key** is a pitch of a program on a track. Of an excerpt the context counts too.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS

__all__ = [
    "LAGS",
    "held_to_the_end",
    "loop_copies",
    "loop_runs",
    "most_sounding",
    "note_lengths",
    "overlaps",
    "restrikes",
    "sounding_at_onsets",
    "typical_polyphony",
]

LAGS = (8, 64)
"""The fewest and the most notes of a passage that `loop_copies` looks for."""

_LINE = 33  # bits of a tick; the keys lie one behind the other on one line

Ticks = NDArray[np.int64]


def overlaps(piece: Piece) -> Ticks:
    """Return (N,): for how many ticks after each note's onset an earlier note of its key sounds.

    0 where none does, and for drums. Of notes of a key with one onset, the first is the earlier.

    >>> overlaps(Piece.of([(0, 480, 60), (240, 480, 60), (720, 480, 60)])).tolist()
    [0, 240, 0]
    """
    notes, result = piece.notes, np.zeros(len(piece), np.int64)
    which = _melodic(piece)
    key = notes["track"][which].astype(np.int64) << 15
    key |= notes["program"][which].astype(np.int64) << 7
    key |= notes["pitch"][which]
    order = np.argsort(key, kind="stable")  # notes of a key stay in the order of their onsets
    # Numbered from 0, so that a key and a tick fit 64 bits.
    line = np.unique(key[order], return_inverse=True)[1].astype(np.int64) << _LINE
    which = which[order]
    onsets, ends = notes["start"][which] + line, piece.ends[which] + line
    latest = np.maximum.accumulate(ends)
    result[which[1:]] = np.maximum(latest[:-1] - onsets[1:], 0)
    return result


def restrikes(piece: Piece) -> NDArray[np.bool_]:
    """Return (N,): which notes begin while an earlier note of the same key still sounds.

    A note that begins where the earlier one ends does not. Drums never do.

    >>> restrikes(Piece.of([(0, 480, 60), (240, 480, 60), (720, 480, 60)])).tolist()
    [False, True, False]
    """
    return overlaps(piece) > 0


def sounding_at_onsets(piece: Piece) -> Ticks:
    """Return (M,): how many notes sound where each note begins, drums left out.

    All notes that begin there count, the note itself too; those that end there do not.

    >>> sounding_at_onsets(Piece.of([(0, 480, 60), (0, 960, 64), (480, 480, 67)])).tolist()
    [2, 2, 2]
    """
    which = _melodic(piece)
    onsets, ends = piece.notes["start"][which], np.sort(piece.ends[which])
    begun = onsets.searchsorted(onsets, side="right")
    return np.asarray(begun - ends.searchsorted(onsets, side="right"), np.int64)


def typical_polyphony(piece: Piece) -> float:
    """Return the median number of notes that sound at once, over the ticks in which any does.

    Each tick counts once; of two medians it is the lower. Drums are left out. NaN: there are no
    other notes.

    >>> typical_polyphony(Piece.of([(0, 960, 60), (0, 240, 64), (0, 240, 67)]))
    1.0
    """
    which = _melodic(piece)
    edges = np.concatenate((piece.notes["start"][which], piece.ends[which]))
    change = np.repeat((1, -1), len(which))
    order = np.argsort(edges, kind="stable")
    counts, ticks = np.cumsum(change[order])[:-1], np.diff(edges[order])
    counts, ticks = counts[counts > 0], ticks[counts > 0]
    if not len(counts):
        return math.nan
    order = np.argsort(counts, kind="stable")
    passed = np.cumsum(ticks[order])
    return float(counts[order][passed.searchsorted(passed[-1] / 2)])


def most_sounding(piece: Piece) -> int:
    """Return the greatest number of notes that sound at once, drums left out; 0 without notes."""
    return int(sounding_at_onsets(piece).max(initial=0))


def note_lengths(piece: Piece) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lengths of notes in beats (M,) and in seconds (M,), drums left out.

    >>> beats, seconds = note_lengths(Piece.of([(0, 240, 60)], bpm=60))
    >>> beats.tolist(), seconds.tolist()
    ([0.5], [0.5])
    """
    which = _melodic(piece)
    onsets, ends = piece.notes["start"][which], piece.ends[which]
    return (ends - onsets) / piece.ticks_per_beat, piece.seconds(ends) - piece.seconds(onsets)


def held_to_the_end(piece: Piece) -> float:
    """Return the share of notes that end with the piece, of those that begin before its last onset.

    0..1; drums are left out. NaN: all notes begin together, or there are none.

    >>> held_to_the_end(Piece.of([(0, 960, 60), (0, 480, 64), (480, 480, 67)]))
    0.5
    """
    which = _melodic(piece)
    onsets, ends = piece.notes["start"][which], piece.ends[which]
    earlier = onsets < onsets.max(initial=0)
    return float((ends == ends.max(initial=0))[earlier].mean()) if earlier.any() else math.nan


def loop_runs(piece: Piece, *, lags: tuple[int, int] = LAGS) -> Ticks:
    """Return (P,): for each lag, for how many notes in a row the piece goes on as before.

    lags: the first and the last lag. Notes come by onset, track, program and pitch, drums too. A
    **move** leads from a note to the next: an interval in semitones, and the ticks between the
    onsets. For a lag L, it is the greatest number of moves in a row that are each the same as the
    move L notes before.

    >>> scale = [(120 * i, 120, 60 + i % 4) for i in range(12)]  # four notes, three times
    >>> loop_runs(Piece.of(scale), lags=(3, 5)).tolist()
    [2, 7, 2]
    """
    moves = _moves(piece)
    runs = []
    for lag in range(lags[0], lags[1] + 1):
        differs = np.flatnonzero(moves[lag:] != moves[:-lag])
        longest = np.diff(differs, prepend=-1, append=max(len(moves) - lag, 0)).max() - 1
        runs.append(int(longest))
    return np.array(runs, np.int64)


def loop_copies(piece: Piece, *, lags: tuple[int, int] = LAGS) -> float:
    """Return how many times in a row the most repeated passage is heard, such as 5.0; at least 1.

    A passage has a number of notes in `lags`, 8 to 64. It is repeated where the same moves come
    again (`loop_runs`), also if it is transposed. A run of R such moves, at a lag of L notes, is
    R / L + 1 copies, the first included; the most over all lags count. So a passage, four repeats
    of it and the first note of a fifth are 5, and "eight or more notes repeat more than four times
    in a row" is more than 5. One note struck at equal times is a passage of any length: 41 of them
    are 5.

    >>> loop_copies(Piece.of([(120 * i, 120, 60 + i % 8) for i in range(8 * 5 + 1)]))
    5.0
    """
    return float((1 + loop_runs(piece, lags=lags) / np.arange(lags[0], lags[1] + 1)).max())


def _moves(piece: Piece) -> Ticks:
    """Return (N - 1,): a number for each move, the same for the same interval and ticks."""
    notes = piece.notes
    order = np.lexsort((notes["pitch"], notes["program"], notes["track"], notes["start"]))
    notes = notes[order]
    intervals = np.diff(notes["pitch"].astype(np.int64))  # -127..127
    return np.asarray(np.diff(notes["start"].astype(np.int64)) * 256 + intervals + 128)


def _melodic(piece: Piece) -> NDArray[np.intp]:
    """Return the indices of the notes that are no drums."""
    return np.flatnonzero(piece.notes["program"] != DRUMS)
