"""Sampler `autoregressive`: draws each step from the model's probabilities, given those before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from howlkit.hookspecs import hookimpl
from howlkit.music.piece import Piece
from howlkit.options import option
from howlkit.protocols import Sampler, SamplingSession
from howlkit.sampling.logits import SamplingParams
from howlkit.schema import END, Steps

__all__ = ["Autoregressive"]


@dataclass(frozen=True)
class Autoregressive:
    """Draw step after step; temperature, top-k, top-p, min-p for all fields or by field."""

    temperature: float = option(1.0, "below 1 is surer, above 1 bolder", low=0.0, high=100.0)
    top_k: int = option(0, "choose among the k likeliest values; 0: all", low=0)
    top_p: float = option(0.98, "nucleus: the likeliest values that make up p", low=0.0, high=1.0)
    min_p: float = option(0.0, "at least this fraction of the likeliest", low=0.0, high=1.0)
    first: Literal["learned", "random"] = option(
        "learned", "the first note: from the model, or at random as Howl's"
    )
    fields: Mapping[str, SamplingParams] = option(
        nested=SamplingParams, help="by field, as in autoregressive.pitch.temperature=0.9"
    )

    name: ClassVar[str] = "autoregressive"

    def generate(self, session: SamplingSession) -> Iterator[Steps]:
        """Yield steps (B,) until every row is done."""
        params = SamplingParams(self.temperature, self.top_k, self.top_p, self.min_p, self.fields)
        if self.first == "random" and (session.lengths == 1).all():
            notes = [session.encoder.encode(random_note(rng)) for rng in session.rngs]
            session.feed([steps[steps["mark"] != END] for steps in notes], made=True)
        while not session.done.all():
            yield session.step(params)


def random_note(rng: np.random.Generator) -> Piece:
    """Return a piece of one note, drawn as Howl draws its first note.

    Onset and duration are uniform in 0..1 s, volume in 0.3..1 of the loudest, pitch in C3..C6.
    """
    start, duration = rng.uniform(0, 1, 2)
    velocity = round(127 * rng.uniform(0.3, 1))
    pitch = 60 + int(rng.integers(-12, 25))
    # 1000 ticks a second at 120 beats a minute.
    note = (round(1000 * start), max(round(1000 * duration), 1), pitch, velocity)
    return Piece.of([note], ticks_per_beat=500).replace(has_end=False)


@hookimpl
def register_samplers(register: Callable[[type[Sampler]], None]) -> None:
    """Register it."""
    register(Autoregressive)
