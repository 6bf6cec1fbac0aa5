"""What the piano-roll of a page needs to know of a piece: rows, notes, parts and grid.

Columns, as script/roll.js takes them; times are milliseconds from the beginning.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.music.plot.axis import clock, metre, natural_unit
from howlkit.music.plot.colours import Colours
from howlkit.music.plot.lanes import Lanes
from howlkit.music.tables import DRUMS

__all__ = ["part_names", "roll_data"]

_BLACK_KEYS = (1, 3, 6, 8, 10)  # pitch classes
_MARKS = 5.0  # seconds between two lines, where there are no bars
_MOST_LINES = 5000


def part_names(piece: Piece) -> tuple[str, ...]:
    """Return the names of the parts that `roll_data` counts in: instruments, or tracks of one."""
    return Colours.of(piece).names


def roll_data(piece: Piece) -> dict[str, Any]:
    """Return the rows, notes, parts and grid lines of a piece, JSON-ready."""
    colours, lanes = Colours.of(piece), Lanes.of(piece)
    notes = piece.notes
    pitched = max(lanes.high - lanes.low + 1, 0)
    drums = lanes.drums[::-1]  # cymbals on top
    is_drum = notes["program"] == DRUMS
    pitch = notes["pitch"].astype(np.int64)
    rank = len(drums) - 1 - np.searchsorted(lanes.drums, pitch)
    lines, faint = _grid(piece)
    return {
        "start": _milliseconds(piece.seconds(notes["start"])),
        "end": _milliseconds(piece.seconds(piece.ends)),
        "row": np.where(is_drum, pitched + rank, lanes.high - pitch).tolist(),
        "part": colours.part.tolist(),
        "velocity": notes["velocity"].tolist(),
        "parts": [{"name": name, "drums": name == "Drums"} for name in colours.names],
        "rows": [
            *(_key(pitch) for pitch in range(lanes.high, lanes.high - pitched, -1)),
            *({"name": "" if row else "Drums", "kind": "drum"} for row in range(len(drums))),
        ],
        "lines": lines,
        "faint": faint,
    }


def _key(pitch: int) -> dict[str, str]:
    name = f"C{pitch // 12 - 1}" if pitch % 12 == 0 else ""
    return {"name": name, "kind": "black" if pitch % 12 in _BLACK_KEYS else "white"}


def _grid(piece: Piece) -> tuple[list[tuple[int, str]], list[int]]:
    """Return the strong lines with their names, and the weak ones: bars and beats, or seconds."""
    if natural_unit(piece) == "seconds":
        marks = np.arange(0, piece.seconds_long + _MARKS, _MARKS)[:_MOST_LINES]
        texts = map(clock, marks.tolist())
        return list(zip(_milliseconds(marks), texts, strict=True)), []
    begins, lengths, beats, counts = metre(piece, piece.beats_long)
    bars = np.concatenate(
        [
            begin + length * np.arange(count)
            for begin, length, count in zip(begins, lengths, counts, strict=True)
        ]
    )[:_MOST_LINES]
    inner = np.concatenate(
        [
            (np.arange(begin, begin + length * count, beat))
            for begin, length, beat, count in zip(begins, lengths, beats, counts, strict=True)
        ]
    )
    faint = np.setdiff1d(np.round(inner, 6), np.round(bars, 6))[:_MOST_LINES]
    names = [str(number) for number in range(1, len(bars) + 1)]
    return list(zip(_at(piece, bars), names, strict=True)), _at(piece, faint)


def _at(piece: Piece, beats: NDArray[Any]) -> list[int]:
    return _milliseconds(piece.seconds(np.rint(beats * piece.ticks_per_beat).astype(np.int64)))


def _milliseconds(seconds: NDArray[Any]) -> list[int]:
    found: list[int] = np.rint(seconds * 1000).astype(np.int64).tolist()
    return found
