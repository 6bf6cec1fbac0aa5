"""What a step gives to a network, in compiled code: the same as `Network._embed`, in float32.

A step's values, and those of the step that followed an earlier passage, are rows of tables. Their
sum enters the backbone. What reaches the heads around it, and what they need to know of the step
besides, are the numbers `beside` a hidden vector (compiled_inputs.py says in which order).

Letters: B rows, C columns of a step, G width of what enters a backbone, K decisions, W width of a
head, R rows of the tables, P references to the step before, F fields with hints.
"""

from __future__ import annotations

import numpy as np

from howlkit.network.note_places import LAGS
from howlkit.network.repeat_scores import REACH
from howlkit.sampling.kernels import Array, add_row, compiled
from howlkit.sampling.repeat_kernels import (
    find_by_beats,
    find_passage,
    set_shifts,
    take_heard,
)
from howlkit.sampling.running_kernels import add_scaled, take_counts
from howlkit.schema import STEP

__all__ = ["enter", "is_active", "read_values"]


@compiled
def is_active(c: int, values: Array, active: Array, control: Array, when: Array) -> bool:
    """Return whether column c is active in this row, as `Schema.active`."""
    before = control[c]
    return bool(before < 0 or (active[before] and when[c, values[before]]))


@compiled
def read_values(record: Array, place: Array, wide: Array, control: Array, when: Array,
                values: Array, active: Array) -> None:  # fmt: skip
    """Set values, active (C,) from a row of steps as bytes; of bits, values has the first."""
    for c in range(len(place)):
        values[c] = record[place[c]]
        if wide[c]:
            values[c] += 256 * np.int64(record[place[c] + 1])
        active[c] = is_active(c, values, active, control, when)


@compiled
def _table_rows(record: Array, place: Array, bits: Array, start: Array, values: Array,
                active: Array, more: int, index: Array) -> int:  # fmt: skip
    """Set index (.,) to the rows that a step has in the tables, plus `more`; return their number.

    A column that is not active has none, and bits have one for each bit that is on.
    """
    count = 0
    for c in range(len(place)):
        if not active[c]:
            continue
        if bits[c]:
            for bit in range(bits[c]):
                if record[place[c] + bit]:
                    index[count] = start[c] + bit + more
                    count += 1
        else:
            index[count] = start[c] + values[c] + more
            count += 1
    return count


@compiled
def enter(
    records: Array,
    going: Array,
    place: Array,
    wide: Array,
    bits: Array,
    control: Array,
    when: Array,
    start: Array,
    tables: Array,
    bias: Array,
    around: Array,
    around_bias: Array,
    before: Array,
    x: Array,
    beside: Array,
    search: tuple[Array, ...] | None,
    running: tuple[Array, ...] | None,
) -> None:
    """Set x (B, G) and beside (B, S) to what B rows of steps give, in the rows that are going (B,).

    records: (B, bytes). place .. start: (C,) of the fields, as `FieldArrays`. tables: (R, G), a row
    for each value, and bias (G,). around: (R, K W), what each value gives to the heads around the
    backbone, and around_bias (K W,); empty if nothing does. before: (P, 2), the references to the
    step before: a column, and a number to add. search: None, or
    the arrays of `compiled_inputs.PassageSearch.next`; running: None, or those of
    `compiled_running.RunningInputs.next`. Their new states are written to.
    """
    columns, several = len(place), 1
    for c in range(columns):
        several += bits[c] if bits[c] else 1
    values, active = np.empty(columns, np.int64), np.empty(columns, np.bool_)
    index = np.empty(2 * several + 1, np.int64)
    if search is not None:
        (compared, hinted, numbers, classes, factors, shifted, adds, details, passages,
         new_passages) = search  # fmt: skip
    for b in range(len(records)):
        if not going[b]:
            if search is not None:
                new_passages[b] = passages[b]
            if running is not None:
                running[5][b] = running[4][b]
            continue
        record, mine = records[b], beside[b]
        read_values(record, place, wide, control, when, values, active)
        count = _table_rows(record, place, bits, start, values, active, 0, index)
        first_around = 0
        if search is not None:
            if not numbers[3]:  # the step itself reaches no heads around the backbone
                first_around = count
        first = around.shape[1]
        for p in range(len(before)):
            value = values[before[p, 0]]
            mine[first + p] = value + before[p, 1] if value > 0 else -1
        first += len(before)
        profiles = mine[first:]
        if running is not None:
            row = take_counts(b, values[0], index[:count], profiles, running)
            if row >= 0:
                index[count] = row
                count += 1
        if search is not None:
            lag, moved, first_score = numbers[0], numbers[1], numbers[2]
            first, shift = len(mine) - 1 - len(hinted), 0
            if numbers[4]:
                best, score, shift = find_by_beats(
                    record, values, values[0] == STEP, compared, place, bits, numbers, factors,
                    shifted, adds, passages[b], new_passages[b],
                )  # fmt: skip
                if numbers[7]:
                    heard = mine[first - LAGS - (2 + len(details)) * REACH : first]
                    take_heard(
                        values, active, values[0] == STEP, factors, details, numbers[5],
                        len(record), passages[b], new_passages[b], heard,
                    )  # fmt: skip
            else:
                best, score = find_passage(
                    record, values, compared, place, bits, lag, passages[b], new_passages[b]
                )
            score_class = 0
            while shift >= 0 and score_class < len(classes) and classes[score_class] <= score:
                score_class += 1
            for f in range(len(hinted)):
                mine[first + 1 + f] = -1
            mine[first] = score_class
            if score_class > 0:
                found = new_passages[b, best : best + len(record)]
                read_values(found, place, wide, control, when, values, active)
                if numbers[4]:
                    set_shifts(shift, shifted, adds, values)
                count += _table_rows(
                    found, place, bits, start, values, active, moved, index[count:]
                )
                for f in range(len(hinted)):
                    if active[hinted[f]]:
                        mine[first + 1 + f] = values[hinted[f]]
            index[count] = first_score + score_class
            count += 1
        add_row(tables, index[:count], bias, x[b])
        if len(around):
            add_row(around, index[first_around:count], around_bias, mine[: around.shape[1]])
        if running is not None:
            add_scaled(tables, profiles, x[b], running)
            if len(around):
                add_scaled(around, profiles, mine[: around.shape[1]], running)
