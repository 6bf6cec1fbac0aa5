"""Features of pitch: register, scale, key, and the highest and the lowest line.

Drums are left out. Windows are 12 seconds long, a few bars, half a window apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from howlkit.evaluation.statistics.pitches import SCALES
from howlkit.evaluation.told.chords import Chords, Floats, Integers, entropy, share
from howlkit.music.keys import profiles
from howlkit.music.piece import Piece

__all__ = [
    "bass_leaps",
    "bass_repeats",
    "bass_step_share",
    "key_changes",
    "key_clarity",
    "mean_pitch",
    "pitch_class_drift",
    "pitch_class_entropy",
    "pitch_entropy",
    "pitch_range",
    "pitch_spread",
    "scale_gain",
    "scale_share",
    "top_interval",
    "top_leaps",
    "top_range",
    "top_repeats",
    "top_step_share",
    "top_turns",
    "window_key_clarity",
    "window_scale_share",
]

_WINDOW = 12.0  # seconds
_LEAP = 7  # semitones: a fifth or more


def mean_pitch(piece: Piece) -> float:
    """Return the mean pitch, as a MIDI note number."""
    pitch = Chords.of(piece).pitch
    return float(pitch.mean()) if len(pitch) else math.nan


def pitch_spread(piece: Piece) -> float:
    """Return the deviation of the pitches in semitones."""
    pitch = Chords.of(piece).pitch
    return float(pitch.std()) if len(pitch) else math.nan


def pitch_range(piece: Piece) -> float:
    """Return the semitones from the lowest to the highest pitch, 0..127."""
    pitch = Chords.of(piece).pitch
    return float(np.ptp(pitch)) if len(pitch) else math.nan


def pitch_entropy(piece: Piece) -> float:
    """Return how many pitches are used: the entropy of their histogram, in bits, 0..7."""
    return entropy(np.bincount(Chords.of(piece).pitch))


def pitch_class_entropy(piece: Piece) -> float:
    """Return how many pitch classes are used: their entropy, in bits, 0..3.585."""
    return entropy(np.bincount(Chords.of(piece).pitch % 12))


def scale_share(piece: Piece) -> float:
    """Return the share of the notes in the best of the 24 major and minor scales, 0..1."""
    counts = np.bincount(Chords.of(piece).pitch % 12, minlength=12)
    return float(_scale_fits(counts).max()) if counts.any() else math.nan


def window_scale_share(piece: Piece) -> float:
    """Return the share of the notes in the best scale of each window of 12 seconds, 0..1.

    The mean over the windows.
    """
    shares = [fits.max() for fits in map(_scale_fits, _windows(piece))]
    return float(np.mean(shares)) if shares else math.nan


def scale_gain(piece: Piece) -> float:
    """Return how far the key wanders: by how much the windows' own scales fit better, 0..1.

    The difference of `window_scale_share` and the share of the notes of the windows in one scale,
    the best for all of them. 0 for music that stays in its key.
    """
    fits = [_scale_fits(counts) for counts in _windows(piece)]
    if not fits:
        return math.nan
    table = np.array(fits)
    return float(table.max(1).mean() - table.mean(0).max())


def pitch_class_drift(piece: Piece) -> float:
    """Return how much the use of pitch classes changes from a window to the next but one, 0..1.

    Half the summed difference of their shares: 0 if they are used alike, 1 if none is used in both.
    """
    shares = np.array([counts / counts.sum() for counts in _windows(piece)]).reshape(-1, 12)
    if len(shares) < 3:
        return math.nan
    return float(np.abs(shares[2:] - shares[:-2]).sum(1).mean() / 2)


def key_clarity(piece: Piece) -> float:
    """Return how clear the key is: the correlation with the best of 24 key profiles, up to 1.

    Profiles of Krumhansl and Kessler (1982), of the time that each pitch class sounds.
    """
    chords = Chords.of(piece)
    return _clarity(np.bincount(chords.pitch % 12, chords.ends - chords.begins, 12))


def window_key_clarity(piece: Piece) -> float:
    """Return the mean of `key_clarity` over windows of 12 seconds, by the number of notes."""
    found = [_clarity(counts) for counts in _windows(piece)]
    return float(np.mean(found)) if found else math.nan


def key_changes(piece: Piece) -> float:
    """Return the share of the windows whose best key profile differs from the next one's, 0..1."""
    keys = np.array([int(_key_fits(counts).argmax()) for counts in _windows(piece)])
    return share(np.diff(keys) != 0)


