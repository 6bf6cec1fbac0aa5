"""Constraint `key`: only notes of a key, a mode or a scale begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from howlkit.constraints.rules import FORBIDDEN, PitchRule
from howlkit.constraints.setting import Setting
from howlkit.errors import HowlkitError, OptionError
from howlkit.music.keys import Key, key_of
from howlkit.options import option

__all__ = ["InKey"]

AUTO = "auto"


@dataclass(frozen=True)
class InKey:
    """Only notes of a key or scale begin; drums are left alone."""

    scale: str = option(AUTO, "such as 'D minor', 'F# dorian', 'C D E G A'; auto: the prompt's key")

    name: ClassVar[str] = "key"

    def __post_init__(self) -> None:
        """Refuse a text that is no key."""
        if self.scale.strip().lower() != AUTO:
            try:
                Key.of(self.scale)
            except HowlkitError as error:
                raise OptionError(f"key.scale: {error}") from None

    def begin(self, setting: Setting) -> PitchRule:
        """Return the rule; HowlkitError for auto without a prompt that has pitched notes."""
        belongs = np.isin(np.arange(128) % 12, self._key(setting).classes)
        return PitchRule(np.where(belongs, 0.0, FORBIDDEN)[None, :])

    def _key(self, setting: Setting) -> Key:
        if self.scale.strip().lower() != AUTO:
            return Key.of(self.scale)
        if setting.prompt is None:
            raise HowlkitError(
                "the key auto is that of the prompt, and there is none; give a prompt, or name "
                "the key, such as 'D minor'"
            )
        return key_of(setting.prompt)
