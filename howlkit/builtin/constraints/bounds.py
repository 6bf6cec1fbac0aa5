"""Constraint `bounds`: notes end, and no more sound at once, as in the training music."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from howlkit.builtin.constraints.habits import Habits
from howlkit.constraints.rules import LengthRule, PolyphonyRule, Rules
from howlkit.constraints.setting import Setting

__all__ = ["Bounds"]


@dataclass(frozen=True)
class Bounds:
    """Notes last no longer, and no more sound at once, than in the training music."""

    name: ClassVar[str] = "bounds"

    def begin(self, setting: Setting) -> Rules:
        """Return a rule about lengths and one about how many notes sound at once.

        Both go by what 999 of 1,000 notes of the training music keep to.
        """
        habits = Habits.of(setting.facts)
        longest = math.ceil(habits.longest(setting.clock) * setting.divisions)
        return Rules((LengthRule(max(longest, 1)), PolyphonyRule(max(habits.polyphony, 1))))
