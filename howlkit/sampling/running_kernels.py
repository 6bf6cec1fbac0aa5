"""Inputs that are counted from step to step, in compiled code, for one row.

The same as howlkit.network.elapsed, .pitch_classes and .last_pitch, one step at a time.
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.network.input_state import CLASSES
from howlkit.sampling.kernels import ONE, ZERO, Array, compiled
from howlkit.schema import STEP

__all__ = ["add_scaled", "keep_counts", "take_counts"]

ELAPSED, SHARES, LAST = range(3)
"""What `numbers` are: the first rows in the tables of two inputs, -1 for none; and a flag."""


@compiled
def take_counts(b: int, mark: int, rows: Array, beside: Array, running: tuple[Array, ...]) -> int:
    """Take a step of row b into the counts; return the row of the tables for elapsed steps, or -1.

    mark: of the step. rows: the rows of its values in the tables. beside: written to: the shares of
    the pitch classes (12,), and the pitch begun last, as far as there are such inputs. running:
    `compiled_running.RunningInputs.next`.
    """
    (numbers, edges, half_life, pitch_of, drum_of, elapsed, counts, drums, last,
     new_elapsed, new_counts, new_drums, new_last) = running  # fmt: skip
    settled, highest, begun = -1, -1, np.zeros(CLASSES, np.float32)
    for row in rows:
        settled = max(settled, drum_of[row])
    new_drums[b] = settled == 1 if settled >= 0 else drums[b]
    notes = 0
    if not new_drums[b]:
        for row in rows:
            if pitch_of[row] >= 0:
                begun[pitch_of[row] % CLASSES] += ONE
                notes += 1
                highest = max(highest, pitch_of[row])
    decay, total = np.float32(math.pow(2.0, -notes / half_life[0])), ZERO
    for c in range(CLASSES):
        new_counts[b, c] = decay * counts[b, c] + begun[c]
        total += new_counts[b, c]
    new_last[b] = highest if highest >= 0 else last[b]
    new_elapsed[b] = elapsed[b] + (mark == STEP)
    first = 0
    if numbers[SHARES] >= 0:
        for c in range(CLASSES):
            beside[c] = new_counts[b, c] / (ONE + total)
        first = CLASSES
    if numbers[LAST]:
        beside[first] = new_last[b]
    if numbers[ELAPSED] < 0:
        return -1
    edge = 0
    while edge < len(edges) and edges[edge] <= new_elapsed[b]:
        edge += 1
    return int(numbers[ELAPSED] + edge)


@compiled
def keep_counts(b: int, running: tuple[Array, ...]) -> None:
    """Copy the counts of a row that takes in no step."""
    (numbers, edges, half_life, pitch_of, drum_of, elapsed, counts, drums, last,
     new_elapsed, new_counts, new_drums, new_last) = running  # fmt: skip
    new_elapsed[b], new_drums[b], new_last[b] = elapsed[b], drums[b], last[b]
    for c in range(CLASSES):
        new_counts[b, c] = counts[b, c]


@compiled
def add_scaled(tables: Array, shares: Array, y: Array, running: tuple[Array, ...]) -> None:
    """Add to y (G,) what the shares (12,) of the pitch classes give by their rows of tables."""
    first = running[0][SHARES]
    if first < 0:
        return
    for c in range(CLASSES):
        row = tables[first + c]
        for j in range(len(y)):
            y[j] += shares[c] * row[j]
