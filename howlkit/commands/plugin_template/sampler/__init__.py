"""Sampler `stencil`: a temperature that rises and falls in waves, over the beats of each row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.hookspecs import hookimpl
from howlkit.options import option
from howlkit.protocols import Sampler, SamplingSession
from howlkit.schema import Field, Steps

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Stencil:
    """Take more risks as a phrase begins, and fewer as it ends."""

    temperature: float = option(1.0, "the mean temperature", low=0.01, high=100.0)
    depth: float = option(0.3, "the share by which it rises and falls", low=0.0, high=0.9)
    beats: float = option(16.0, "beats from one wave to the next", low=0.25, high=1024.0)
    name: ClassVar[str] = "stencil"

    def generate(self, session: SamplingSession) -> Iterator[Steps]:
        """Yield steps (B,) until every row is done."""

        def by_heat(field: Field, logits: Numbers, given: Steps) -> Numbers:
            heat = self.heat(session.beats)  # (B,)
            return np.asarray(logits / heat[:, None])

        while not session.done.all():
            yield session.step(functions=[by_heat])

    def heat(self, beats: Numbers) -> Numbers:
        """Return the temperature at these beats of a piece."""
        wave = np.sin(2 * np.pi * beats / self.beats)
        return np.asarray(self.temperature * (1 + self.depth * wave))


@hookimpl
def register_samplers(register: Callable[[type[Sampler]], None]) -> None:
    """Register the component."""
    register(Stencil)
