"""The colours of a piano-roll: of its parts, by instrument or track, and of what is around them.

The palette is Paul Tol's "muted", safe for colour-blind eyes (Tol, Colour Schemes, SRON 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.music import general_midi
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS

__all__ = ["PALETTE", "SHADES", "Colours", "shaded"]

PALETTE = ("#332288", "#cc6677", "#44aa99", "#999933", "#882255", "#117733", "#aa4499", "#88ccee")
OTHER = "#777777"  # instruments for which no colour is left
DRUM_COLOUR = "#444444"
DRUM_KEY = 1 << 16  # larger than any program or track
SHADES = 8
INK, PALE_INK = "#333333", "#8a8a8a"
WHITE_ROW, BLACK_ROW, OCTAVE = "#fbfbfa", "#f1f1ef", "#dcdcd8"
BAR, BEAT = "#c4c4c0", "#e6e6e2"
IVORY, EBONY, KEY_EDGE = "#ffffff", "#3c3c3c", "#b8b8b4"

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Colours:
    """Which part each note belongs to (N,), and the parts' names and colours."""

    part: Array
    names: tuple[str, ...]
    fills: tuple[str, ...]

    @classmethod
    def of(cls, piece: Piece) -> Colours:
        """Colour by program, those that play most first; or by track, where all play the same."""
        programs = piece.notes["program"].astype(int)
        tracks = piece.notes["track"].astype(int)
        melodic = programs != DRUMS
        voices = len(np.unique(tracks[melodic]))
        one = len(np.unique(programs[melodic])) == 1
        by_track = one and 1 < voices <= len(PALETTE)
        key = np.where(melodic, tracks if by_track else programs, DRUM_KEY)
        values, part, counts = np.unique(key, return_inverse=True, return_counts=True)
        order = np.lexsort((values if by_track else -counts, values == DRUM_KEY))
        names = tuple(_part_name(v, by_track=by_track) for v in values[order].tolist())
        fills = tuple(
            DRUM_COLOUR if name == "Drums" else PALETTE[i] if i < len(PALETTE) else OTHER
            for i, name in enumerate(names)
        )
        return cls(np.argsort(order)[part], names, fills)


def _part_name(value: int, *, by_track: bool) -> str:
    if value == DRUM_KEY:
        return "Drums"
    return f"Track {value + 1}" if by_track else general_midi.name(value)


def shaded(fill: str, shade: int) -> str:
    """Return a colour mixed with white: shade 0 (softest) keeps 30 % of it, the last all."""
    strength = 0.3 + 0.7 * shade / (SHADES - 1)
    channels = (int(fill[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (c - 255) * strength):02x}" for c in channels)
