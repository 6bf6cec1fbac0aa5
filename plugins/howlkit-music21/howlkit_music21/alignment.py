"""Music that lies beside the beats of its file by a constant, moved onto them.

Files that were made from recordings often do (three of five in POP909), and a model trained on them
makes such pieces. Written as it stands, one that is an eighth of a beat late is nothing but ties.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from howlkit.music import Piece
from howlkit_music21.quantise import UNITS

__all__ = ["aligned", "phase"]

WEIGHTS = {0: 1.0, UNITS // 2: 0.5, UNITS // 4: 0.25, 3 * UNITS // 4: 0.25}
"""What an onset counts at its place in a beat: on it, in its middle, on a sixteenth."""

BLUR = {-2: 0.5, -1: 0.9, 0: 1.0, 1: 0.9, 2: 0.5}
"""The same so many units beside it: notes are played unevenly, and are moved so far anyway."""

CLEARLY = 2.0
"""Music is moved if its onsets then count more than so many times as much: not off-beats alone."""


def phase(piece: Piece) -> int:
    """Return by how many units its beats come after those of the file, -11 to 12; mostly 0."""
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
    """Return the piece with its notes moved onto its beats, by half a beat or less if that can be.

    The first note may begin too early to be moved back; it is moved on then. Metres and tempi stay.
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
    """Return (UNITS,): what an onset counts at each place in a beat."""
    worth = np.zeros(UNITS)
    for place, weight in WEIGHTS.items():
        for beside, share in BLUR.items():
            worth[(place + beside) % UNITS] = max(worth[(place + beside) % UNITS], weight * share)
    return worth
