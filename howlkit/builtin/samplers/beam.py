"""Sampler `beam`: searches for the likeliest music, several beginnings of each row side by side.

Sources: Graves 2012, Sequence Transduction with Recurrent Neural Networks (beam search), and
Sutskever, Vinyals and Le 2014, Sequence to Sequence Learning with Neural Networks (a beam of few
hypotheses that are extended by whole symbols, here whole steps); Wu et al. 2016, Google's Neural
Machine Translation System, section 7 (the length penalty).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.options import option
from howlkit.protocols import SamplingSession
from howlkit.schema import Steps

__all__ = ["Beam"]

Index = NDArray[np.intp]
Nats = NDArray[np.float64]


@dataclass(frozen=True)
class Beam:
    """Search for the likeliest music: of each row, keep the best few beginnings.

    A beginning is extended by each of its likeliest steps, and of all that come out the `width`
    best are kept. One that is done stays as it is, and counts among them. Beginnings are compared
    by their nats over ((5 + steps) / 6) ** length_penalty. Nothing is drawn, so rows that begin
    alike end alike.
    """

    width: int = option(8, "how many beginnings of each row are kept", low=1, high=1024)
    length_penalty: float = option(
        1.0, "0: the fewest nats in all; 1: about the fewest nats a step", low=0.0, high=10.0
    )

    name: ClassVar[str] = "beam"

    def generate(self, session: SamplingSession) -> Iterator[Steps]:
        """Yield steps, one for each beginning that is kept, until all of them are done.

        Meanwhile the session has up to `width` rows for each of its own; then it has its own
        again, each the best that was found.
        """
        found = _Found(np.arange(session.rows), np.zeros(session.rows), np.zeros(session.rows))
        try:
            while not session.done.all():
                done = session.done
                steps, nats = session.likeliest_steps(self.width)  # (B, W)
                more = _Found(
                    np.repeat(found.row, self.width),
                    (found.nats[:, None] + nats).reshape(-1),
                    np.repeat(found.steps + ~done, self.width),
                )
                kept = self._best(more, self.width)
                parents, chosen = kept // self.width, steps.reshape(-1)[kept]
                session.select(parents)
                found, going = more.select(kept), ~done[parents]
                one = np.split(chosen, len(chosen))
                session.feed([one[k][: int(going[k])] for k in range(len(one))], made=True)
                last = session.steps[np.arange(session.rows), session.lengths - 1]
                chosen[going] = last[going]  # with derived fields
                yield chosen
        finally:
            if session.rows > found.row[-1] + 1:
                session.select(self._best(found, 1))

    def _best(self, found: _Found, width: int) -> Index:
        """Return the numbers of the `width` best beginnings of each row, row by row."""
        scores = found.nats / ((5 + found.steps) / 6) ** self.length_penalty
        order = np.lexsort((scores, found.row))  # by row, then by score; equal ones as they stand
        row = found.row[order]
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        best = order[(rank < width) & np.isfinite(scores[order])]
        if (lost := np.setdiff1d(row, found.row[best])).size:
            raise HowlkitError(
                f"beam: nothing may follow any of the beginnings of row {lost[0]}; ask for a "
                "larger width, or for fewer rules"
            )
        return np.asarray(best)


@dataclass(frozen=True)
class _Found:
    """Beginnings: the row that each is of, its nats, and how many steps it has."""

    row: Index
    nats: Nats
    steps: Nats

    def select(self, index: Index) -> _Found:
        return _Found(self.row[index], self.nats[index], self.steps[index])
