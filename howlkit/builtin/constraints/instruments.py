"""Constraint `instruments`: only notes of some instruments begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from howlkit.constraints.rules import ProgramRule
from howlkit.constraints.setting import Setting
from howlkit.errors import HowlkitError, OptionError
from howlkit.music import general_midi
from howlkit.music.tables import DRUMS
from howlkit.options import option

__all__ = ["Instruments"]


@dataclass(frozen=True)
class Instruments:
    """Only notes of some instruments begin."""

    names: tuple[str, ...] = option(
        ("piano",), "names or numbers of General MIDI, or groups: violin,cello or drums"
    )

    name: ClassVar[str] = "instruments"

    def __post_init__(self) -> None:
        """Refuse an unknown instrument, and none at all."""
        if not self.names:
            raise OptionError("instruments.names is empty; name one, such as violin")
        try:
            _ = self.programs
        except HowlkitError as error:
            raise OptionError(f"instruments.names: {error}") from None

    @property
    def programs(self) -> tuple[int, ...]:
        """The programs that may sound, 0..127, and 128 for drums."""
        return tuple(sorted({p for name in self.names for p in general_midi.programs(name)}))

    def begin(self, setting: Setting) -> ProgramRule:
        """Return the rule."""
        return ProgramRule(np.isin(np.arange(DRUMS + 1), self.programs))
