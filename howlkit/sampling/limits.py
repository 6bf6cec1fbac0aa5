"""How long a row of a session may get, and where its rows stand in beats and in seconds.

Shapes: B rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.plugins.checked_grammar import CheckedGrammar
from howlkit.sampling.state import RowState

__all__ = ["Limit", "Timeline", "reached", "tick_of"]


@dataclass(frozen=True)
class Limit:
    """How much music a row makes: until the first of these is reached; None: no such limit.

    notes: the number of notes. seconds, beats: the time from where the row's own music begins to
    the onset of a note. A row's own music begins at the end of what was fed, or else at its first
    note (in beats: at the bar of four in which it lies), so neither a prompt nor a silence before
    the first note counts. ends: whether the model may end the piece before.

    >>> Limit(seconds=30, ends=False)
    Limit(notes=None, seconds=30, beats=None, ends=False)
    """

    notes: int | None = None
    seconds: float | None = None
    beats: float | None = None
    ends: bool = True


@dataclass(frozen=True)
class Timeline:
    """Positions of an encoder's clock (B,), in beats and in seconds.

    clock: the unit of the encoder's positions. like: the piece that lends its tempo map; None: the
    tempi that the steps state, or else 120 beats a minute.
    """

    clock: Literal["beats", "seconds"]
    like: Piece | None

    def seconds(
        self, positions: NDArray[np.float64], grammar: CheckedGrammar
    ) -> NDArray[np.float64]:
        """Return positions (B,) in seconds; grammar: that of the rows, which may know tempi."""
        if self.clock == "seconds":
            return positions
        if self.like is None:
            return grammar.seconds(positions)
        return self.like.seconds(np.rint(positions * self.like.ticks_per_beat))

    def beats(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return positions (B,) in beats."""
        if self.clock == "beats":
            return positions
        like = self.like if self.like is not None else Piece()
        return np.asarray(like.ticks(positions) / like.ticks_per_beat)


def reached(limit: Limit, at: RowState, timeline: Timeline) -> NDArray[np.bool_]:
    """Return (B,): which rows have ended or reached the limit."""
    done = at.ended.copy()
    if limit.notes is not None:
        done |= at.notes >= limit.notes
    if limit.seconds is not None:
        seconds = timeline.seconds(at.now, at.grammar)
        done |= seconds - at.origin_seconds >= limit.seconds  # not where the origin is NaN
    if limit.beats is not None:
        begun = ~np.isnan(at.origin)
        origin = timeline.beats(np.where(begun, at.origin, 0.0))
        done |= begun & (timeline.beats(at.now) - origin >= limit.beats)
    return done


def tick_of(limit: Limit, at: RowState, row: int, timeline: Timeline, piece: Piece) -> float:
    """Return the tick of `piece`, the music of a row, where the limit lies; infinity without one.

    Only limits in seconds and beats lie at a tick.
    """
    ticks = [np.inf]
    if limit.seconds is not None:
        ticks += piece.ticks(at.origin_seconds[[row]] + limit.seconds).tolist()
    if limit.beats is not None:
        origin = timeline.beats(at.origin[[row]])
        ticks += ((origin + limit.beats) * piece.ticks_per_beat).tolist()
    return min(ticks)
