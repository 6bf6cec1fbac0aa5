"""Inputs that are counted from step to step, in compiled code, for one row.

The same as howlkit.network.elapsed, .pitch_classes and .last_pitch, one step at a time.
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.network.input_state import CLASSES, EDGES_AT
from howlkit.sampling.kernels import Array, compiled
from howlkit.schema import STEP

__all__ = ["add_scaled", "take_counts"]

ELAPSED_ROW, SHARES_ROW, HAS_LAST, HALF_LIFE = range(4)
"""What `numbers` are: the first rows in the tables of two inputs, -1 for none; a flag; notes."""

ELAPSED, DRUMS, LAST, COUNTS = range(4)
"""What the state of a row is, all as floats; the counts of pitch classes come last."""

EDGES = np.array(EDGES_AT)


@compiled
def take_counts(b: int, mark: int, rows: Array, beside: Array, running: tuple[Array, ...]) -> int:
    """Take a step of row b into the counts; return the row of the tables for elapsed steps, or -1.

    mark: of the step. rows: the rows of its values in the tables. beside: written to: the shares of
    the pitch classes (12,), and the pitch begun last, as far as there are such inputs. running:
    `compiled_running.RunningInputs.next`.
    """
    numbers, pitch_of, drum_of, before, after = running
    old, new = before[b], after[b]
    settled, highest, begun = -1, -1, np.zeros(CLASSES)
    for row in rows:
        settled = max(settled, drum_of[row])
    new[DRUMS] = settled if settled >= 0 else old[DRUMS]
    notes = 0
    if new[DRUMS] == 0:
        for row in rows:
            if pitch_of[row] >= 0:
                begun[pitch_of[row] % CLASSES] += 1.0
                notes += 1
                highest = max(highest, pitch_of[row])
    decay, total = math.pow(2.0, -notes / numbers[HALF_LIFE]), 0.0
    for c in range(CLASSES):
        new[COUNTS + c] = decay * old[COUNTS + c] + begun[c]
        total += new[COUNTS + c]
    new[LAST] = highest if highest >= 0 else old[LAST]
    new[ELAPSED] = old[ELAPSED] + (mark == STEP)
    first = 0
    if numbers[SHARES_ROW] >= 0:
        for c in range(CLASSES):
            beside[c] = new[COUNTS + c] / (1.0 + total)
        first = CLASSES
    if numbers[HAS_LAST]:
        beside[first] = new[LAST]
    if numbers[ELAPSED_ROW] < 0:
        return -1
    edge = 0
    while edge < len(EDGES) and EDGES[edge] <= new[ELAPSED]:
        edge += 1
    return int(numbers[ELAPSED_ROW] + edge)


@compiled
def add_scaled(tables: Array, shares: Array, y: Array, running: tuple[Array, ...]) -> None:
    """Add to y (G,) what the shares (12,) of the pitch classes give by their rows of tables."""
    first = running[0][SHARES_ROW]
    if first < 0:
        return
    for c in range(CLASSES):
        row = tables[first + c]
        for j in range(len(y)):
            y[j] += shares[c] * row[j]
