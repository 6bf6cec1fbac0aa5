"""How well given music joins what follows: what takes are compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.music.tables import Table
from howlkit.sampling.generation import SessionMaker
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.placement import without_end_row
from howlkit.sampling.replacing.candidates import Candidates, common_steps, session_before
from howlkit.sampling.replacing.joining import join
from howlkit.sampling.replacing.region import Region

__all__ = ["join_as_it_was", "joins_of"]


def join_as_it_was(trained: SessionMaker, region: Region) -> float:
    """Return the nats a note of what is kept after a region begins, if its notes stay as they are.

    It is counted as `Take.join` is, so the two can be compared.
    """
    return float(joins_of(trained, region, [region.original])[0])


def joins_of(trained: SessionMaker, region: Region, made: Sequence[Table]) -> NDArray[np.float64]:
    """Return (K,): the nats as `join_as_it_was`, for each of K tables of notes in the region."""
    session = session_before(trained, region)
    session.select(np.zeros(len(made), np.intp))
    played = Candidates(session, region, SamplingParams(), groups=len(made))
    rng = np.random.default_rng(0)  # a group of one row is never drawn again
    for tick in sorted({*region.inside["start"].tolist(), region.stop}):
        played.notes = [notes[notes["start"] < tick] for notes in made]
        _feed(played, tick)
        if tick < region.stop:
            played.hear(tick, rng)
    return join(played)


def _feed(played: Candidates, tick: int) -> None:
    """Let the session hear all notes before a tick; what it has heard of them already stays."""
    session, region = played.session, played.region
    kept = region.kept.notes
    heard = kept[kept["start"] < tick]
    steps = []
    for notes in played.notes:
        piece = region.kept.replace(notes=np.concatenate((heard, notes)), has_end=False)
        steps.append(without_end_row(session.encoder.encode(piece))[1:])
    fits = [common_steps(session.steps_of(row), those) for row, those in enumerate(steps)]
    session.rewind(np.array(fits))
    session.feed([those[fit - 1 :] for those, fit in zip(steps, fits, strict=True)])
