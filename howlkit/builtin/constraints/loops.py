"""Constraint `loops`: no passage of eight notes or more goes on being repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from howlkit.builtin.constraints.habits import Habits
from howlkit.constraints.heard import LAGS
from howlkit.constraints.rules import LoopRule
from howlkit.constraints.setting import Setting
from howlkit.errors import OptionError
from howlkit.options import option

__all__ = ["Loops"]

SHORTEST = 8  # notes; repeats of fewer are seen as repeats of a multiple of them

NO_LIMIT = 2**40

FEWEST = 2
"""A passage may come twice in a row, whatever the training music does."""


@dataclass(frozen=True)
class Loops:
    """No passage of eight notes or more comes too often in a row."""

    most: int = option(
        0,
        "how often in a row, from 2; 0: as far as nearly all of the training music goes",
        low=0,
        high=1000,
    )

    name: ClassVar[str] = "loops"

    def __post_init__(self) -> None:
        """Refuse 1: a passage that comes once is not repeated at all."""
        if self.most == 1:
            raise OptionError(
                f"loops.most is 1; it is from {FEWEST} on, or 0: as far as the training music goes"
            )

    def begin(self, setting: Setting) -> LoopRule:
        """Return the rule: intervals and times of a passage come up to `most` times in a row."""
        copies = self.most or Habits.of(setting.facts).loop_copies
        notes = np.arange(1, LAGS + 1)
        # The notes of the copies after the first one are as many notes before. One of them less is
        # counted, since a passage of n notes has n - 1 steps from note to note.
        most = np.floor((max(copies, FEWEST) - 1) * notes) - 1
        return LoopRule(np.where(notes < SHORTEST, NO_LIMIT, most).astype(np.int64))
