"""The seven of MusPy's metrics that look at pitch; papers and conventions: the package.

Drums have no pitch and are left out of all of them.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import OptionError
from howlkit.music.piece import DRUMS, Piece

__all__ = [
    "melodic",
    "n_pitch_classes_used",
    "n_pitches_used",
    "pitch_class_entropy",
    "pitch_entropy",
    "pitch_in_scale_rate",
    "pitch_range",
    "scale_consistency",
]

MODES = ("major", "minor")

Scales = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Modes and roots: indices into the first two axes of `SCALES`."""


def _scales() -> NDArray[np.bool_]:
    """Return which pitch classes are in each scale, (mode, root, pitch class)."""
    on_c = np.zeros((len(MODES), 12), bool)
    on_c[0, [0, 2, 4, 5, 7, 9, 11]] = True
    on_c[1, [0, 2, 3, 5, 7, 8, 10]] = True  # natural minor
    return np.stack([np.roll(on_c, root, axis=1) for root in range(12)], axis=1)


SCALES = _scales()


def melodic(piece: Piece) -> NDArray[Any]:
    """Return all notes but drums, in the order of the piece."""
    return np.asarray(piece.notes[piece.notes["program"] != DRUMS])


def n_pitches_used(piece: Piece) -> int:
    """Return the number of different pitches: 0..128, 0 if there is no note [MusPy]."""
    return int(np.count_nonzero(_pitch_counts(piece)))


def n_pitch_classes_used(piece: Piece) -> int:
    """Return the number of different pitch classes: 0..12, 0 if there is no note [MusPy].

    >>> n_pitch_classes_used(Piece.of([(0, 480, 60), (480, 480, 72), (960, 480, 67)]))
    2
    """
    return int(np.count_nonzero(_class_counts(piece)))


def pitch_range(piece: Piece) -> int:
    """Return the semitones from the lowest to the highest pitch: 0..127, 0 without notes [MusPy].

    Differs from MusPy for a piece of drums alone: 0, where muspy 0.5.0 returns -127.
    """
    pitches = melodic(piece)["pitch"]
    return int(pitches.max()) - int(pitches.min()) if len(pitches) else 0


def pitch_in_scale_rate(
    piece: Piece, *, root: int | None = None, mode: Literal["major", "minor"] | None = None
) -> float:
    """Return the share of the notes whose pitch is in a scale, 0..1 [MuseGAN, MusPy].

    root: pitch class of the scale's first step, 0 (C) .. 11. mode: minor is natural minor.
    Without them the scale is that of the key signature in force where the note begins (for notes
    before the first key signature, that one). MusPy needs both, and uses one scale for the piece.
    NaN: there is no note, or neither a scale nor a key signature.
    Raises OptionError for a root or mode that is not allowed, or one without the other.

    >>> piece = Piece.of([(0, 480, 60), (480, 480, 61), (960, 480, 62), (1440, 480, 64)])
    >>> pitch_in_scale_rate(piece, root=0, mode="major")
    0.75
    """
    notes = melodic(piece)
    given = root is not None or mode is not None
    modes, roots = _checked_scale(root, mode) if given else _signed_scales(piece)
    if not len(notes) or not len(modes):
        return math.nan
    ticks = piece.key_signatures["tick"] if not given else np.zeros(1)
    at = np.maximum(np.searchsorted(ticks, notes["start"], side="right") - 1, 0)
    return float(SCALES[modes[at], roots[at], notes["pitch"] % 12].mean())


def scale_consistency(piece: Piece) -> float:
    """Return the largest `pitch_in_scale_rate` of the 24 major and minor scales [C-RNN-GAN, MusPy].

    0..1; near 1 for music in one key, 7/12 if all pitch classes are equally frequent.
    NaN: there is no note.
    """
    counts = _class_counts(piece)
    total = counts.sum()
    return float((SCALES @ counts).max() / total) if total else math.nan


def pitch_entropy(piece: Piece) -> float:
    """Return the Shannon entropy of the histogram of pitches, in bits, 0..7 [MusPy].

    NaN: there is no note.

    >>> pitch_entropy(Piece.of([(0, 480, 60), (480, 480, 64)]))
    1.0
    """
    return _entropy(_pitch_counts(piece))


def pitch_class_entropy(piece: Piece) -> float:
    """Return the entropy of the histogram of pitch classes, in bits [Jazz Transformer, MusPy].

    0..log2(12) = 3.585. The paper computes it for windows of one and four bars, MusPy and we for
    the whole piece, so ours is higher for music that modulates. NaN: there is no note.
    """
    return _entropy(_class_counts(piece))


def _pitch_counts(piece: Piece) -> NDArray[np.int64]:
    return np.bincount(melodic(piece)["pitch"], minlength=128)


def _class_counts(piece: Piece) -> NDArray[np.int64]:
    return np.bincount(melodic(piece)["pitch"] % 12, minlength=12)


def _entropy(counts: NDArray[np.int64]) -> float:
    """Return the entropy of a histogram, in bits; NaN if it is empty."""
    total = counts.sum()
    if not total:
        return math.nan
    share = counts[counts > 0] / total
    return float(np.sum(share * -np.log2(share)))


def _signed_scales(piece: Piece) -> Scales:
    """Return the scales of the key signatures."""
    keys = piece.key_signatures
    minor = keys["minor"].astype(np.int64)
    # Each sharp is a fifth up; the relative minor begins nine semitones above its major.
    return minor, (7 * keys["sharps"].astype(np.int64) + 9 * minor) % 12


def _checked_scale(root: int | None, mode: str | None) -> Scales:
    """Return the scale with this root and mode; OptionError if one is not allowed or missing."""
    if root is None or mode is None:
        raise OptionError(f"root is {root!r} and mode is {mode!r}; give both of them, or neither")
    if root not in range(12):
        raise OptionError(f"root is {root!r}; 0 (C) .. 11 (B) are allowed")
    if mode not in MODES:
        raise OptionError(f"mode is {mode!r}; major and minor are allowed")
    return np.array([MODES.index(mode)]), np.array([root])
