"""Moves music onto the beats of its file if it is early or late by a constant.

Files made from recordings often are (three of five in POP909), and so is the music of a model
trained on them. Without this, a piece that is an eighth of a beat late is written as nothing but
ties.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from howlkit.music import Piece
from howlkit_music21.quantise import UNITS

__all__ = ["aligned", "phase"]

WEIGHTS = {0: 1.0, UNITS // 2: 0.5, UNITS // 4: 0.25, 3 * UNITS // 4: 0.25}
"""The weight of an onset by its place in a beat: on it, in its middle, on a sixteenth."""

BLUR = {-2: 0.5, -1: 0.9, 0: 1.0, 1: 0.9, 2: 0.5}
"""Factors for onsets this many units off, since notes are played unevenly."""

CLEARLY = 2.0
"""Music is moved if its onsets then weigh more than this many times as much as before.

Off-beats alone are no reason.
"""


def phase(piece: Piece) -> int:
    """Return how many units the music's beats are after the file's, -11 to 12; mostly 0."""
    at = np.rint(piece.notes["start"] * (UNITS / piece.ticks_per_beat)).astype(int)
    heard = np.bincount(at % UNITS, minlength=UNITS)
    worth = _worth()
    scores = {
        late: float(np.roll(heard, -late) @ worth)
        for late in sorted(range(-UNITS // 2 + 1, UNITS // 2 + 1), key=abs)
    }
    best = max(scores, key=lambda late: scores[late])
    return best if scores[best] > CLEARLY * scores[0] else 0


def aligned(piece: Piece) -> Piece:
    """Return the piece with its notes moved onto the beats; metres and tempi stay.

    Notes move by at most half a beat, except that they move forward if the first one begins too
    early to be moved back.
    """
    late = phase(piece)
    if not late:
        return piece
    shift = round(late * piece.ticks_per_beat / UNITS)
    notes = piece.notes.copy()
    if shift > int(notes["start"].min()):
        shift -= piece.ticks_per_beat
    notes["start"] -= shift
    return piece.replace(notes=notes)


def _worth() -> np.ndarray[Any, Any]:
    """Return (UNITS,): the weight of an onset at each place in a beat."""
    worth = np.zeros(UNITS)
    for place, weight in WEIGHTS.items():
        for off, share in BLUR.items():
            worth[(place + off) % UNITS] = max(worth[(place + off) % UNITS], weight * share)
    return worth
