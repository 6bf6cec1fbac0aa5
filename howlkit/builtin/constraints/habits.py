"""How the training music of a run is in the ways that the default constraints look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Habits"]


@dataclass(frozen=True)
class Habits:
    """What `facts["habits"]` of a run says; the defaults stand in for a run that does not say it.

    restrikes: the share of notes, 0..1, that are struck while their key sounds. beats, seconds: a
    length that 999 of 1,000 notes do not exceed. polyphony: a number of notes at once that 999 of
    1,000 onsets do not exceed. loop_copies: how many times in a row passages come at most.
    """

    restrikes: float = 0.0
    beats: float = 32.0
    seconds: float = 16.0
    polyphony: int = 32
    loop_copies: float = 5.0

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Habits:
        """Return the habits in the facts of a run (`Trained.facts`).

        >>> Habits.of({"habits": {"restrikes": 0.2, "longest": {"beats": 8.0}}}).beats
        8.0
        """
        said = facts.get("habits") or {}
        flat = {**(said.get("longest") or {}), **said}
        known = cls.__dataclass_fields__
        return cls(**{name: flat[name] for name in known if flat.get(name) is not None})

    def longest(self, clock: Literal["beats", "seconds"]) -> float:
        """Return the length that notes hardly ever exceed, in the unit of a clock."""
        return self.beats if clock == "beats" else self.seconds
