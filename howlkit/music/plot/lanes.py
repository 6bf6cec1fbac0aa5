"""The vertical axis of a piano-roll: a row for each semitone, and below them one for each drum.

Lengths are CSS pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS

__all__ = ["KEYBOARD", "MARGIN", "NAMED_DRUMS", "Lanes"]

MARGIN = 24.0
KEYBOARD = 30.0
PITCH_LABEL = 26.0
DRUM_GUTTER = 92.0
DRUM_ROW = 10.0
NAMED_DRUMS = 16  # with more of them, rows get thinner and lose their names
ROW = (4.5, 8.0)  # height of a semitone
ROLL_HEIGHT = 260.0  # what rows are fitted to, within their limits

Array = NDArray[Any]


@dataclass(frozen=True)
class Lanes:
    """Which pitches and drums are shown, and how high their rows are."""

    low: int
    high: int
    row: float
    drums: tuple[int, ...]
    drum_row: float

    @classmethod
    def of(cls, piece: Piece) -> Lanes:
        """Crop to the music with two semitones of margin, an octave and a half at least."""
        is_drum = piece.notes["program"] == DRUMS
        pitches = piece.notes["pitch"][~is_drum].astype(int)
        drums = tuple(np.unique(piece.notes["pitch"][is_drum]).tolist())
        low, high = _pitch_range(pitches) if len(pitches) or not drums else (0, -1)
        row = float(np.clip(ROLL_HEIGHT / max(high - low + 1, 1), *ROW))
        return cls(low, high, row, drums, DRUM_ROW * min(1.0, NAMED_DRUMS / max(len(drums), 1)))

    @property
    def gutter(self) -> float:
        """The space left of the time axis, keyboard included."""
        return MARGIN + (DRUM_GUTTER if self.drums else PITCH_LABEL + KEYBOARD)

    @property
    def pitched_height(self) -> float:
        """The height of all semitones' rows."""
        return (self.high - self.low + 1) * self.row

    @property
    def drums_top(self) -> float:
        """Where the first drum's row begins, below the top of the system."""
        return self.pitched_height + (8.0 if self.pitched_height else 0.0)

    @property
    def height(self) -> float:
        """The height of a system without its ruler."""
        return (
            self.drums_top + len(self.drums) * self.drum_row if self.drums else self.drums_top - 8
        )

    def y(self, pitches: Array) -> Array:
        """Return the upper edges of the rows of these pitches, below the top of the system."""
        return np.asarray((self.high - pitches.astype(float)) * self.row)

    def drum_y(self, pitches: Array) -> Array:
        """Return the upper edges of the rows of these drums; high ones (cymbals) are on top."""
        rank = np.searchsorted(self.drums, pitches)
        return np.asarray(self.drums_top + (len(self.drums) - 1 - rank) * self.drum_row)


def _pitch_range(pitches: Array) -> tuple[int, int]:
    if not len(pitches):
        return 48, 72
    low, high = int(pitches.min()) - 2, int(pitches.max()) + 2
    missing = max(18 - (high - low + 1), 0)
    low, high = low - missing // 2, high + (missing + 1) // 2
    return max(low, 0), min(high, 127)
