"""Constraint `stencil`: the music rises and falls in waves, as notes far from them become rare."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints import Heard, Setting
from howlkit.hookspecs import hookimpl
from howlkit.music import DRUMS
from howlkit.note_choices import BEGINS, COMING, UNKNOWN, NoteChoices
from howlkit.options import option
from howlkit.protocols import Constraint, Rule

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Stencil:
    """Let the music rise and fall in waves; drums are left alone."""

    middle: int = option(64, "the pitch around which it moves", low=0, high=127)
    height: int = option(12, "semitones from there to the crest of a wave", low=0, high=64)
    beats: float = option(32.0, "beats from one wave to the next", low=1.0, high=1024.0)
    strength: float = option(0.5, "nats for each semitone beyond an octave", low=0.0, high=100.0)
    name: ClassVar[str] = "stencil"

    def begin(self, setting: Setting) -> Rule:
        """Return the rule for this music."""
        return Wave(self, setting.beats_a_unit / setting.divisions)


@dataclass(frozen=True)
class Wave:
    """The rule for one piece of music. beats: those from one position to the next."""

    options: Stencil
    beats: float

    def logits(self, choices: NoteChoices, heard: Heard) -> Numbers:
        """Return (B, n): how much less likely each choice becomes."""
        begins = (choices.role == BEGINS) | (choices.role == COMING)
        known = begins & (choices.pitch != UNKNOWN)
        position = choices.onset + heard.moved[:, None]  # since the piece began
        away = np.abs(choices.pitch - self.centre(position))  # semitones
        nats = self.options.strength * np.maximum(away - 12, 0)
        return np.where(known & (choices.program != DRUMS), -nats, 0.0)

    def centre(self, position: NDArray[np.int64]) -> Numbers:
        """Return the pitch in the middle of the wave at these positions of a piece."""
        wave = np.sin(2 * np.pi * position * self.beats / self.options.beats)
        return np.asarray(self.options.middle + self.options.height * wave)


@hookimpl
def register_constraints(register: Callable[[type[Constraint]], None]) -> None:
    """Register the component."""
    register(Stencil)
