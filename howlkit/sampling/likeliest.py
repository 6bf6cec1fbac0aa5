"""The likeliest whole next steps of B rows, by a beam over the fields of a step.

A step is decided field by field, a field of bits bit by bit. After each decision the search keeps,
of every row, the W beginnings of a step that cost the fewest nats, so what it finds are the
likeliest steps of those whose beginnings are all among the W likeliest. With W at least the number
of beginnings that there are it is exact. Nats only grow from one decision to the next, so a
beginning that is left out could not have become cheaper.

Nats are those of the model, as `Session.cost` counts them: what the grammar forbids is left out,
and the rest is not made to sum to 1. Masking value by value would make steps cheap of which the
beginning leaves few values to go on with.

Shapes: B rows, W beginnings of each, n choices of a field. All B x W beginnings are the rows of one
grammar and one runner, those of a row side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.plugins.checked_grammar import CheckedGrammar
from howlkit.protocols import Encoder
from howlkit.sampling.decoding import FieldwiseDecoder, highest
from howlkit.sampling.logits import NOT_A_NUMBER
from howlkit.sampling.runner import Carried, Mask, Runner
from howlkit.schema import END, Field, Steps

__all__ = ["Judge", "likeliest_steps", "no_rules"]

Nats = NDArray[np.float64]
Index = NDArray[np.intp]

Judge = Callable[[Field, Steps, Index], Nats]
"""judge(field, given, rows) returns what rules add to the logits of the choices of `field`,
(B x W, n): -inf forbids. given: (B x W,), the fields decided so far. rows: (B x W,), the row of the
session that each is a step of."""


def no_rules(field: Field, given: Steps, rows: Index) -> Nats:
    """Return zeros: a `Judge` that has no opinion."""
    return np.zeros((len(given), field.choices))


def likeliest_steps(
    runner: Runner,
    grammar: CheckedGrammar,
    encoder: Encoder,
    hidden: Carried,
    *,
    width: int,
    going: Mask,
    ends: bool,
    judge: Judge = no_rules,
) -> tuple[Steps, Nats]:
    """Return the likeliest next steps of each row, (B, W), and their nats, the fewest first.

    Arguments as the session has them. hidden: (B, D), from which the network predicts the step.
    going: (B,); a row that is not going has an END of 0 nats. ends: whether the model may end a
    piece. Where there are fewer than W steps, the others have nats of infinity and mean nothing.
    Raises HowlkitError for a width below 1, and for a logit that is NaN.
    """
    if width < 1:
        raise HowlkitError(f"the {width} likeliest steps; 1 or more can be asked for")
    steps = encoder.schema.steps(len(going) * width).reshape(len(going), width)
    nats = np.full(steps.shape, np.inf)
    steps["mark"], nats[:, 0] = END, 0.0
    rows = np.flatnonzero(going)
    if len(rows):
        search = _Search(runner, grammar, encoder, hidden, rows, width, ends, judge)
        steps[rows], nats[rows] = search.run()
    return steps, nats


@dataclass(frozen=True)
class _Decision:
    """A choice in B x W steps: values of a field, in those where it is active (B x W,)."""

    field: Field
    values: NDArray[np.int64]
    active: Mask

    def select(self, index: Index) -> _Decision:
        return _Decision(self.field, self.values[index], self.active[index])


class _Search:
    """The beginnings of the next steps of some rows, and the decisions that led to them."""

    def __init__(
        self,
        runner: Runner,
        grammar: CheckedGrammar,
        encoder: Encoder,
        hidden: Carried,
        rows: Index,
        width: int,
        ends: bool,
        judge: Judge,
    ) -> None:
        self._shape = len(rows), width
        self._rows = np.repeat(rows, width)
        self._runner, self._hidden, self._judge = runner, hidden[self._rows], judge
        self._fields, self._schema = encoder.schema.decisions, encoder.schema
        spread = grammar.select(self._rows)
        self._grammar = FieldwiseDecoder(runner, spread, encoder, [], ends=ends)
        self._steps = encoder.schema.steps(len(self._rows))
        self._nats = np.full(self._shape, np.inf)
        self._nats[:, 0] = 0.0  # a step begins in one way
        self._decided: list[_Decision] = []
        runner.begin(self._hidden, by_logits=True)

    def run(self) -> tuple[Steps, Nats]:
        """Return the steps and their nats, both (B, W)."""
        for field in self._fields:
            undecided = self._schema.active(field, self._steps) & self._there
            while undecided.any():
                undecided = self._decide(field, undecided)
        return self._steps.reshape(self._shape), self._nats

    @property
    def _there(self) -> Mask:
        """(B x W,): which beginnings there are; a row may have fewer than W."""
        return np.asarray(np.isfinite(self._nats).reshape(-1))

    def _decide(self, field: Field, undecided: Mask) -> Mask:
        """Make one choice of `field` in beginnings that need it, and keep the likeliest of all.

        Returns (B x W,): which need another choice, as bits may.
        """
        costs = np.where(undecided[:, None], self._costs(field, undecided), np.inf)
        costs[~undecided, 0] = 0.0  # what needs no choice goes on as it is
        parents, values = self._keep_best(self._nats.reshape(-1)[:, None] + costs)
        chosen = undecided[parents] & self._there
        self._steps = self._steps[parents]
        if field.kind == "bits":
            chosen &= values < field.n  # the last choice is that no further bit is on
            self._steps[field.name][chosen, values[chosen]] = 1
        else:
            self._steps[field.name][chosen] = values[chosen]
        self._go_on(parents, _Decision(field, values, chosen))
        return chosen if field.kind == "bits" else np.zeros_like(chosen)

    def _costs(self, field: Field, undecided: Mask) -> Nats:
        """Return (B x W, n) the nats of each choice of `field`; infinity where it is forbidden."""
        logits = self._runner.logits(field)
        if field.kind == "bits":  # the bits up to the highest one have been decided
            passed = np.arange(field.choices) <= highest(self._steps[field.name])[:, None]
            logits = np.where(passed, -np.inf, logits)
        logits = np.where(undecided[:, None], logits, 0.0)
        best = logits.max(axis=1, keepdims=True)
        if np.isnan(best).any():
            raise HowlkitError(NOT_A_NUMBER)
        total = best + np.log(np.exp(logits - best).sum(axis=1, keepdims=True))
        allowed = self._grammar.allowed(field, self._steps, undecided)
        added = self._judge(field, self._steps, self._rows)
        return np.where(allowed, total - logits - added, np.inf)

    def _keep_best(self, totals: Nats) -> tuple[Index, NDArray[np.int64]]:
        """Keep the W best of each row, of totals (B x W, n): whose they are, and which choice.

        Equal ones stay in the order of beginnings and values.
        """
        rows, width = self._shape
        flat = totals.reshape(rows, -1)
        order = np.argsort(flat, axis=1, kind="stable")[:, :width]
        self._nats = np.take_along_axis(flat, order, axis=1)
        parents = order // totals.shape[1] + width * np.arange(rows)[:, None]
        return parents.reshape(-1), (order % totals.shape[1]).reshape(-1)

    def _go_on(self, parents: Index, decision: _Decision) -> None:
        """Tell the runner what was decided; all of it anew where beginnings changed places."""
        moved = not np.array_equal(parents, np.arange(len(parents)))
        if moved:
            self._decided = [before.select(parents) for before in self._decided]
            self._runner.begin(self._hidden, by_logits=True)
        for made in (*(self._decided if moved else ()), decision):
            self._runner.accept(made.field, made.values, made.active)
        self._decided.append(decision)
