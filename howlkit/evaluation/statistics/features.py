"""The nine features by which Yang and Lerch compare sets of music, each of one whole piece.

After their paper (see the package's docstring) and its code, mgeval. That code looks at one track;
we look at all notes but drums. A **line** is the notes of one program, in the order of onset, then
pitch. Successions of notes are counted within lines, so the notes of a chord follow each other
upwards. Tracks do not matter: encoders need not keep them, and four voices in four tracks would not
be like the same voices in one. A feature is a number or a vector; it is NaN if the piece has too
few notes.

We leave out the variants by bar (pitch count, note count and pitch class histogram of every bar),
which need pieces cut to one number of bars, and rests as note lengths.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.evaluation.statistics import pitches
from howlkit.evaluation.statistics.pitches import melodic
from howlkit.music.piece import Piece

__all__ = [
    "NOTE_LENGTHS",
    "average_inter_onset_interval",
    "average_pitch_interval",
    "note_count",
    "note_length_histogram",
    "note_length_transition_matrix",
    "pitch_class_histogram",
    "pitch_class_transition_matrix",
    "pitch_count",
    "pitch_range",
]

Vector = NDArray[np.float64]

NOTE_LENGTHS = np.array([96, 48, 24, 12, 6, 72, 36, 18, 9, 32, 16, 8]) / 24
"""In beats: whole note to 16th; dotted half to dotted 16th; triplets of half, quarter, eighth."""


def pitch_count(piece: Piece) -> float:
    """Return the number of different pitches, 1..128; NaN if there is no note."""
    return pitches.n_pitches_used(piece) or math.nan


def pitch_range(piece: Piece) -> float:
    """Return the semitones from the lowest to the highest pitch, 0..127; NaN without notes."""
    return pitches.pitch_range(piece) if len(melodic(piece)) else math.nan


def note_count(piece: Piece) -> float:
    """Return the number of notes; NaN if there is none."""
    return len(melodic(piece)) or math.nan


def average_pitch_interval(piece: Piece) -> float:
    """Return the mean semitones, up or down, from a note to the next of its line, 0..127.

    NaN: no line has two notes.

    >>> average_pitch_interval(Piece.of([(0, 480, 60), (480, 480, 64), (960, 480, 62)]))
    3.0
    """
    notes, goes_on = _lines(piece)
    steps = np.abs(np.diff(notes["pitch"].astype(np.int64)))[goes_on]
    return float(steps.mean()) if len(steps) else math.nan


def average_inter_onset_interval(piece: Piece) -> float:
    """Return the mean seconds from the onset of a note to that of the next, 0 within a chord.

    As in mgeval, all lines together. NaN: there are fewer than two notes.

    >>> average_inter_onset_interval(Piece.of([(0, 480, 60), (480, 480, 64), (960, 480, 62)]))
    0.5
    """
    starts = melodic(piece)["start"]  # in rising order, as a piece's notes are
    if len(starts) < 2:
        return math.nan
    first, last = piece.seconds(starts[[0, -1]])
    return float(last - first) / (len(starts) - 1)


def pitch_class_histogram(piece: Piece) -> Vector:
    """Return the share of each pitch class in the total duration of the notes, (12,).

    mgeval weights by seconds and, since it adds up piano rolls, by velocity too.
    """
    notes = melodic(piece)
    return _shares(np.bincount(notes["pitch"] % 12, weights=notes["duration"], minlength=12))


def pitch_class_transition_matrix(piece: Piece) -> Vector:
    """Return the share of each pair of pitch classes among all steps to the next note, (144,).

    Row by row: the first 12 are from C. mgeval returns counts, so that its distances mostly measure
    the lengths of the pieces, and it pairs notes if one begins within 50 ms of the other's end.
    """
    notes, goes_on = _lines(piece)
    return _transitions(notes["pitch"] % 12, goes_on)


def note_length_histogram(piece: Piece) -> Vector:
    """Return the share of notes nearest to each of `NOTE_LENGTHS`, (12,).

    Nearest by the difference in beats; of two equally near lengths the first counts. For mgeval the
    lengths are parts of the bar, so that its whole note in 3/4 is three beats; ours do not depend
    on the metre.
    """
    return _shares(np.bincount(_length_classes(melodic(piece), piece.ticks_per_beat), minlength=12))


def note_length_transition_matrix(piece: Piece) -> Vector:
    """Return the share of each pair of note lengths among all steps to the next note, (144,).

    mgeval returns counts. Lengths are classified as in `note_length_histogram`.
    """
    notes, goes_on = _lines(piece)
    return _transitions(_length_classes(notes, piece.ticks_per_beat), goes_on)


def _lines(piece: Piece) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the notes line by line, (N,), and whether the next is in the same line, (N - 1,)."""
    notes = melodic(piece)
    notes = notes[np.lexsort([notes[name] for name in ("pitch", "start", "program")])]
    return notes, notes["program"][1:] == notes["program"][:-1]


def _length_classes(notes: NDArray[Any], ticks_per_beat: int) -> NDArray[np.int64]:
    beats = notes["duration"] / ticks_per_beat
    return np.asarray(np.abs(beats[:, None] - NOTE_LENGTHS).argmin(axis=1))  # (N, 12) -> (N,)


def _transitions(classes: NDArray[Any], goes_on: NDArray[np.bool_]) -> Vector:
    """Return the shares of the 12 x 12 pairs of neighbours, (144,)."""
    wide = classes.astype(np.int64)
    pairs = (12 * wide[:-1] + wide[1:])[goes_on]
    return _shares(np.bincount(pairs, minlength=144))


def _shares(counts: NDArray[Any]) -> Vector:
    """Return counts divided by their sum; NaN throughout if it is 0."""
    total = counts.sum()
    return counts / total if total else np.full(len(counts), math.nan)
