"""Features of texture: how many notes there are, how they lie together, how long they last.

Drums are left out, but for `instruments` and `drum_share`. Seconds are those of the tempo map; the
lengths of notes are their own, without the pedal.
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.evaluation.told.chords import (
    TOGETHER,
    Chords,
    Floats,
    commonest,
    kinds,
    share,
    struck_again,
)
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS

__all__ = [
    "density_spread",
    "drum_share",
    "instrument_switches",
    "instruments",
    "legato",
    "longest_note",
    "longest_silence",
    "loudness",
    "loudness_change",
    "loudness_in_chords",
    "loudness_spread",
    "mean_polyphony",
    "most_at_once",
    "note_length",
    "note_length_kinds",
    "note_length_spread",
    "notes_per_onset",
    "notes_per_second",
    "restrike_share",
    "silence_share",
    "single_note_share",
]

_WINDOW = 3.0  # seconds, in which notes are counted for `density_spread`


def notes_per_second(piece: Piece) -> float:
    """Return the notes that begin in a second; NaN without notes.

    They are counted from the first onset to the end of the last note.
    """
    chords = Chords.of(piece)
    if not len(chords):
        return math.nan
    return len(chords.pitch) / float(chords.ends.max() - chords.begins[0])


def density_spread(piece: Piece) -> float:
    """Return how unevenly the notes lie in time: deviation over mean of the notes in 3 seconds.

    0: as many notes in each window. NaN: there are fewer than two whole windows.
    """
    starts = Chords.of(piece).begins
    if not len(starts):
        return math.nan
    window = ((starts - starts[0] + 1e-6) / _WINDOW).astype(np.int64)
    counts = np.bincount(window)[:-1]  # the last is not whole
    if len(counts) < 2:
        return math.nan
    return float(counts.std() / counts.mean())


def mean_polyphony(piece: Piece) -> float:
    """Return the mean number of notes that sound at once, where any does; 1 or above.

    >>> mean_polyphony(Piece.of([(0, 960, 60), (0, 480, 64)]))
    1.5
    """
    chords = Chords.of(piece)
    heard = _sounding_seconds(chords)
    return float((chords.ends - chords.begins).sum() / heard) if heard else math.nan


def most_at_once(piece: Piece) -> float:
    """Return the greatest number of notes that sound at once; 0 without notes."""
    return float(Chords.of(piece).sounding.sum(1).max(initial=0))


def notes_per_onset(piece: Piece) -> float:
    """Return the mean number of notes that begin together (within 30 ms); 1 or above."""
    chords = Chords.of(piece)
    return float(chords.sizes.mean()) if len(chords) else math.nan


def single_note_share(piece: Piece) -> float:
    """Return the share of the onsets at which one note begins alone, 0..1."""
    return share(Chords.of(piece).sizes == 1)


def silence_share(piece: Piece) -> float:
    """Return the share of the time in which no note sounds, from the first onset to the last end.

    >>> silence_share(Piece.of([(0, 480, 60), (960, 960, 60)]))
    0.25
    """
    chords = Chords.of(piece)
    if not len(chords):
        return math.nan
    return float(1 - _sounding_seconds(chords) / (chords.ends.max() - chords.begins[0]))


def longest_silence(piece: Piece) -> float:
    """Return the seconds of the longest time in which no note sounds; 0 if there is none."""
    chords = Chords.of(piece)
    if len(chords.begins) < 2:
        return math.nan
    latest = np.maximum.accumulate(chords.ends)
    return float(max((chords.begins[1:] - latest[:-1]).max(), 0.0))


def restrike_share(piece: Piece) -> float:
    """Return the share of the notes whose key has not been let go when they begin, 0..1.

    A key is a pitch of an instrument. It has not been let go if the note before ends less than
    30 ms before this one begins: whether it would have gone on is not heard, and not in every file.

    >>> restrike_share(Piece.of([(0, 960, 60), (480, 480, 60), (1440, 480, 60)]))
    0.3333333333333333
    """
    chords = Chords.of(piece)
    before, again = struck_again(chords.program * 128 + chords.pitch)
    held = chords.begins[again] - chords.ends[before] < TOGETHER
    return float(held.sum() / len(chords.pitch)) if len(chords.pitch) else math.nan


def note_length(piece: Piece) -> float:
    """Return the median length of a note in seconds."""
    lengths = _lengths(piece)
    return float(np.median(lengths)) if len(lengths) else math.nan


def note_length_spread(piece: Piece) -> float:
    """Return the deviation of the lengths of notes, in octaves: 1 is a factor of two."""
    lengths = _lengths(piece)
    return float(np.log2(lengths).std()) if len(lengths) else math.nan


def note_length_kinds(piece: Piece) -> float:
    """Return how many kinds of length the notes have: their entropy, in bits.

    Classes are a third of an octave wide, the commonest length in the middle of one.
    """
    lengths = _lengths(piece)
    return kinds(lengths, commonest(lengths)[1]) if len(lengths) else math.nan


def longest_note(piece: Piece) -> float:
    """Return the length of the longest note in seconds."""
    return float(_lengths(piece).max(initial=0)) or math.nan


def legato(piece: Piece) -> float:
    """Return how much of the time to the next onset a note fills: the median ratio.

    1: each note lasts until the next begins; below 1 they are detached, above 1 they overlap.
    NaN: there are fewer than two onsets.
    """
    chords = Chords.of(piece)
    if len(chords) < 2:
        return math.nan
    counted = chords.chord < len(chords) - 1
    gaps = chords.gaps[chords.chord[counted]]
    return float(np.median((chords.ends - chords.begins)[counted] / gaps))


def loudness(piece: Piece) -> float:
    """Return the mean velocity of the notes, 1..127."""
    velocity = Chords.of(piece).velocity
    return float(velocity.mean()) if len(velocity) else math.nan


def loudness_spread(piece: Piece) -> float:
    """Return the deviation of the velocities of the notes, 0..63."""
    velocity = Chords.of(piece).velocity
    return float(velocity.std()) if len(velocity) else math.nan


def loudness_change(piece: Piece) -> float:
    """Return the mean difference in velocity from an onset to the next, 0..126.

    The velocity of an onset is the mean of the notes that begin there.
    """
    chords = Chords.of(piece)
    if len(chords) < 2:
        return math.nan
    means = np.bincount(chords.chord, chords.velocity) / chords.sizes
    return float(np.abs(np.diff(means)).mean())


def loudness_in_chords(piece: Piece) -> float:
    """Return the mean difference of the loudest and the softest note of a chord, in velocity."""
    chords = Chords.of(piece)
    several = chords.sizes > 1
    if not several.any():
        return math.nan
    loudest, softest = np.zeros(len(chords)), np.full(len(chords), 127.0)
    np.maximum.at(loudest, chords.chord, chords.velocity)
    np.minimum.at(softest, chords.chord, chords.velocity)
    return float((loudest - softest)[several].mean())


def instruments(piece: Piece) -> float:
    """Return the number of different instruments (programs), drums counted as one."""
    return float(len(np.unique(piece.notes["program"])))


def instrument_switches(piece: Piece) -> float:
    """Return the share of the notes that another instrument plays than the note before, 0..1."""
    return share(np.diff(Chords.of(piece).program) != 0)


def drum_share(piece: Piece) -> float:
    """Return the share of the notes that are drums, 0..1."""
    return share(piece.notes["program"] == DRUMS)


def _lengths(piece: Piece) -> Floats:
    """Return (N,): the seconds that each note lasts."""
    chords = Chords.of(piece)
    return chords.ends - chords.begins


def _sounding_seconds(chords: Chords) -> float:
    """Return for how many seconds at least one note sounds."""
    if not len(chords.begins):
        return 0.0
    latest = np.maximum.accumulate(chords.ends)
    covered = np.concatenate(([chords.begins[0]], latest[:-1]))
    return float((latest - np.maximum(chords.begins, covered)).clip(0).sum())
