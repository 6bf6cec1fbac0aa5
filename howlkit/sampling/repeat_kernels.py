"""The search for earlier passages in compiled code: the same as howlkit.network.repeats, one step.

The last REACH steps of a row, their keys and the scores of all lags are its state. A step costs one
pass over them, whatever came before.

Letters: R = REACH steps and lags, the oldest and the longest first: index r is lag R - r.
"""

from __future__ import annotations

import numpy as np

from howlkit.network.repeat_scores import DECAY, FACTOR, MOST, SHIFT
from howlkit.sampling.kernels import ONE, Array, compiled

__all__ = ["find_passage", "keep_passages"]

SHRINK, FULL = np.float32(DECAY), np.float32(MOST)
MULTIPLIER = np.int64(FACTOR)
BITS_OF_KEY = np.int64(2**62 - 1)


@compiled
def _key(record: Array, values: Array, compared: Array, place: Array, bits: Array) -> int:
    """Return the key of a step: a hash of its values (C,) in the compared columns."""
    key = np.int64(values[0])  # mark
    for c in compared:
        value = np.int64(values[c])
        if bits[c]:
            value = np.int64(0)
            for bit in range(bits[c]):
                value += np.int64(record[place[c] + bit]) * (np.int64(bit + 1) * MULTIPLIER)
        key = (key ^ value) * MULTIPLIER
        key = key ^ (key >> SHIFT)
    return int(key & BITS_OF_KEY)


@compiled
def find_passage(
    record: Array,
    values: Array,
    compared: Array,
    place: Array,
    bits: Array,
    lag: int,
    steps: Array,
    keys: Array,
    scores: Array,
    new_steps: Array,
    new_keys: Array,
    new_scores: Array,
) -> tuple[int, float]:
    """Take in one row's step; return where the step lies that followed the best passage, its score.

    The place is an index of the new steps; of equally good passages the nearest counts.

    record: the step as bytes, and values (C,) in its columns. compared: the columns in which steps
    must be equal. place, bits: (C,) of the fields. lag: the smallest that counts. steps (R bytes,),
    keys (R,), scores (R,): the state before. new_steps, new_keys, new_scores: written to.
    """
    reach, size = len(keys), len(record)
    key = _key(record, values, compared, place, bits)
    for r in range(reach):
        grown = scores[r] + ONE
        grown = grown if grown < FULL else FULL
        new_scores[r] = grown if keys[r] == key else scores[r] * SHRINK
    for r in range(reach - 1):
        new_keys[r] = keys[r + 1]
    new_keys[reach - 1] = key
    last = (reach - 1) * size
    for i in range(last):
        new_steps[i] = steps[i + size]
    for i in range(size):
        new_steps[last + i] = record[i]
    best, score = 0, new_scores[0]
    for r in range(1, reach - lag + 1):
        if new_scores[r] >= score:
            best, score = r, new_scores[r]
    return best, score


@compiled
def keep_passages(
    steps: Array, keys: Array, scores: Array, new_steps: Array, new_keys: Array, new_scores: Array
) -> None:
    """Copy the state of a row that takes in no step."""
    for i in range(len(steps)):
        new_steps[i] = steps[i]
    for r in range(len(keys)):
        new_keys[r], new_scores[r] = keys[r], scores[r]
