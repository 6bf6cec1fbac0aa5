"""The search for earlier passages in compiled code, one step at a time.

The same as howlkit.network.repeats (`find_passage`), and as .repeats_by_beats (`find_by_beats`).
The last REACH steps of a row, their keys and the scores of all lags are its state. A step costs one
pass over them, whatever came before.

The state of a row is a row of bytes: R = REACH keys, R scores, R steps. The oldest step and the
longest lag come first: index r is lag R - r. By beats it is R keys, R places, R onsets, the scores
of LAGS lags, R steps; the oldest step comes first, and the shortest lag. With votes, R ranks and R
of each detail follow, -1 for none (vote_fields.py).
"""

from __future__ import annotations

import numpy as np

from howlkit.network.note_places import LAGS
from howlkit.network.repeat_scores import (
    DECAY,
    FACTOR,
    KEYS_AND_SCORES,
    MOST,
    NO_KEY,
    REACH,
    SHIFT,
)
from howlkit.sampling.kernels import ONE, Array, compiled

__all__ = ["find_by_beats", "find_passage", "set_shifts", "take_heard"]

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
def _keep_steps(record: Array, kept: Array, steps: Array) -> None:
    """Set steps to those kept and then the present one, as bytes."""
    # Of slices the compiler sees that no index is negative, so it copies many bytes at once.
    for i in range(len(kept)):
        steps[i] = kept[i]
    for i in range(len(record)):
        steps[len(kept) + i] = record[i]


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
    _keep_steps(record, before[first + size :], after[first:])
    # No score is negative, so their bits are in the same order; of these the largest is found fast.
    bits_of_scores, most = new_scores.view(np.int32), np.int32(0)
    for r in range(REACH - lag + 1):
        most = max(most, bits_of_scores[r])
    best = REACH - lag
    while bits_of_scores[best] != most:
        best -= 1
    return first + best * size, new_scores[best]


@compiled
def _score_lags(keys: Array, onsets: Array, unit: int, old_scores: Array, scores: Array) -> None:
    """Set scores (LAGS,) after the newest step, by which lags its note was played before.

    keys, onsets: (R,), the newest last. unit: the positions of a half beat.
    """
    key, onset = keys[REACH - 1], onsets[REACH - 1]
    shrink = ONE if key == NO_KEY else SHRINK
    for j in range(LAGS):
        scores[j] = old_scores[j] * shrink
    if key == NO_KEY:
        return
    for r in range(REACH - 1):
        if keys[r] == key:
            ago = onset - onsets[r]
            j = ago // unit - 1
            if 0 <= j < LAGS and ago % unit == 0:
                grown = old_scores[j] + ONE
                scores[j] = grown if grown < FULL else FULL


@compiled
def _first_after(wanted: int, places: Array) -> int:
    """Return the index of the first of rising places (R,) after the one wanted; the last is."""
    low, high = 0, len(places) - 1
    while low < high:
        middle = (low + high) // 2
        if places[middle] > wanted:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def find_by_beats(
    record: Array,
    values: Array,
    is_note: bool,
    compared: Array,
    place: Array,
    bits: Array,
    numbers: Array,
    factors: Array,
    shifted: Array,
    adds: Array,
    before: Array,
    after: Array,
) -> tuple[int, float, int]:
    """Take in one row's step; return where the step lies that comes next there, and its score.

    The place is its first byte in the new state. The third number is the shift, in positions, after
    which it would come a lag later; below 0: nothing is found.

    is_note: whether the row is a step. numbers, factors, shifted, adds: as `PassageSearch`
    (compiled_inputs.py). Other arguments as `find_passage`.
    """
    lag, unit, span, size = numbers[0], numbers[5], numbers[6], len(record)
    first_score, first = 24 * REACH, 24 * REACH + 4 * LAGS
    # Keys, places and onsets of the last steps, each moved on by one.
    old, new = before[:first_score].view(np.int64), after[:first_score].view(np.int64)
    for part in range(3):
        moved, kept = new[REACH * part :], old[REACH * part + 1 : REACH * (part + 1)]
        for r in range(len(kept)):
            moved[r] = kept[r]
    keys, places, onsets = new[:REACH], new[REACH : 2 * REACH], new[2 * REACH :]
    key, onset, rank = np.int64(NO_KEY), old[3 * REACH - 1], np.int64(0)
    if is_note:
        key = np.int64(_key(record, values, compared, place, bits))
        for i in range(len(shifted)):
            onset += adds[i, values[shifted[i]]]
    for c in range(len(factors)):
        rank += factors[c] * values[c]
    keys[REACH - 1], onsets[REACH - 1] = key, onset
    places[REACH - 1] = max(old[2 * REACH - 1], onset * span + rank)
    stop = first + REACH * size
    _keep_steps(record, before[first + size : stop], after[first:stop])
    scores = after[first_score:first].view(np.float32)
    _score_lags(keys, onsets, unit, before[first_score:first].view(np.float32), scores)
    best = lag - 1
    for j in range(lag, LAGS):
        if scores[j] > scores[best]:
            best = j
    back = (best + 1) * unit
    found = _first_after(places[REACH - 1] - back * span, places)
    shift = np.int64(-1) if keys[found] == NO_KEY else onsets[found] + back - onset
    return first + found * size, scores[best], int(shift)


@compiled
def take_heard(
    values: Array,
    active: Array,
    is_note: bool,
    factors: Array,
    details: Array,
    unit: int,
    size: int,
    before: Array,
    after: Array,
    heard: Array,
) -> None:
    """Take in one row's step after `find_by_beats`, and set what votes are counted from.

    heard: (LAGS + (2 + D) REACH,): the score of each lag and, of each step remembered, how many
    positions before the present one its note began, its rank, and its details.

    values, active: (C,) of the step. is_note: whether the row is a step. factors: (C,) what one
    more in a column adds to the rank. details: (D,) columns. unit: the positions of a half beat.
    size: the bytes of a step. before, after: the states of the row; `after` is written to.
    """
    first_score = 24 * REACH
    first = first_score + 4 * LAGS
    begin = first + REACH * size
    old, new = before[begin:].view(np.int32), after[begin:].view(np.int32)
    for part in range(1 + len(details)):
        moved, kept = new[REACH * part :], old[REACH * part + 1 : REACH * (part + 1)]
        for r in range(len(kept)):
            moved[r] = kept[r]
        moved[REACH - 1] = -1
    rank = 0
    for c in range(len(factors)):
        rank += factors[c] * values[c]
    if is_note:
        new[REACH - 1] = rank
        for d in range(len(details)):
            if active[details[d]]:
                new[REACH * (d + 2) - 1] = values[details[d]]
    scores, onsets = after[first_score:first].view(np.float32), after[:first_score].view(np.int64)
    for j in range(LAGS):
        heard[j] = scores[j]
    newest, far = onsets[3 * REACH - 1], (LAGS + 1) * unit
    for r in range(REACH):
        heard[LAGS + r] = min(newest - onsets[2 * REACH + r], far)
    for r in range((1 + len(details)) * REACH):
        heard[LAGS + REACH + r] = new[r]


@compiled
def set_shifts(shift: int, shifted: Array, adds: Array, values: Array) -> None:
    """Set values (C,) in the columns shifted to those that add up to shift, or to a little less.

    adds: (shifts, n), rising from 0; what each value adds.
    """
    for i in range(len(shifted)):
        value = 0
        while value + 1 < adds.shape[1] and 0 < adds[i, value + 1] <= shift:
            value += 1
        values[shifted[i]] = value
        shift -= adds[i, value]
