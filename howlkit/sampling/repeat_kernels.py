"""The search for earlier passages in compiled code: the same as howlkit.network.repeats, one step.

The last REACH steps of a row, their keys and the scores of all lags are its state. A step costs one
pass over them, whatever came before.

The state of a row is a row of bytes: R = REACH keys, R scores, R steps. The oldest step and the
longest lag come first: index r is lag R - r.
"""

from __future__ import annotations

import numpy as np

from howlkit.network.repeat_scores import (
    DECAY,
    FACTOR,
    KEYS_AND_SCORES,
    MOST,
    REACH,
    SHIFT,
)
from howlkit.sampling.kernels import ONE, Array, compiled

__all__ = ["find_passage"]

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
    before: Array,
    after: Array,
) -> tuple[int, float]:
    """Take in one row's step; return where the step lies that followed the best passage, its score.

    The place is its first byte in the new state; of equally good passages the nearest counts.

    record: the step as bytes, and values (C,) in its columns. compared: the columns in which steps
    must be equal. place, bits: (C,) of the fields. lag: the smallest that counts. before: the state
    of a row. after: written to, the new state.
    """
    size, first = len(record), REACH * KEYS_AND_SCORES
    keys, new_keys = before[: 8 * REACH].view(np.int64), after[: 8 * REACH].view(np.int64)
    scores = before[8 * REACH : first].view(np.float32)
    new_scores = after[8 * REACH : first].view(np.float32)
    key = _key(record, values, compared, place, bits)
    for r in range(REACH):
        grown = scores[r] + ONE
        grown = grown if grown < FULL else FULL
        new_scores[r] = grown if keys[r] == key else scores[r] * SHRINK
    for r in range(REACH - 1):
        new_keys[r] = keys[r + 1]
    new_keys[REACH - 1] = key
    # Of slices the compiler sees that no index is negative, so it copies many bytes at once.
    steps, kept = after[first:], before[first + size :]
    for i in range(len(kept)):
        steps[i] = kept[i]
    for i in range(size):
        steps[len(kept) + i] = record[i]
    # No score is negative, so their bits are in the same order; of these the largest is found fast.
    bits_of_scores, most = new_scores.view(np.int32), np.int32(0)
    for r in range(REACH - lag + 1):
        most = max(most, bits_of_scores[r])
    best = REACH - lag
    while bits_of_scores[best] != most:
        best -= 1
    return first + best * size, new_scores[best]
