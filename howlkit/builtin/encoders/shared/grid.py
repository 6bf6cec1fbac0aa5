"""A uniform grid of time, in beats or in seconds: ticks to positions on it, and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.music.piece import FOREVER, Piece
from howlkit.music.tables import DEFAULT_TEMPO, MAX_TICK, TEMPO, Table

__all__ = ["ENDLESS", "Grid", "resolution"]

MOST_TICKS_PER_BEAT = 32_767

ENDLESS = 2**62
"""A position behind those of all notes."""

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """A grid of `divisions` positions a beat or a second.

    >>> Grid("beats", 4).positions(Piece(ticks_per_beat=480), [0, 59, 60, 480]).tolist()
    [0, 0, 1, 4]
    """

    clock: Literal["beats", "seconds"]
    divisions: int

    def positions(self, piece: Piece, ticks: ArrayLike, *, eighths: int = 4) -> Column:
        """Return the position nearest to each of `ticks`, halves up.

        eighths: how many eighths of a position to add before the fraction is cut off. 4 rounds to
            the nearest; 7 gives the first position that is at most an eighth of a position earlier.
        """
        ticks = np.asarray(ticks, np.int64)
        if self.clock == "beats":
            positions = ticks * (8 * self.divisions)
            positions += eighths * piece.ticks_per_beat
            positions //= 8 * piece.ticks_per_beat
            return positions
        positions = piece.seconds(ticks)
        positions *= self.divisions
        positions += eighths / 8
        return _floor(positions)

    def edges(self, piece: Piece, *, eighths: int = 4) -> tuple[int, int]:
        """Return the positions where an excerpt begins and stops; ENDLESS if nothing follows it.

        eighths: as in `positions`.
        """
        since, until = 0, ENDLESS
        if not piece.has_start:
            since = int(self.positions(piece, piece.since, eighths=eighths))
        if piece.until < FOREVER:
            until = int(self.positions(piece, piece.until, eighths=eighths))
        return since, until

    def borders(self, piece: Piece, table: Table, *, eighths: int = 4) -> Column:
        """Return (2, N): the positions at which notes or pedals begin and end.

        eighths: as in `positions`.
        """
        ticks = np.empty((2, len(table)), np.int64)
        ticks[0] = table["start"]
        np.add(ticks[0], table["duration"], out=ticks[1])
        return self.positions(piece, ticks, eighths=eighths)

    def spans_in_seconds(self, piece: Piece, table: Table) -> tuple[Column, NDArray[np.float64]]:
        """Return where notes or pedals begin, in positions, and how long they are, in fractions.

        Only for a grid in seconds.
        """
        starts = table["start"].astype(np.int64)
        seconds = piece.seconds(starts)
        lengths = piece.seconds(starts + table["duration"]) - seconds
        return _floor(seconds * self.divisions + 0.5), lengths * self.divisions

    def frame(
        self, like: Piece | None, *, last: int = 0, ticks: int = 8
    ) -> tuple[Piece, Callable[[Any], Any]]:
        """Return a piece without notes, and the map from positions to its ticks.

        like: the piece whose tempo map, metre and resolution it takes over. The resolution is
            raised so that every position is a tick of its own. None: 120 beats a minute.
        last: the last position that is needed; the resolution stays low enough for its tick to fit
            a piece.
        ticks: of a grid in seconds with `like`, the least ticks between two positions, if they fit.
        """
        if like is None:
            empty = Piece(tempos=np.array([(0, DEFAULT_TEMPO)], TEMPO))
        else:
            empty = like.without_notes()
        if self.clock == "beats":
            per_position = resolution(empty.ticks_per_beat, self.divisions) // self.divisions
            per_position = max(1, min(per_position, MAX_TICK // (last + 1)))
            empty = empty.at_resolution(per_position * self.divisions)
            return empty, lambda positions: positions * per_position
        if like is None:
            # Half a second a beat: twice as many ticks a second as a beat.
            empty = empty.at_resolution(resolution(empty.ticks_per_beat, self.divisions))
        else:
            empty = empty.at_resolution(self._fine_enough(empty, last, ticks))
        return empty, lambda positions: empty.ticks(positions / self.divisions)

    def _fine_enough(self, piece: Piece, last: int, ticks: int) -> int:
        """Return the resolution of `frame` for a grid in seconds, a multiple of the piece's."""
        per_beat = piece.ticks_per_beat
        slowest = int(piece.tempos["microseconds"].max(initial=DEFAULT_TEMPO)) / 1e6  # s a beat
        wanted = math.ceil(ticks * self.divisions * slowest / per_beat)
        fits = MAX_TICK // (int(piece.ticks(last / self.divisions)) + 1)
        return per_beat * max(1, min(wanted, MOST_TICKS_PER_BEAT // per_beat, fits))


def _floor(positions: NDArray[np.float64]) -> Column:
    """Return positions, 0 or above, without their fractions."""
    return positions.astype(np.int64)


def resolution(ticks_per_beat: int, divisions: int) -> int:
    """Return the least common multiple of both, or if it is too big a multiple of `divisions`.

    >>> resolution(480, 9), resolution(32767, 9)
    (1440, 32760)
    """
    multiple = math.lcm(ticks_per_beat, divisions)
    if multiple <= MOST_TICKS_PER_BEAT:
        return multiple
    return min(math.ceil(ticks_per_beat / divisions), MOST_TICKS_PER_BEAT // divisions) * divisions
