"""What a constraint is told of the session for which it makes a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from howlkit.music.piece import Piece
from howlkit.music.tables import DEFAULT_TEMPO

__all__ = ["Setting"]


@dataclass(frozen=True)
class Setting:
    """The music that a rule is for.

    clock: the unit of the encoder's time. divisions: its positions a beat or second. like: the
    piece that lends the music its tempo and metre; None: 120 beats a minute, 4/4. prompt: the piece
    that is continued. facts: what the run says of its training music (`Trained.facts`).
    """

    clock: Literal["beats", "seconds"]
    divisions: int
    like: Piece | None = None
    prompt: Piece | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def beats_a_unit(self) -> float:
        """The beats in a beat or second of the clock, at the tempo in which new music begins."""
        if self.clock == "beats":
            return 1.0
        microseconds = DEFAULT_TEMPO
        if self.like is not None and len(self.like.tempos):
            microseconds = int(self.like.tempos["microseconds"][-1])
        return 1e6 / microseconds

    @property
    def time_signature(self) -> tuple[int, int]:
        """The time signature in which new music begins: the last one of `like`, or 4/4."""
        if self.like is None or not len(self.like.time_signatures):
            return 4, 4
        last = self.like.time_signatures[-1]
        return int(last["numerator"]), int(last["denominator"])

    @property
    def beats_a_bar(self) -> float:
        """The beats of a bar in that time signature: 3 for 3/4 and 6/8."""
        numerator, denominator = self.time_signature
        return 4 * numerator / denominator

    @property
    def bar_offset(self) -> float:
        """A beat from the beginning of the piece at which a bar begins, below `beats_a_bar`."""
        if self.like is None or not len(self.like.time_signatures):
            return 0.0
        beats = int(self.like.time_signatures["tick"][-1]) / self.like.ticks_per_beat
        return beats % self.beats_a_bar
