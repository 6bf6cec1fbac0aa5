"""Drawing the next step of a session's rows, as the grammar and the rules allow.

Shapes: B rows, K decisions a step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.protocols import LogitsFunction, StepMask
from howlkit.sampling.decoding import FieldwiseDecoder, without_end
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.rule_arrays import Judged
from howlkit.sampling.ruled import SessionRules
from howlkit.sampling.ruled_draws import draw_one_until_kept, draw_until_kept
from howlkit.sampling.session_rows import SessionRows
from howlkit.schema import END, START, Steps

__all__ = ["StepDrawing"]

MOST_RETURNS = 64
"""How often in a row a row goes back where rules leave nothing, until that is an error."""

Mask = NDArray[np.bool_]
Chances = NDArray[np.float64]


class StepDrawing:
    """The draw of one step. params, functions: as in `Session.step`. ends: as in `Limit`."""

    def __init__(
        self,
        rows: SessionRows,
        params: SamplingParams,
        functions: Sequence[LogitsFunction],
        *,
        ends: bool,
    ) -> None:
        self._rows, self._params, self._functions, self._ends = rows, params, functions, ends
        self._mask: StepMask | None = None  # of the step, once it was asked for

    def run(self, step: Steps, going: Mask) -> Chances:
        """Draw `step` (B,), in place, in the rows that are going (B,).

        Returns (B, .), the probabilities of its values in that draw, or of all of them together.
        Rows for which the rules leave nothing go back a little, and are drawn from there.
        """
        rules = self._rows.rules
        if rules is None:
            return self._draw(step, going, None)
        if len(step) > 1:
            return self._draw_rows(rules, step, going)
        return self._draw_row(rules, step, going)

    def _draw(self, step: Steps, going: Mask, judged: Judged | None) -> Chances:
        """Draw `step` (B,) once in the rows that are going (B,); return (B, .) as `run`.

        judged: the rules, if there are any, which say in `judged.left` what they left.
        """
        rows, uniforms = self._rows, self._uniforms(going)
        runner, at = rows.runner, rows.at
        if not self._functions and runner.sample_step(
            at.hidden, step, going, self._step_mask, uniforms, self._params, judged
        ):
            return uniforms
        fields = FieldwiseDecoder(runner, at.grammar, rows.encoder, rows.rngs, ends=self._ends)
        runner.begin(at.hidden)
        return fields.decide(step, going, uniforms, self._params, self._functions, judged)

    def _uniforms(self, going: Mask) -> NDArray[np.float64]:
        """Return (B, K) numbers in [0, 1); rows that are done draw nothing."""
        rngs, shape = self._rows.rngs, (len(going), len(self._rows.schema.decisions))
        if len(rngs) == 1 and going[0]:  # the same numbers, sooner
            return rngs[0].random(shape)
        drawn = np.zeros(shape)
        for rng, row, draws in zip(rngs, drawn, going.tolist(), strict=True):
            if draws:
                rng.random(out=row)
        return drawn

    def _step_mask(self) -> StepMask | None:
        """Return the mask of the whole next step; None if the grammar cannot give one."""
        if self._mask is None:
            self._mask = mask = self._rows.at.grammar.step_mask()
            if mask is not None:
                mask.allowed[:, START] = False  # never predicted, whatever a grammar says
                if not self._ends:
                    without_end(mask.allowed)  # `mark` comes first
        return self._mask

    # By rules -----------------------------------------------------------------------------------

    def _draw_row(self, rules: SessionRules, step: Steps, going: Mask) -> Chances:
        """Draw the step of a single row; return (1, .), as `run`.

        Most first draws are kept. Then the step lies in `step` already.
        """
        if not going[0]:
            return np.ones((1, 1))
        rng, judged = self._rows.rngs[0], self._judged(rules)
        if judged is not None:
            chances = self._draw(step, going, judged)
            if (left := float(judged.left[0])) >= 1 or rng.random() < left:
                return chances

        def draw() -> tuple[Steps, float, float]:
            trial, chances, left = self._trial(rules, going)
            return trial, float(chances[0]), float(left[0])

        while (found := draw_one_until_kept(draw, rng)) is None:
            self._go_back(going)
        step[:], chance = found
        return np.array([[chance]])

    def _draw_rows(self, rules: SessionRules, step: Steps, going: Mask) -> Chances:
        """Draw the steps of several rows; return (B, 1), as `run`."""

        def draw(rows: Mask) -> tuple[Steps, Chances, Chances]:
            return self._trial(rules, rows)

        todo, chances = going, np.ones(len(going))
        while True:
            found_steps, found_chances, found = draw_until_kept(draw, todo, self._rows.rngs)
            step[found], chances[found] = found_steps[found], found_chances[found]
            todo = todo & ~found
            if not todo.any():
                return chances[:, None]
            self._go_back(todo)

    def _trial(self, rules: SessionRules, rows: Mask) -> tuple[Steps, Chances, Chances]:
        """Return steps (B,) drawn once, the probability of each, and what the rules left of it."""
        trial = self._rows.schema.steps(len(rows))
        trial["mark"] = END
        judged = self._judged(rules)
        chances = self._draw(trial, rows, judged)
        left = rules.left_whole(self._rows, trial, rows) if judged is None else judged.left
        return trial, chances.prod(axis=1), left

    def _judged(self, rules: SessionRules) -> Judged | None:
        """Return the rules for the next step; None if they judge whole steps only.

        Where functions change logits these are in Python's hands, and so are the rules.
        """
        return rules.judged(self._rows.at, compiled=not self._functions)

    def _go_back(self, rows: Mask) -> None:
        """Take back 4 steps of rows (B,), and up to 64 if that did not help; none that was fed.

        Raises HowlkitError if a row went back `MOST_RETURNS` times and got no further.
        """
        at = self._rows.at
        further = rows & (at.lengths > at.furthest)
        returns = np.where(further, 0, at.returns) + rows
        furthest = np.where(further, at.lengths, at.furthest)
        if (returns > MOST_RETURNS).any():
            raise HowlkitError(
                f"row {int(returns.argmax())}: the rules leave nothing that may come next, after "
                f"{MOST_RETURNS} other ways were tried. Ask for less: a wider range, more notes at "
                "once, more instruments; or --without all, to leave out the default rules"
            )
        least = np.maximum(at.fed, 1)
        shorter = np.maximum(at.lengths - (4 << np.minimum(returns // 4, 4)), least)
        self._rows.rewind(np.where(rows, shorter, at.lengths), often=True)
        self._rows.at.returns, self._rows.at.furthest = returns, furthest
        self._mask = None  # of the step that was next before
