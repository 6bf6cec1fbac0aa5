"""Constraint `range`: only notes from a lowest to a highest pitch begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from howlkit.constraints.rules import FORBIDDEN, PitchRule
from howlkit.constraints.setting import Setting
from howlkit.errors import ArgumentError, OptionError
from howlkit.music.pitch_names import pitch_of
from howlkit.options import option

__all__ = ["Range"]


@dataclass(frozen=True)
class Range:
    """Only notes from a lowest to a highest pitch begin; drums are left alone."""

    low: int | str = option(0, "the lowest pitch: 60, or C4, is middle C", low=0, high=127)
    high: int | str = option(127, "the highest pitch, a number or a name", low=0, high=127)

    name: ClassVar[str] = "range"

    def __post_init__(self) -> None:
        """Refuse what is no pitch, and an empty range."""
        low, high = self.pitches
        if low > high:
            raise OptionError(f"range: low={self.low} is above high={self.high}; swap them")

    @property
    def pitches(self) -> tuple[int, int]:
        """The lowest and the highest pitch, 0..127."""
        return _pitch("low", self.low), _pitch("high", self.high)

    def begin(self, setting: Setting) -> PitchRule:
        """Return the rule."""
        (low, high), pitches = self.pitches, np.arange(128)
        inside = (pitches >= low) & (pitches <= high)
        return PitchRule(np.where(inside, 0.0, FORBIDDEN)[None, :])


def _pitch(name: str, value: int | str) -> int:
    try:
        return pitch_of(value)
    except ArgumentError as error:
        raise OptionError(f"range.{name}: {error}") from None
