"""Features of rhythm: the times between onsets, whatever the tempo, the metre or the beats.

Notes that begin within 30 ms are one onset. Beats are not used: many files have none that mean
anything, and a sampler may write all its music at one tempo.
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.evaluation.told.chords import NEAR, Chords, Floats, commonest, kinds, share
from howlkit.music.piece import Piece

__all__ = [
    "common_gap_share",
    "common_gaps_share",
    "gap_change",
    "gap_kinds",
    "gap_ratio_kinds",
    "pulse_clarity",
    "simple_ratio_share",
]

_PULSE_WINDOW = 6.0  # seconds, in which players keep a tempo
_PULSES = np.arange(1.24, 10.02, 0.04)  # a second: so close that none drifts off in a window


def gap_kinds(piece: Piece) -> float:
    """Return how many kinds of time there are between onsets: their entropy, in bits.

    Classes are a third of an octave wide, the commonest time in the middle of one.
    """
    gaps = Chords.of(piece).gaps
    return kinds(gaps, commonest(gaps)[1]) if len(gaps) else math.nan


def common_gap_share(piece: Piece) -> float:
    """Return the share of the times between onsets that are about the commonest one, 0..1.

    About: within 12 %.

    >>> common_gap_share(Piece.of([(t, 240, 60) for t in (0, 480, 960, 1200, 1680)]))
    0.75
    """
    gaps = Chords.of(piece).gaps
    return share(commonest(gaps)[0]) if len(gaps) else math.nan


def common_gaps_share(piece: Piece) -> float:
    """Return the share of the times between onsets that are about one of the three commonest."""
    gaps = Chords.of(piece).gaps
    total = len(gaps)
    for _ in range(3):
        gaps = gaps[~commonest(gaps)[0]] if len(gaps) else gaps
    return 1 - len(gaps) / total if total else math.nan


def gap_change(piece: Piece) -> float:
    """Return how much the time between onsets changes from one to the next, 0..200.

    The normalised pairwise variability index: 100 times the mean of the difference over the mean of
    the two (Grabe and Low 2002). 0: all are equal; 67: short and twice as long in turn.
    """
    gaps = Chords.of(piece).gaps
    if len(gaps) < 2:
        return math.nan
    return float(200 * (np.abs(np.diff(gaps)) / (gaps[1:] + gaps[:-1])).mean())


def gap_ratio_kinds(piece: Piece) -> float:
    """Return how many kinds of change there are from a time between onsets to the next, in bits.

    The entropy of their ratios, in classes of a third of an octave.
    """
    gaps = Chords.of(piece).gaps
    return kinds(gaps[1:] / gaps[:-1], 1.0)


def simple_ratio_share(piece: Piece) -> float:
    """Return the share of the changes of the time between onsets that are 1, 2, 3 or 4 to 1, 0..1.

    Up or down, within 12 %.
    """
    gaps = Chords.of(piece).gaps
    ratios = np.exp(np.abs(np.log(gaps[1:] / gaps[:-1])))
    whole = np.clip(np.rint(ratios), 1, 4)
    return share(np.abs(ratios / whole - 1) <= NEAR)


def pulse_clarity(piece: Piece) -> float:
    """Return how well the onsets keep to an even pulse, 0..1.

    For windows of 6 seconds: the length of the mean of exp(2 pi i onset * pulses), at the number of
    pulses of 1.24 to 10 a second where it is greatest; the mean over the windows. This is the
    vector strength of Goldberg and Brown (1969), as a periodogram. NaN: no window has four onsets.
    """
    onsets = Chords.of(piece).onsets
    if not len(onsets):
        return math.nan
    window = ((onsets - onsets[0]) // _PULSE_WINDOW).astype(np.int64)
    kept = [onsets[window == k] for k in range(int(window[-1]) + 1)]
    strengths = [_strength(times) for times in kept if len(times) >= 4]
    return float(np.mean(strengths)) if strengths else math.nan


def _strength(onsets: Floats) -> float:
    return float(np.abs(np.exp(2j * np.pi * onsets[None, :] * _PULSES[:, None]).mean(1)).max())
