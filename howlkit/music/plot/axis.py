"""The time axis of a picture of a piece: bars or seconds, cut into lines that fit a page.

Conventions. A **position** is a point of time in the axis's unit: beats (quarter notes, where it
shows bars) or seconds. A **system** is one line, as of sheet music. Lengths are CSS pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece

__all__ = ["Axis", "clock", "metre", "natural_unit", "positions"]

SCALE = {"bars": (20.0, 44.0), "seconds": (24.0, 60.0)}  # px a beat, px a second
LONGEST_ONE = {"bars": 120.0, "seconds": 160.0}  # the scale of a piece that fills one system

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Axis:
    """The time axis: the edges of the systems, the scale in px a unit, and the grid lines.

    systems: (S, 2) start and end of each, as positions.
    lines, names: positions of the strong grid lines, and the text above them, or "".
    faint: positions of the weak grid lines.
    """

    unit: Literal["bars", "seconds"]
    systems: Array
    scale: float
    lines: Array
    names: tuple[str, ...]
    faint: Array

    @classmethod
    def of(cls, piece: Piece, unit: Literal["bars", "seconds"], *, room: float, most: int) -> Axis:
        """Choose a scale at which quick notes can be told apart, and cut time into systems.

        room: the width of a system, in px. most: about how many systems there may be; a longer
        piece is drawn smaller.
        """
        start, end = _span(piece, unit)
        shortest, longest = SCALE[unit]
        scale = float(np.clip(6.0 / _quick_gap(piece, unit), shortest, longest))
        scale = min(scale, most * room / (end - start) * 0.97)
        lines, names, faint = (_bars if unit == "bars" else _seconds)(piece, scale, start, end)
        if unit == "bars":
            lines_from = lines[max(int(np.searchsorted(lines, start, side="right")) - 1, 0) :]
            start = float(lines_from[0])
        systems = _systems(lines, start, end, room / scale)
        widest = float((systems[:, 1] - systems[:, 0]).max())
        limit = LONGEST_ONE[unit] if len(systems) == 1 else math.inf
        return cls(unit, systems, min(room / widest, limit), lines, names, faint)

    def inside(self, where: Array, index: int) -> Array:
        """Return which positions are in a system, its end included."""
        start, end = self.systems[index]
        slack = 1e-6 * max(end - start, 1)
        return np.asarray((where >= start - slack) & (where <= end + slack))


def positions(piece: Piece, unit: str, ticks: Array) -> Array:
    """Return ticks as beats or seconds."""
    if unit == "seconds":
        return piece.seconds(ticks)
    return np.asarray(ticks / piece.ticks_per_beat)


def _span(piece: Piece, unit: str) -> tuple[float, float]:
    """Return the first onset and the last end, with a least distance between them."""
    first = piece.notes["start"][:1].astype(np.int64)
    ends = positions(piece, unit, np.append(first, piece.end))
    start = float(ends[0]) if len(piece) else 0.0
    if unit == "seconds":
        start = math.floor(start)
    return start, max(float(ends[-1]), start + (4.0 if unit == "bars" else 2.0))


def _quick_gap(piece: Piece, unit: str) -> float:
    """Return the time between onsets than which only a tenth of the gaps is shorter."""
    onsets = np.unique(positions(piece, unit, piece.notes["start"].astype(np.int64)))
    gaps = np.diff(onsets)
    gaps = gaps[gaps > 0.04]  # a chord played by hand is not quick notes
    return float(np.quantile(gaps, 0.1)) if len(gaps) else 1.0


def _systems(lines: Array, start: float, end: float, longest: float) -> Array:
    """Cut [start, end] at grid lines into systems as even as possible, at most `longest` long."""
    count = max(math.ceil((end - start) / longest - 1e-9), 1)
    inner = lines[(lines > start) & (lines < end)]
    cuts = [start]
    while end - cuts[-1] > longest * (1 + 1e-9) and len(cuts) < 4 * count:
        even = cuts[-1] + (end - cuts[-1]) / max(count - len(cuts) + 1, 1)
        reach = inner[(inner > cuts[-1]) & (inner <= cuts[-1] + longest * (1 + 1e-9))]
        nearest = reach[np.abs(reach - even).argmin()] if len(reach) else cuts[-1] + longest
        cuts.append(float(nearest))
    after = lines[lines >= end - 1e-9]
    last = float(after[0]) if len(after) and after[0] - cuts[-1] <= longest * 1.000001 else end
    edges = np.array([*cuts, last])
    return np.stack((edges[:-1], edges[1:]), axis=1)


def _bars(
    piece: Piece, scale: float, start: float, end: float
) -> tuple[Array, tuple[str, ...], Array]:
    """Return bar lines in beats, their numbers from 1, and if there is room the beats between.

    Without a time signature the metre is 4/4, as MIDI has it.
    """
    begins, lengths, beats, counts = metre(piece, end)
    total = int(counts.sum())
    typical = float(np.average(lengths, weights=counts))
    every = _round_step(1.0, 7.0 / (typical * scale), (1, 2, 4, 8))
    number = np.arange(0, total + 1, int(every), dtype=np.int64)
    first = np.cumsum(counts) - counts
    at = np.searchsorted(first, number, side="right") - 1
    lines = begins[at] + (number - first[at]) * lengths[at]
    keep = lines >= start - lengths.max()
    lines, number, at = lines[keep], number[keep], at[keep]
    named = int(_round_step(every, 30.0 / (typical * scale), (1, 2, 4, 8)))
    names = tuple(str(n + 1) if n % named == 0 else "" for n in number.tolist())
    faint = np.empty(0)
    if every == 1 and beats.min() * scale >= 9 and len(lines):
        inner = [
            np.arange(line + beat, line + length - 1e-9, beat)
            for line, beat, length in zip(lines, beats[at], lengths[at], strict=True)
        ]
        faint = np.concatenate(inner)
    return lines, names, faint


def metre(piece: Piece, end: float) -> tuple[Array, Array, Array, Array]:
    """Return (M,) start, length of bar and beat, in quarter notes, and number of bars by metre."""
    table = piece.time_signatures
    begins = table["tick"] / piece.ticks_per_beat
    beats = 4.0 / table["denominator"]
    lengths = table["numerator"] * beats
    if not len(table) or begins[0] > 0:
        begins, beats = np.append(0.0, begins), np.append(1.0, beats)
        lengths = np.append(4.0, lengths)
    following = np.append(begins[1:], max(end, begins[-1] + 1e-9))
    counts = np.ceil((following - begins) / lengths - 1e-9).astype(np.int64)
    held = counts > 0  # of two signatures at one place the last one counts
    return begins[held], lengths[held], beats[held], counts[held]


def _seconds(
    piece: Piece, scale: float, start: float, end: float
) -> tuple[Array, tuple[str, ...], Array]:
    """Return the seconds to mark, their texts, and the finer marks between."""
    del piece  # not needed; the parameters are those of _bars
    step = _round_step(1.0, 46.0 / scale, (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600))
    lines = np.arange(math.floor(start / step), math.ceil(end / step) + 1) * step
    faint = (
        (lines[:, None] + step / 5 * np.arange(1, 5)).ravel() if step * scale > 60 else lines[:0]
    )
    return lines, tuple(map(clock, lines.tolist())), faint


def _round_step(smallest: float, least: float, factors: tuple[int, ...]) -> float:
    """Return the first smallest * factor of at least `least`; after the last it doubles."""
    for factor in factors:
        if smallest * factor >= least:
            return smallest * factor
    step = smallest * factors[-1]
    while step < least:
        step *= 2
    return step


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds, with hours if there are any.

    >>> clock(75), clock(3675)
    ('1:15', '1:01:15')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def natural_unit(piece: Piece) -> Literal["bars", "seconds"]:
    """Return "bars" if most notes start on a quarter or a third of a beat.

    Of onsets at random a quarter would do so: a beat has six such points, each a twenty-fourth of a
    beat wide.
    """
    if not len(piece):
        return "bars"
    phase = (piece.notes["start"] / piece.ticks_per_beat) % 1
    grid = np.array([0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1])
    off = np.abs(phase[:, None] - grid).min(axis=1)
    return "bars" if (off <= 1 / 48).mean() > 0.6 else "seconds"
