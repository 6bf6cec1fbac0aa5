"""Drawing a step that rules allow, so that it is as likely as among all steps of the model.

A field is drawn from what the rules leave of it. That alone would favour steps at a border: if a
shift of 0 leaves one pitch of twenty, that pitch would get all of the shift's probability. So each
draw has a weight, the product of the shares that the rules left of each field's probability, and is
kept with that probability, else drawn again as a whole. This is rejection sampling, whose result is
exact: every allowed step in proportion to its probability under the model. It stops after `TRIES`
draws; then one of them is taken by its weight (sampling importance resampling, Rubin 1987). Where
no draw had a weight, it goes on up to `MOST_TRIES`.
Rejection sampling: von Neumann 1951, "Various techniques used in connection with random digits".

Shapes: B rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from howlkit.schema import Steps

__all__ = ["MOST_TRIES", "TRIES", "draw_one_until_kept", "draw_until_kept"]

TRIES = 8
"""After so many draws one of those that rules allow is taken."""

MOST_TRIES = 64
"""After so many draws without one that rules allow, there is none."""

Draw = Callable[[NDArray[np.bool_]], tuple[Steps, NDArray[np.float64], NDArray[np.float64]]]
"""Draws a step in some rows (B,); returns steps (B,), the probability of each, and its weight."""


def draw_until_kept(
    draw: Draw, going: NDArray[np.bool_], rngs: list[np.random.Generator]
) -> tuple[Steps, NDArray[np.float64], NDArray[np.bool_]]:
    """Return steps (B,) that rules allow, the probability of each draw, and where there is one.

    going: (B,) the rows to draw in. rngs: one generator a row, which draws a number where a weight
    is neither 0 nor 1.
    """
    todo, total = going.copy(), np.zeros(len(going))
    steps, chances, weights = draw(todo)
    found = going & (weights > 0)
    for attempt in range(MOST_TRIES):
        if attempt == TRIES:
            todo = todo & ~found
        if not todo.any():
            break
        if attempt:
            others, their_chances, weights = draw(todo)
        for row in np.flatnonzero(todo & (weights > 0)).tolist():
            weight, new = float(weights[row]), attempt > 0
            if weight >= 1 or rngs[row].random() < weight:
                todo[row] = False
            elif new:  # one of all draws so far, by its weight
                new = rngs[row].random() * (total[row] + weight) < weight
            total[row] += weight
            found[row] = True
            if new:
                steps[row], chances[row] = others[row], their_chances[row]
    return steps, chances, found


def draw_one_until_kept(
    draw: Callable[[], tuple[Steps, float, float]], rng: np.random.Generator
) -> tuple[Steps, float] | None:
    """Return what `draw_until_kept` finds for a single row, in a fraction of the time.

    draw: returns a step (1,), its probability and its weight. Returns the step and its probability,
    or None if there is no step that rules allow.
    """
    total, found = 0.0, None
    for attempt in range(MOST_TRIES):
        if attempt == TRIES and found is not None:
            break
        step, chance, weight = draw()
        if not weight > 0:
            continue
        kept = weight >= 1 or rng.random() < weight
        # Else one of all draws so far, by its weight.
        if kept or not attempt or rng.random() * (total + weight) < weight:
            found = step, chance
        if kept:
            break
        total += weight
    return found
