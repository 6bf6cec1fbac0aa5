"""How well the music that was there joins what follows: what takes are compared with."""

from __future__ import annotations

import numpy as np

from howlkit.sampling.generation import SessionMaker
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.placement import without_end_row
from howlkit.sampling.replacing.candidates import Candidates, common_steps, session_before
from howlkit.sampling.replacing.joining import join
from howlkit.sampling.replacing.region import Region

__all__ = ["join_as_it_was"]


def join_as_it_was(trained: SessionMaker, region: Region) -> float:
    """Return the nats a note of what is kept after a region begins, if its notes stay as they are.

    It is counted as `Take.join` is, so the two can be compared.
    """
    session = session_before(trained, region)
    played = Candidates(session, region, SamplingParams())
    rng = np.random.default_rng(0)  # one row is never drawn again
    for tick in sorted({*region.inside["start"].tolist(), region.stop}):
        played.notes = [region.original[region.original["start"] < tick]]
        _feed(played, tick)
        if tick < region.stop:
            played.hear(tick, rng)
    return float(join(played)[0])


def _feed(played: Candidates, tick: int) -> None:
    """Let the session hear all notes before a tick; what it has heard of them already stays."""
    session, region = played.session, played.region
    kept = region.kept.notes
    notes = np.concatenate((kept[kept["start"] < tick], played.notes[0]))
    piece = region.kept.replace(notes=notes, has_end=False)
    steps = without_end_row(session.encoder.encode(piece))[1:]
    fit = common_steps(session.steps_of(0), steps)
    session.rewind(fit)
    session.feed([steps[fit - 1 :]])
