"""A uniform grid in time, and the bars on it: what encoders that count in slices have in common.

A position is a whole number of grid steps from the start of a piece; a grid has so many positions
in a beat or in a second. Everything is vectorised, and beats are counted in whole numbers, so that
nothing drifts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.piece import TEMPO, Piece

__all__ = ["MOST_UNITS", "Bars", "Grid"]

MOST_UNITS = 30_000
"""Beats or seconds in a piece: over four hours, and at any resolution a Piece can have in range."""

MOST_TICKS_PER_BEAT = 32_767
FINE = 8  # ticks in a grid step, where the clock is seconds and the resolution allows it

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """`steps` positions to a beat or second."""

    clock: Literal["beats", "seconds"]
    steps: int

    def positions(self, piece: Piece, ticks: ArrayLike, *, eighths: int = 4) -> Positions:
        """Return the position of each of `ticks`; eighths: of a step that are added, then cut off.

        4 is the nearest position, halves up; 7 the first that is no more than an eighth earlier.
        """
        ticks = np.asarray(ticks, np.int64)
        if self.clock == "beats":
            per_beat = piece.ticks_per_beat
            return (8 * self.steps * ticks + eighths * per_beat) // (8 * per_beat)
        return np.floor(piece.seconds(ticks) * self.steps + eighths / 8).astype(np.int64)

    def frame(self, like: Piece | None) -> tuple[Piece, Callable[[ArrayLike], Positions]]:
        """Return a piece without notes, and the map from positions to its ticks.

        like: a piece whose tempo map, metre and resolution (or a finer one) it takes over.
        """
        empty = Piece(tempos=np.array([(0, 500_000)], TEMPO))
        if like is not None:
            empty = like.without_notes()
        if self.clock == "beats":
            per_beat = _multiple(empty.ticks_per_beat, self.steps)
            factor = per_beat // self.steps
            return empty.at_resolution(per_beat), lambda at: np.asarray(at, np.int64) * factor
        if like is None:
            # Half a second a beat: twice as many ticks a second as a beat.
            empty = empty.at_resolution(_multiple(empty.ticks_per_beat, self.steps))
        else:
            empty = empty.at_resolution(self._fine_enough(empty))
        return empty, lambda at: empty.ticks(np.asarray(at) / self.steps)

    def _fine_enough(self, piece: Piece) -> int:
        """Return a resolution at which a step has FINE ticks wherever `piece` is slow, if it can.

        `ticks` rounds to the nearest, and `positions` must lead back.
        """
        slowest = int(piece.tempos["microseconds"].max(initial=500_000)) / 1e6  # seconds a beat
        factor = math.ceil(FINE * self.steps * slowest / piece.ticks_per_beat)
        most = MOST_TICKS_PER_BEAT // piece.ticks_per_beat
        return piece.ticks_per_beat * max(1, min(factor, most))


def _multiple(ticks_per_beat: int, steps: int) -> int:
    """Return the least multiple of `steps` that is no coarser than `ticks_per_beat`, if it fits."""
    multiple = math.lcm(ticks_per_beat, steps)
    if multiple <= MOST_TICKS_PER_BEAT:
        return multiple
    return min(math.ceil(ticks_per_beat / steps), MOST_TICKS_PER_BEAT // steps) * steps


class Bars:
    """Where positions stand in their bars.

    A bar begins at every time signature, at its nearest position; a piece without one is in 4/4.
    piece: whose metre counts. steps: positions a beat.
    """

    def __init__(self, piece: Piece, steps: int) -> None:
        table = piece.time_signatures
        start = Grid("beats", steps).positions(piece, table["tick"])
        numerator, denominator = table["numerator"].astype(np.int64), table["denominator"]
        if not len(start) or start[0] > 0:
            start = np.append(0, start)
            numerator, denominator = np.append(4, numerator), np.append(4, denominator)
        self._start: Positions = start
        # A bar lasts length / parts positions, which need not be whole: 7/8 in quarters is 7 / 2.
        self._length: Positions = 4 * steps * numerator
        self._parts: Positions = denominator.astype(np.int64)

    def place(self, positions: ArrayLike) -> Positions:
        """Return the whole steps from each position's bar line to it."""
        positions = np.asarray(positions, np.int64)
        at = self._at(positions)
        parts = self._parts[at]
        since = (positions - self._start[at]) * parts
        return np.asarray(since % self._length[at] // parts)

    def period(self, positions: ArrayLike) -> Positions:
        """Return after how many steps `place` repeats itself in the metre of each position."""
        at = self._at(np.asarray(positions, np.int64))
        return np.asarray(self._length[at] // np.gcd(self._length[at], self._parts[at]))

    def _at(self, positions: Positions) -> Positions:
        if len(self._start) == 1:  # nearly always
            return np.zeros_like(positions)
        return np.searchsorted(self._start, positions, side="right") - 1
