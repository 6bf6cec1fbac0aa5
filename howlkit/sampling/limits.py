"""How long a row of a session may get, and where its rows stand in beats and in seconds.

Shapes: B rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import Literal, Never

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError, did_you_mean
from howlkit.music.piece import Piece
from howlkit.plugins.checked_grammar import CheckedGrammar
from howlkit.sampling.state import RowState

__all__ = ["Limit", "Timeline", "reached", "tick_of"]


STEPS_ALWAYS = 4000
STEPS_A_UNIT = {"notes": 50, "seconds": 500, "beats": 500, "bars": 2000}
"""`Limit.most_steps`: so many steps, and so many for each unit of the limit."""


@dataclass(frozen=True, init=False)
class Limit:
    """How much music a row makes: until the first of these is reached; None: no such limit.

    notes: the number of notes. seconds, beats: the time from where the row's own music begins to
    the onset of a note. A row's own music begins at the end of what was fed, or else at its first
    note (in beats: at the bar in which it lies), so neither a prompt nor a silence before the first
    note counts. bars: the same in bars of the metre in which it begins. until: the onset that is
    reached, counted from the beginning of the piece in the encoder's clock, beats or seconds. ends:
    whether the model may end the piece before.
    Raises HowlkitError for a length that is not above 0, and for another unit.

    >>> Limit(seconds=30, ends=False)
    Limit(notes=None, seconds=30, beats=None, ends=False, bars=None, until=None)
    """

    notes: int | None = None
    seconds: float | None = None
    beats: float | None = None
    ends: bool = True
    bars: int | None = None
    until: float | None = None

    def __init__(
        self,
        notes: int | None = None,
        seconds: float | None = None,
        beats: float | None = None,
        ends: bool = True,
        bars: int | None = None,
        until: float | None = None,
        **others: Never,
    ) -> None:
        for name in others:
            known = ("notes", "seconds", "beats", "bars", "until", "ends")
            raise HowlkitError(
                f"a limit has no {name!r}; notes, seconds, beats and bars are its units, until is "
                "a position, and ends says whether the model may end the piece before."
                f"{did_you_mean(name, known)}"
            )
        for name, value, kind in (
            ("notes", notes, Integral),
            ("seconds", seconds, Real),
            ("beats", beats, Real),
            ("bars", bars, Integral),
            ("until", until, Real),
        ):
            if value is not None and not _is_length(value, kind):
                number = "a whole number from 1" if kind is Integral else "a number above 0"
                raise HowlkitError(
                    f"the limit {name}={value!r}; {number} is needed, or None for no such limit"
                )
        for name, field in (
            ("notes", notes), ("seconds", seconds), ("beats", beats), ("ends", ends),
            ("bars", bars), ("until", until),
        ):  # fmt: skip
            object.__setattr__(self, name, field)

    @cached_property
    def most_steps(self) -> float:
        """The number of steps after which a row is done in any case; infinity without a limit.

        A model that has hardly been trained may make step after step while time stands still, or
        while no note begins; then no other limit is ever reached. It is 4,000 steps, and 500 more
        for each second or beat, 2,000 for each bar or 50 for each note of the limit: far more than
        music needs.
        """
        given = {unit: getattr(self, unit) for unit in STEPS_A_UNIT}
        most = (STEPS_A_UNIT[unit] * n for unit, n in given.items() if n is not None)
        return min((STEPS_ALWAYS + math.ceil(steps) for steps in most), default=math.inf)


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


def _is_length(value: object, kind: type[Integral] | type[Real]) -> bool:
    """Say whether a value is a finite number of this kind, above 0."""
    number = isinstance(value, kind) and not isinstance(value, bool | np.bool_)
    return number and 0 < float(value) < math.inf  # type: ignore[arg-type]  # NaN is not


def reached(
    limit: Limit, at: RowState, timeline: Timeline, *, longest: int = 0
) -> NDArray[np.bool_]:
    """Return (B,): which rows have ended or reached the limit.

    longest: no row has more steps than this, which says whether to look at `Limit.most_steps`; 0:
    that bound is left out.
    """
    done = at.ended.copy() if limit.notes is None else at.ended | (at.notes >= limit.notes)
    if longest > limit.most_steps:
        done |= at.lengths - at.fed >= limit.most_steps
    if limit.seconds is not None:
        seconds = timeline.seconds(at.now, at.grammar)
        done |= seconds - at.origin_seconds >= limit.seconds  # not where the origin is NaN
    if limit.beats is not None or limit.bars is not None:
        begun = ~np.isnan(at.origin)
        origin = timeline.beats(np.where(begun, at.origin, 0.0))
        done |= begun & (timeline.beats(at.now) - origin >= _beats(limit, at.bar))
    if limit.until is not None:
        done |= at.now >= limit.until
    return done


def tick_of(limit: Limit, at: RowState, row: int, timeline: Timeline, piece: Piece) -> float:
    """Return the tick of `piece`, the music of a row, where the limit lies; infinity without one.

    Only limits in seconds, beats and bars lie at a tick.
    """
    ticks = [np.inf]
    if limit.seconds is not None:
        ticks += piece.ticks(at.origin_seconds[[row]] + limit.seconds).tolist()
    if limit.beats is not None or limit.bars is not None:
        stop = timeline.beats(at.origin[[row]]) + _beats(limit, at.bar[[row]])
        ticks += (stop * piece.ticks_per_beat).tolist()
    return min(ticks)


def _beats(limit: Limit, bar: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (B,): the beats of a limit in beats, bars or both; bar: (B,) the beats of a bar."""
    beats = np.full(len(bar), math.inf if limit.beats is None else limit.beats)
    return beats if limit.bars is None else np.minimum(beats, limit.bars * bar)
