"""How well a region joins what follows it: the nats of the notes that come next.

They are what the model pays for the first notes after the region, given the candidate: few where
the music goes on as if nothing had been replaced. At the end of a piece it is what the end costs.

Shapes: B rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.music.tables import Table
from howlkit.sampling.replacing.candidates import Candidates, common_steps
from howlkit.sampling.replacing.region import Region

__all__ = ["FOLLOWING", "join", "tail_of"]

FOLLOWING = 16
"""How many of the notes that follow are asked."""


def tail_of(region: Region) -> Table:
    """Return the first `FOLLOWING` notes after a region; a chord is not torn apart."""
    tail = region.after[:FOLLOWING]
    if len(tail) == FOLLOWING:
        tail = region.after[region.after["start"] <= tail["start"][-1]]
    return tail


def join(candidates: Candidates) -> NDArray[np.float64]:
    """Return (B,): nats a note of what is kept after the region begins, under the model.

    That are the kept notes inside the region, and the first `FOLLOWING` after it; where nothing
    follows, the end of the piece. The rows go back to the end of their region; they are not to be
    played on.
    """
    session, region = candidates.session, candidates.region
    tail = tail_of(region)
    coming = [candidates.steps_before_end(row, tail=tail) for row in range(session.rows)]
    fits = [
        common_steps(session.steps_of(row), steps[:own]) for row, (steps, own) in enumerate(coming)
    ]
    session.rewind(np.array(fits))
    rest = [steps[fit - 1 :] for (steps, _), fit in zip(coming, fits, strict=True)]
    nats = session.nats_of(rest)
    after = np.zeros(session.rows)
    for row, ((_, own), fit) in enumerate(zip(coming, fits, strict=True)):
        after[row] = nats[row, max(own - (fit - 1), 0) :].sum()
    notes = len(region.inside) + len(tail)
    return np.asarray((candidates.nats + after) / max(notes, 1))
