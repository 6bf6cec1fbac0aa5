"""Constraint `range`: only notes from a lowest to a highest pitch begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from howlkit.constraints.rules import FORBIDDEN, PitchRule
from howlkit.constraints.setting import Setting
from howlkit.errors import OptionError
from howlkit.options import option

__all__ = ["Range"]


@dataclass(frozen=True)
class Range:
    """Only notes from a lowest to a highest pitch begin; drums are left alone."""

    low: int = option(0, "the lowest pitch; 60 is middle C", low=0, high=127)
    high: int = option(127, "the highest pitch", low=0, high=127)

    name: ClassVar[str] = "range"

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if self.low > self.high:
            raise OptionError(f"range: low={self.low} is above high={self.high}; swap them")

    def begin(self, setting: Setting) -> PitchRule:
        """Return the rule."""
        pitches = np.arange(128)
        inside = (pitches >= self.low) & (pitches <= self.high)
        return PitchRule(np.where(inside, 0.0, FORBIDDEN)[None, :])
