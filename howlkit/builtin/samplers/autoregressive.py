"""Sampler `autoregressive`: draws each step by the model, given all steps before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from howlkit.builtin.samplers.drawing import Drawing
from howlkit.music.piece import Piece
from howlkit.options import option
from howlkit.protocols import SamplingSession
from howlkit.schema import END, Steps

__all__ = ["Autoregressive"]


@dataclass(frozen=True)
class Autoregressive(Drawing):
    """Draw step after step; temperature, top-k, top-p, min-p, typical-p for all fields or by field.

    Ancestral sampling: Graves 2013, Generating Sequences With Recurrent Neural Networks.
    """

    first: Literal["learned", "random"] = option(
        "learned", "the first note: from the model, or at random, as Howl"
    )

    name: ClassVar[str] = "autoregressive"

    def generate(self, session: SamplingSession) -> Iterator[Steps]:
        """Yield steps (B,) until every row is done."""
        params = self.params
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
