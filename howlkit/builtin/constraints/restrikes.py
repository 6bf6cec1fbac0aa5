"""Constraint `restrikes`: no key is struck again while it sounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from howlkit.builtin.constraints.habits import Habits
from howlkit.constraints.rules import RestrikeRule, Rules
from howlkit.constraints.setting import Setting
from howlkit.options import option

__all__ = ["Restrikes"]


@dataclass(frozen=True)
class Restrikes:
    """No key is struck again while it sounds, unless the training music does it."""

    unless: float = option(
        0.01,
        "the share of notes of the training music above which it is left alone; 1: never",
        low=0.0,
        high=1.0,
    )

    name: ClassVar[str] = "restrikes"

    def begin(self, setting: Setting) -> RestrikeRule | Rules:
        """Return the rule; one that says nothing if the training music does it often."""
        often = Habits.of(setting.facts).restrikes > self.unless
        return Rules(()) if often else RestrikeRule()
