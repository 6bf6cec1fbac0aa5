"""Constraint `density`: about so many notes begin in a beat or a second."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from howlkit.constraints.rules import DensityRule
from howlkit.constraints.setting import Setting
from howlkit.options import option

__all__ = ["Density"]


@dataclass(frozen=True)
class Density:
    """About so many notes begin in a beat or a second; a push, not a law."""

    rate: float = option(4.0, "notes in a beat or a second", low=0.01, high=1000.0)
    per: Literal["beat", "second"] = option("beat", "what the rate counts in")
    strength: float = option(
        1.0,
        "nats that one note too many or too few weighs; two weigh four times as much",
        low=0.0,
        high=100.0,
    )

    name: ClassVar[str] = "density"

    def begin(self, setting: Setting) -> DensityRule:
        """Return the rule; beats and seconds go by the tempo in which the music begins."""
        beats_a_second = replace(setting, clock="seconds").beats_a_unit
        rate = self.rate
        if (self.per, setting.clock) == ("second", "beats"):
            rate /= beats_a_second
        elif (self.per, setting.clock) == ("beat", "seconds"):
            rate *= beats_a_second
        return DensityRule(rate, setting.divisions, strength=self.strength)
