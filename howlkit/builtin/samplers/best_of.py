"""Sampler `best-of`: draws several candidates of each row, whole pieces, and keeps the best.

Ranking whole samples by their likelihood: Adiwardana et al. 2020, Towards a Human-like Open-Domain
Chatbot (sample-and-rank); by another function of the whole: Stiennon et al. 2020,
Learning to Summarize with Human Feedback (best-of-n).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.samplers.drawing import Drawing
from howlkit.builtin.samplers.ranking import LIKELIHOOD, function_of, score_of
from howlkit.music.piece import Piece
from howlkit.options import option
from howlkit.protocols import SamplingSession
from howlkit.schema import Steps

__all__ = ["BestOf"]

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class BestOf(Drawing):
    """Draw several candidates of each row, and keep the best; drawn as by `autoregressive`.

    By likelihood the best has the fewest nats a note, as `howlkit evaluate` counts them: under the
    model as it is, whatever temperature and top-p are, `mark` included. By a function the best is
    the candidate for which it returns the highest number; it is called with the Piece that was
    made, without a prompt. A candidate without notes comes last either way.
    """

    candidates: int = option(8, "how many pieces are drawn for each that is kept", low=1, high=4096)
    by: str | Callable[[Piece], float] = option(
        LIKELIHOOD, "likelihood, or MODULE:FUNCTION of a Piece, the higher the better"
    )

    name: ClassVar[str] = "best-of"

    def __post_init__(self) -> None:
        """Look for the function now: a wrong name is told before music is made."""
        function_of(self.by)

    def generate(self, session: SamplingSession) -> Iterator[Steps]:
        """Yield steps of all candidates until every one is done.

        Meanwhile the session has `candidates` rows for each of its own, those of a row side by
        side; then it has its own again, each the best candidate.
        """
        if session.done.all():
            return
        rows, params = session.rows, self.params
        before = np.repeat(session.notes, self.candidates)
        session.select(np.repeat(np.arange(rows), self.candidates))
        costs, best = _Costs(session.rows), np.zeros(rows, np.intp)
        try:
            while not session.done.all():
                step = session.step(params)
                if self.by == LIKELIHOOD:
                    costs.add(session.cost, session.lengths)
                yield step
        finally:  # also where music is broken off: the best so far is kept
            try:
                scores = self._scores(session, costs.total(session.lengths), before)
                best = scores.reshape(rows, -1).argmax(axis=1)
            finally:
                session.select(best + self.candidates * np.arange(rows))

    def _scores(self, session: SamplingSession, nats: Scores, before: NDArray[np.int64]) -> Scores:
        """Return (B,) how good each candidate is."""
        function = function_of(self.by)
        if function is None:
            notes = session.notes - before
            return np.where(notes > 0, -nats / np.maximum(notes, 1), -np.inf)
        pieces = [session.made(row) for row in range(session.rows)]
        scores = [score_of(function, piece) if len(piece) else -np.inf for piece in pieces]
        return np.array(scores)


class _Costs:
    """The nats of each step of B rows; a row that went back writes over those it took back."""

    def __init__(self, rows: int) -> None:
        self._nats = np.zeros((rows, 64))

    def add(self, nats: Scores, lengths: NDArray[np.int64]) -> None:
        """Set the nats (B,) of the last step of each row; those of rows that were done are 0."""
        while self._nats.shape[1] < int(lengths.max()):
            self._nats = np.concatenate((self._nats, np.zeros_like(self._nats)), axis=1)
        going = np.flatnonzero(nats)
        self._nats[going, lengths[going] - 1] = nats[going]

    def total(self, lengths: NDArray[np.int64]) -> Scores:
        """Return (B,) the nats of all steps that each row has."""
        counted = np.arange(self._nats.shape[1]) < lengths[:, None]
        return np.asarray((self._nats * counted).sum(axis=1))
