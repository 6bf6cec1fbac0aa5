"""Constraint `polyphony`: at most so many notes sound at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from howlkit.constraints.rules import PolyphonyRule
from howlkit.constraints.setting import Setting
from howlkit.options import option

__all__ = ["Polyphony"]


@dataclass(frozen=True)
class Polyphony:
    """At most so many notes sound at once, on all instruments together."""

    most: int = option(4, "the most notes that sound at once", low=1, high=1000)

    name: ClassVar[str] = "polyphony"

    def begin(self, setting: Setting) -> PolyphonyRule:
        """Return the rule."""
        return PolyphonyRule(self.most)
