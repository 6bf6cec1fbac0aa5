"""Deciding one step of B rows field by field, as the grammar allows; and checking given steps.

This way works for every encoder and every network, and is the only one for functions that change
logits. `Runner.sample_step` is quicker where a runner and a grammar have it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.plugins.attribution import owner_of
from howlkit.plugins.checked import unwrapped
from howlkit.plugins.contracts import advice
from howlkit.protocols import Encoder, Grammar, LogitsFunction
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.rule_arrays import Judged
from howlkit.sampling.runner import Runner
from howlkit.schema import END, MARK, STEP, Field, Steps

__all__ = ["FieldwiseDecoder", "accepts", "check_allowed", "highest", "without_end"]

Mask = NDArray[np.bool_]


class FieldwiseDecoder:
    """Decides the next step of B rows.

    runner: runs the network, and has begun the step. grammar: of the rows, as they stand. rngs: one
    generator a row. ends: whether the model may end a piece.
    """

    def __init__(
        self,
        runner: Runner,
        grammar: Grammar,
        encoder: Encoder,
        rngs: list[np.random.Generator],
        *,
        ends: bool,
    ) -> None:
        self._runner, self._grammar, self._encoder = runner, grammar, encoder
        self._rngs, self._ends = rngs, ends

    def decide(
        self,
        step: Steps,
        going: Mask,
        uniforms: NDArray[np.float64],
        params: SamplingParams,
        functions: Sequence[LogitsFunction],
        judged: Judged | None = None,
    ) -> NDArray[np.float64]:
        """Decide `step` (B,), in place, in the rows that are going (B,).

        uniforms: (B, K), one a field. params, functions: as in `Session.step`. judged: the rules;
        where they leave nothing (`judged.left` is 0), a step is not decided to its end. Returns
        (B, decisions): the probability with which each value was drawn; 1 where none was. A field
        of bits takes several decisions.
        """
        drawn: list[NDArray[np.float64]] = []
        for k, field in enumerate(self._encoder.schema.decisions):
            if judged is not None:
                going = going & (judged.left > 0)
            undecided = active = going & self._encoder.schema.active(field, step)
            draws = uniforms[:, k]
            while undecided.any():
                allowed = self.allowed(field, step, undecided)
                values, chances = self._runner.sample_field(
                    field, step, undecided, allowed, draws, params, functions, judged
                )
                drawn.append(np.where(undecided, chances, 1.0))
                if field.kind != "bits":
                    step[field.name][active] = values[active]
                    self._runner.accept(field, values, active)
                    break
                # Each value is the next bit that is on, from the lowest up, until it is "none".
                undecided = undecided & (values < field.n)
                step[field.name][undecided, values[undecided]] = 1
                self._runner.accept(field, values, undecided)
                draws = self._next_uniforms(undecided)
        return np.stack(drawn, axis=1) if drawn else np.ones((len(step), 0))

    def _next_uniforms(self, going: Mask) -> NDArray[np.float64]:
        """Return (B,): another uniform for each row that is going."""
        uniforms = np.zeros(len(going))
        for row in np.flatnonzero(going):
            uniforms[row] = self._rngs[row].random()
        return uniforms

    def allowed(self, field: Field, given: Steps, active: Mask) -> Mask:
        """Return (B, field.choices): the values allowed; all values in rows that are not active."""
        allowed = self._grammar.allowed(field, given)
        if field is MARK and not self._ends:
            allowed = allowed.copy()
            without_end(allowed)
        if field.kind == "bits":
            allowed = allowed & (np.arange(field.choices) > highest(given[field.name])[:, None])
        if not active.all():
            allowed = allowed | ~active[:, None]
        if not allowed.any(axis=1).all():
            raise HowlkitError(
                f"{owner_of(unwrapped(self._encoder))}: its grammar allows no value at all for "
                f"{field.name!r}{advice(self._encoder)}"
            )
        return allowed


def check_allowed(
    encoder: Encoder, grammar: Grammar, ended: Mask, steps: Steps, lengths: NDArray[np.int64]
) -> None:
    """Raise HowlkitError if the grammar does not allow a step, or a step follows an end.

    grammar, ended: of B rows, before the steps; not changed. steps: (B, T), of which lengths (B,)
    count.
    """
    grammar, ended = grammar.select(np.arange(len(steps))), ended.copy()
    for t in range(steps.shape[1]):
        step, rows = steps[:, t], lengths > t
        if (rows & ended).any():
            raise HowlkitError("steps were fed after the end of the piece; rewind first")
        for field in encoder.schema.decisions:
            active = rows & encoder.schema.active(field, step)
            wrong = np.flatnonzero(active & ~accepts(grammar, field, step))
            if len(wrong):
                value = step[field.name][wrong[0]].tolist()
                raise HowlkitError(
                    f"row {wrong[0]}: {field.name}={value} is not allowed here "
                    f"by encoder {encoder.name!r}; feed what its `encode` returned"
                )
        grammar.push(step, rows)
        ended |= rows & (step["mark"] == END)


def accepts(grammar: Grammar, field: Field, step: Steps) -> Mask:
    """Return (B,): whether the grammar allows the value of `field` in `step` (B,)."""
    values = step[field.name]
    if field.kind != "bits":
        allowed = grammar.allowed(field, step)
        value = np.minimum(values, field.n - 1).astype(np.intp)
        return np.asarray(allowed[np.arange(len(step)), value] & (values == value))
    so_far, good = step.copy(), np.ones(len(step), bool)
    so_far[field.name] = 0
    for bit in (*np.flatnonzero(values.any(axis=0)), field.n):
        chosen = values[:, bit] > 0 if bit < field.n else np.ones(len(step), bool)
        good &= ~chosen | grammar.allowed(field, so_far)[:, bit]
        if bit < field.n:
            so_far[field.name][:, bit] = values[:, bit]
    return good


def without_end(mark: Mask) -> None:
    """Forbid the end in a mask of `mark`, (B, 3), in place, in rows that allow a step too.

    Where the grammar allows nothing but an end, the end stays, since some value must be allowed.
    """
    if len(mark) == 1:  # numbers take a tenth of the time
        mark[0, END] = mark[0, END] and not mark[0, STEP]
    else:
        mark[:, END] &= ~mark[:, STEP]


def highest(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return (B,) the highest bit that is on in each row of values (B, n); -1 if none is on."""
    n = values.shape[1]
    return np.where(values.any(axis=1), n - 1 - values[:, ::-1].argmax(axis=1), -1)
