"""The colours of a piano-roll: of its parts, by instrument or track, or by a number for each note.

The palette is Paul Tol's "muted", safe for colour-blind eyes (Tol, Colour Schemes, SRON 2021), and
numbers have its "YlOrBr", from pale to dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.music import general_midi
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS

__all__ = ["PALETTE", "SHADES", "Colours", "round_step", "shaded"]

PALETTE = ("#332288", "#cc6677", "#44aa99", "#999933", "#882255", "#117733", "#aa4499", "#88ccee")
RAMP = ("#fee391", "#fec44f", "#fb9a29", "#ec7014", "#cc4c02", "#993404", "#662506", "#2b0f02")
OTHER = "#777777"  # instruments for which no colour is left
DRUM_COLOUR = "#444444"
DRUM_KEY = 1 << 16  # larger than any program or track
SHADES = 8
INK, PALE_INK = "#333333", "#8a8a8a"
WHITE_ROW, BLACK_ROW, OCTAVE = "#fbfbfa", "#f1f1ef", "#dcdcd8"
MARKED = ("#fff6d6", "#f7eabf", "#e3d5a4")  # rows and octaves of a part that is marked
BAR, BEAT = "#c4c4c0", "#e6e6e2"
IVORY, EBONY, KEY_EDGE = "#ffffff", "#3c3c3c", "#b8b8b4"

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Colours:
    """The part of each note (N,), and the names and colours of the parts.

    by_velocity: whether velocity shows as a shade of the colour. heading: what the names are of.
    """

    part: Array
    names: tuple[str, ...]
    fills: tuple[str, ...]
    by_velocity: bool = True
    heading: str = ""

    @classmethod
    def of(cls, piece: Piece, among: Sequence[Piece] = ()) -> Colours:
        """Choose a colour for each program, most notes first; or for each track of one program.

        among: the pieces that have the same colours, `piece` one of them; without them it is alone.
        """
        keys, by_track = _keys(among or (piece,))
        values, counts = np.unique(np.concatenate(keys), return_counts=True)
        order = np.lexsort((values if by_track else -counts, values == DRUM_KEY))
        names = tuple(_part_name(v, by_track=by_track) for v in values[order].tolist())
        fills = tuple(
            DRUM_COLOUR if name == "Drums" else PALETTE[i] if i < len(PALETTE) else OTHER
            for i, name in enumerate(names)
        )
        part = np.searchsorted(values, _key(piece, by_track=by_track))
        return cls(np.argsort(order)[part], names, fills)

    @classmethod
    def of_values(cls, values: Array, heading: str) -> Colours:
        """Choose a colour for each number (N,), 0 or above: the darker, the larger.

        The scale has even steps up to where nearly all numbers are; the last colour has no end.
        """
        step = round_step(max(float(np.quantile(values, 0.98)), 1e-9) / (len(RAMP) - 1))
        part = np.minimum(values // step, len(RAMP) - 1).astype(np.intp)
        edges = [f"{number * step:g}" for number in range(len(RAMP))]
        ends = zip(edges[:-1], edges[1:], strict=True)
        names = (*(f"{low} to {high}" for low, high in ends), f"above {edges[-1]}")
        return cls(part, names, RAMP, by_velocity=False, heading=heading)


def round_step(wide: float) -> float:
    """Return 1, 2 or 5 times a power of ten, not less than `wide`.

    >>> round_step(0.13), round_step(3.0), round_step(7.0)
    (0.2, 5.0, 10.0)
    """
    power = 10.0 ** math.floor(math.log10(wide))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= wide)


def _keys(pieces: Sequence[Piece]) -> tuple[list[Array], bool]:
    """Return what the colour of each note of each piece goes by, and whether that is the track."""
    notes = np.concatenate([piece.notes[["program", "track"]] for piece in pieces])
    melodic = notes[notes["program"] != DRUMS]
    voices = len(np.unique(melodic["track"]))
    one = len(np.unique(melodic["program"])) == 1
    by_track = one and 1 < voices <= len(PALETTE)
    return [_key(piece, by_track=by_track) for piece in pieces], by_track


def _key(piece: Piece, *, by_track: bool) -> Array:
    notes = piece.notes
    wanted = notes["track" if by_track else "program"].astype(int)
    return np.where(notes["program"] != DRUMS, wanted, DRUM_KEY)


def _part_name(value: int, *, by_track: bool) -> str:
    if value == DRUM_KEY:
        return "Drums"
    return f"Track {value + 1}" if by_track else general_midi.name(value)


def shaded(fill: str, shade: int) -> str:
    """Return a colour mixed with white: shade 0 (softest) has 30 % of it, the last one all."""
    strength = 0.3 + 0.7 * shade / (SHADES - 1)
    channels = (int(fill[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (c - 255) * strength):02x}" for c in channels)
