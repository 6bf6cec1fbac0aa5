"""Features of harmony: what sounds together when notes begin. Drums are left out.

At each onset the notes count that begin there, and those that still sound; intervals are taken
between all pairs of their different pitches.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from howlkit.evaluation.told.chords import Chords, Floats, share
from howlkit.music.piece import Piece

__all__ = [
    "chord_share",
    "classes_at_once",
    "consonance",
    "doubling",
    "fifth_and_fourth_share",
    "harmony_change",
    "outer_gap",
    "semitone_share",
    "top_supported",
    "tritone_share",
    "whole_tone_share",
]

_CONSONANT = (0, 3, 4, 5, 7, 8, 9)

_CHORDS = [(0, 4, 7), (0, 3, 7), (0, 4, 7, 10), (0, 4, 7, 11), (0, 3, 7, 10), (0, 3, 6), (0, 4, 8)]
_CHORDS += [(0, 3, 6, 10), (0, 3, 6, 9), (0, 5, 7), (0, 2, 4, 7)]
"""Triads, seventh chords, sus4 and add9, as semitones above the root."""


def consonance(piece: Piece) -> float:
    """Return the share of the intervals that are consonant, 0..1.

    Thirds, sixths, fourths, fifths, octaves, and these with octaves added. NaN: no two notes sound
    together.
    """
    return float(_interval_shares(piece)[list(_CONSONANT)].sum())


def semitone_share(piece: Piece) -> float:
    """Return the share of the intervals that are semitones, major sevenths or such, 0..1."""
    return float(_interval_shares(piece)[[1, 11]].sum())


def whole_tone_share(piece: Piece) -> float:
    """Return the share of the intervals that are whole tones, minor sevenths or such, 0..1."""
    return float(_interval_shares(piece)[[2, 10]].sum())


def tritone_share(piece: Piece) -> float:
    """Return the share of the intervals that are tritones, 0..1."""
    return float(_interval_shares(piece)[6])


def fifth_and_fourth_share(piece: Piece) -> float:
    """Return the share of the intervals that are fifths, fourths or such, 0..1."""
    return float(_interval_shares(piece)[[5, 7]].sum())


def doubling(piece: Piece) -> float:
    """Return the share of the intervals that are octaves or such, 0..1."""
    return float(_interval_shares(piece)[0])


def classes_at_once(piece: Piece) -> float:
    """Return the mean number of pitch classes that sound at an onset, 1..12."""
    chords = Chords.of(piece)
    return float(chords.sounding_classes.sum(1).mean()) if len(chords) else math.nan


def chord_share(piece: Piece) -> float:
    """Return the share of the onsets with three or more pitch classes that are a usual chord, 0..1.

    Usual chords: triads, seventh chords, sus4 and add9, whole or without some of their notes.
    """
    classes = Chords.of(piece).sounding_classes
    classes = classes[classes.sum(1) >= 3]
    outside = classes.astype(np.float32) @ _outside_chords()  # (K, chords): how many
    return share(outside.min(1, initial=12) == 0)


def outer_gap(piece: Piece) -> float:
    """Return the mean distance of the lowest and the highest note that sound, in semitones."""
    chords = Chords.of(piece)
    if not len(chords):
        return math.nan
    high = np.where(chords.sounding, chords.pitch, -1).max(1)
    low = np.where(chords.sounding, chords.pitch, 128).min(1)
    return float((high - low).mean())


def top_supported(piece: Piece) -> float:
    """Return the share of the onsets whose highest new note sounds in another octave too, 0..1.

    Only onsets at which other notes sound count.
    """
    chords = Chords.of(piece)
    lower = chords.sounding & (chords.pitch[None, :] < chords.top[:, None])
    same = lower & (chords.pitch[None, :] % 12 == chords.top[:, None] % 12)
    return share(same.any(1)[lower.any(1)])


def harmony_change(piece: Piece) -> float:
    """Return how much the harmony changes in a second, 0..1.

    One minus the cosine of how long each pitch class sounds in a second and in the next; the mean
    over all pairs of seconds with notes in both.
    """
    found = similarities(chroma(Chords.of(piece), 1.0))
    return 1 - float(found[1]) if len(found) > 1 else math.nan


def chroma(chords: Chords, frame: float) -> Floats:
    """Return (frames, 12): for how long each pitch class sounds in each frame, in frames.

    frame: its length in seconds; the first begins with the first onset, the last ends with the last
    onset at the latest.
    """
    frames = int((chords.onsets[-1] - chords.onsets[0]) / frame) if len(chords) else 0
    if not frames:
        return np.zeros((0, 12))
    begin = (chords.begins - chords.onsets[0])[:, None] / frame
    end = (chords.ends - chords.onsets[0])[:, None] / frame
    at = np.arange(frames)[None, :]
    inside = (np.minimum(end, at + 1) - np.maximum(begin, at)).clip(0)  # (N, frames)
    return np.asarray(inside.T @ np.eye(12)[chords.pitch % 12])


def similarities(roll: Floats) -> Floats:
    """Return (frames,): the mean cosine of the rows of a roll and those 0, 1, 2 ... rows later.

    roll: (frames, D). Pairs with a row that is all 0 are left out; NaN: there are no others.
    """
    if not len(roll):
        return np.empty(0)
    sizes = np.sqrt((roll**2).sum(1))
    heard = sizes > 0
    unit = roll / np.where(heard, sizes, 1)[:, None]
    pairs = np.correlate(heard.astype(np.float64), heard.astype(np.float64), "full")
    pairs = np.rint(pairs[len(roll) - 1 :])
    cosines = unit @ unit.T
    sums = np.array([np.trace(cosines, lag) for lag in range(len(roll))])
    return np.where(pairs > 0, sums / np.maximum(pairs, 1), math.nan)


def _interval_shares(piece: Piece) -> Floats:
    """Return (12,): the share of the intervals of each size, octaves left out; NaN without any."""
    chords = Chords.of(piece)
    present = np.zeros((len(chords), 128), np.float32)  # which pitches sound at each onset
    rows, notes = chords.sounding.nonzero()
    present[rows, chords.pitch[notes]] = 1  # float32: the sums are exact, and quicker
    together = present.T @ present  # (128, 128): at how many onsets both sound
    low, high = np.triu_indices(128, 1)
    counts = np.bincount((high - low) % 12, together[low, high], 12)
    total = counts.sum()
    return counts / total if total else np.full(12, math.nan)


@functools.cache
def _outside_chords() -> NDArray[np.float32]:
    """Return (12, chords): 1.0 for a pitch class that is not in a usual chord on a root."""
    table = np.ones((len(_CHORDS) * 12, 12), np.float32)
    for number, steps in enumerate(_CHORDS):
        for root in range(12):
            table[number * 12 + root, [(root + step) % 12 for step in steps]] = 0
    return table.T