# Lines -------------------------------------------------------------------------------------------


def top_interval(piece: Piece) -> float:
    """Return the mean interval between neighbours of the top line, in semitones.

    The top line has the highest note that begins at each onset.
    """
    moves = np.abs(np.diff(Chords.of(piece).top))
    return float(moves.mean()) if len(moves) else math.nan


def top_step_share(piece: Piece) -> float:
    """Return the share of the moves of the top line by one or two semitones, 0..1."""
    return _steps(Chords.of(piece).top)


def top_repeats(piece: Piece) -> float:
    """Return the share of the moves of the top line that repeat the pitch, 0..1."""
    return share(np.diff(Chords.of(piece).top) == 0)


def top_leaps(piece: Piece) -> float:
    """Return the share of the moves of the top line by a fifth or more, 0..1."""
    return share(np.abs(np.diff(Chords.of(piece).top)) >= _LEAP)


def top_turns(piece: Piece) -> float:
    """Return the share of the moves of the top line that turn back, repeated pitches left out."""
    moves = np.sign(np.diff(Chords.of(piece).top))
    moves = moves[moves != 0]
    return share(moves[1:] != moves[:-1])


def top_range(piece: Piece) -> float:
    """Return the semitones within which the middle 80 % of the top line lie."""
    top = Chords.of(piece).top
    return float(np.diff(np.quantile(top, [0.1, 0.9]))[0]) if len(top) else math.nan


def bass_leaps(piece: Piece) -> float:
    """Return the share of the moves of the lowest line by a fifth or more, 0..1.

    The lowest line has the lowest note that begins at each onset.
    """
    return share(np.abs(np.diff(Chords.of(piece).bottom)) >= _LEAP)


def bass_repeats(piece: Piece) -> float:
    """Return the share of the moves of the lowest line that repeat the pitch, 0..1."""
    return share(np.diff(Chords.of(piece).bottom) == 0)


def bass_step_share(piece: Piece) -> float:
    """Return the share of the moves of the lowest line by one or two semitones, 0..1."""
    return _steps(Chords.of(piece).bottom)


def _steps(line: Integers) -> float:
    moves = np.abs(np.diff(line))
    return share((moves == 1) | (moves == 2))


def _windows(piece: Piece) -> Iterator[Floats]:
    """Yield (12,): the notes of each pitch class that begin in each window; windows without none.

    Each window begins half a window after the one before; what is left at the end is left out.
    """
    chords = Chords.of(piece)
    if not len(chords):
        return
    since = chords.begins - chords.begins[0]
    for number in range(max(int(2 * since[-1] / _WINDOW) - 1, 1)):
        begin = number * _WINDOW / 2
        inside = (since >= begin) & (since < begin + _WINDOW)
        if inside.any():
            yield np.bincount(chords.pitch[inside] % 12, minlength=12).astype(np.float64)


def _scale_fits(counts: Floats | Integers) -> Floats:
    """Return (24,): the share of the notes in each scale."""
    return np.asarray((SCALES @ counts).ravel() / counts.sum())


def _key_fits(counts: Floats | Integers) -> Floats:
    """Return (24,): the correlation with each key's profile; 0 if all classes are alike."""
    own = counts - counts.mean()
    size = np.sqrt((own**2).sum())
    return np.asarray(profiles() @ own / size) if size > 1e-12 else np.zeros(24)


def _clarity(counts: Floats | Integers) -> float:
    return float(_key_fits(counts).max()) if counts.sum() else math.nan
