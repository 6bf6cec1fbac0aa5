"""The fields and the heads of a step in compiled code: the same as network.py, in float32.

There is a function for one row, and there are parts for many rows, between which torch multiplies
matrices (compiled_runner.py).

Letters: B rows, C columns of a step, G width of what enters a backbone, D width of the hidden
vector, K decisions, W width of a head, N all their choices side by side, R rows of the tables (one
for each value of each column, and row 0, which is zero).
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.sampling.drawing_kernels import NOTHING, draw, share_left
from howlkit.sampling.kernels import Array, add_row, compiled, gelu, product
from howlkit.sampling.rule_arrays import RuleArrays
from howlkit.sampling.rule_kernels import begin_decision, begin_sums, judge, take_in

INFINITY = np.float32(np.inf)
RESTART, BASES, SUMS, LEFT = map(RuleArrays._fields.index, ("restart", "bases", "sums", "left"))

__all__ = ["decide_field", "decide_row", "enter", "gelus", "price_row", "read", "settled"]


@compiled
def _is_active(c: int, values: Array, active: Array, control: Array, when: Array) -> bool:
    """Return whether column c is active in this row, as `Schema.active`."""
    before = control[c]
    return bool(before < 0 or (active[before] and when[c, values[before]]))


@compiled
def _read(record: Array, place: Array, wide: Array, control: Array, when: Array, start: Array,
          values: Array, active: Array, index: Array) -> None:  # fmt: skip
    """Set values, active, index (C,) from a row of steps as bytes; an inactive column has row 0."""
    for c in range(len(place)):
        values[c] = record[place[c]]
        if wide[c]:
            values[c] += 256 * np.int64(record[place[c] + 1])
        active[c] = _is_active(c, values, active, control, when)
        index[c] = start[c] + values[c] if active[c] else 0


@compiled
def _write(value: int, c: int, record: Array, place: Array, wide: Array) -> None:
    """Write the value of column c into a row of steps as bytes."""
    record[place[c]] = value & 255
    if wide[c]:
        record[place[c] + 1] = value >> 8


@compiled
def _only(allowed: Array, least: int) -> int:
    """Return the only value allowed from `least` on; NOTHING if there are several, or none."""
    found = NOTHING
    for v in range(least, len(allowed)):
        if allowed[v]:
            if found >= 0:
                return NOTHING
            found = v
    return found


@compiled
def enter(
    record: Array,
    place: Array,
    wide: Array,
    control: Array,
    when: Array,
    start: Array,
    tables: Array,
    bias: Array,
    x: Array,
) -> None:
    """Set x (G,) to a backbone's input: the sum of the table rows of one row's values, and bias.

    record .. start: as `decide_row`. tables: (R, G), a row for each value. bias: (G,).
    """
    values, active = np.empty(len(place), np.int64), np.empty(len(place), np.bool_)
    index = np.empty(len(place), np.int64)
    _read(record, place, wide, control, when, start, values, active, index)
    add_row(tables, index, bias, x)


@compiled
def decide_row(
    first: int,
    stop: int,
    hidden: Array,
    from_hidden: Array,
    from_hidden_bias: Array,
    added: Array,
    out: Array,
    out_bias: Array,
    begin: Array,
    column: Array,
    control: Array,
    when: Array,
    start: Array,
    place: Array,
    wide: Array,
    allowed: Array,
    least: Array,
    uniforms: Array,
    params: Array,
    record: Array,
    values: Array,
    active: Array,
    head_inputs: Array,
    logits: Array,
    weights: Array,
    rules: tuple[Array, ...] | None,
) -> int:
    """Decide the decisions first .. stop - 1 of one row after hidden (D,); return 0, or a fault.

    A fault is 8 k - NOTHING or 8 k - NOT_A_NUMBER, of decision k.

    from_hidden: (K W, D) and from_hidden_bias: (K W,), the linear map from `hidden` to the inputs
    of all heads. added: (R, K W), what a decided value gives to the heads after it; empty if heads
    are independent. out: (N, W) and out_bias: (N,), the last layers of all heads. begin: (K + 1,)
    the first row of each head in them. column: (K,) of each decision. control: (C,) the column on
    which a column depends, -1 for none; when: (C, .) for which of its values. start: (C,) the first
    row of a column in the tables. place, wide: (C,) where the value of a column lies in a row of
    bytes, and whether it takes two bytes. allowed: (N,) and least: (K,), as `protocols.StepMask`.
    uniforms: (K,). params: (K, 5), as in `draw`.

    Written to: record, the row's bytes; uniforms, the probability with which each value was drawn,
    1 where none was; values, active: (C,); head_inputs: (K W,); and, as scratch space, logits,
    weights: (N,). rules: None, or a `RuleArrays`, of which `sums` and `left` are written to; where
    the rules leave nothing, `left` is 0 and the step is not decided to its end.
    """
    width = out.shape[1]
    tied = True
    if first == 0:
        values[:] = 0
        active[:] = False
        for j in range(len(head_inputs)):
            head_inputs[j] = from_hidden_bias[j]
    if rules is not None:
        extra = np.empty(len(allowed), np.float32)
        if first == 0:
            begin_sums(0, rules[BASES], rules[SUMS])
            rules[LEFT][0] = 1.0
    for k in range(first):
        tied = tied and values[column[k]] == least[k]
    activated = np.empty(width, np.float32)
    for k in range(first, stop):
        c, chance = column[k], 1.0
        active[c] = _is_active(c, values, active, control, when)
        if not active[c]:
            uniforms[k] = chance
            tied = tied and least[k] == 0
            continue
        if rules is not None:
            begin_decision(0, k, rules[RESTART], rules[BASES], rules[SUMS])
        a, b = begin[k], begin[k + 1]
        lowest = least[k] if tied else 0
        value = _only(allowed[a:b], lowest)
        judged = False
        if rules is not None:
            judged = judge(0, k, a, b, allowed[a:b], extra[a:b], rules)
            if value >= 0 and judged and extra[a + value] == -INFINITY:
                rules[LEFT][0] = 0.0
        if value < 0:
            part = head_inputs[k * width : (k + 1) * width]
            product(from_hidden[k * width : (k + 1) * width], hidden, activated)
            for j in range(width):
                activated[j] = gelu(part[j] + activated[j])
            product(out[a:b], activated, logits[a:b])
            for v in range(a, b):
                logits[v] += out_bias[v]
            may = allowed[a:b]
            if rules is not None and judged:
                may = may.copy()
                rules[LEFT][0] *= share_left(logits[a:b], may, extra[a:b], lowest, params[k, 0])
                if rules[LEFT][0] == 0:
                    return 0
            value, chance = draw(logits[a:b], may, lowest, uniforms[k], params[k], weights[a:b])
            if value < 0:
                return 8 * k - value
        if rules is not None:
            take_in(0, k, a + value, rules)
        uniforms[k] = chance
        values[c] = value
        _write(value, c, record, place, wide)
        tied = tied and value == least[k]
        if len(added):
            row = added[start[c] + value]
            for j in range((k + 1) * width, len(head_inputs)):
                head_inputs[j] += row[j]
    return 0


@compiled
def price_row(
    hidden: Array,
    from_hidden: Array,
    from_hidden_bias: Array,
    added: Array,
    out: Array,
    out_bias: Array,
    begin: Array,
    column: Array,
    control: Array,
    when: Array,
    start: Array,
    place: Array,
    wide: Array,
    possible: Array,
    record: Array,
) -> float:
    """Return the nats of one row's step, its bytes `record`, after hidden (D,).

    possible: (N,), which values the heads can predict. Other arguments as `decide_row`.
    """
    width, nats = out.shape[1], 0.0
    values, active = np.empty(len(place), np.int64), np.empty(len(place), np.bool_)
    index, activated = np.empty(len(place), np.int64), np.empty(width, np.float32)
    head_inputs, logits = from_hidden_bias.copy(), np.empty(len(out), np.float32)
    _read(record, place, wide, control, when, start, values, active, index)
    for k in range(len(column)):
        c = column[k]
        if not active[c]:
            continue
        a, b = begin[k], begin[k + 1]
        part = head_inputs[k * width : (k + 1) * width]
        product(from_hidden[k * width : (k + 1) * width], hidden, activated)
        for j in range(width):
            activated[j] = gelu(part[j] + activated[j])
        product(out[a:b], activated, logits[a:b])
        best, total = -np.inf, 0.0
        for v in range(a, b):
            logits[v] += out_bias[v]
            best = max(best, logits[v]) if possible[v] else best
        for v in range(a, b):
            total += math.exp(logits[v] - best) if possible[v] else 0.0
        nats += math.log(total) + best - logits[a + values[c]]
        if len(added):
            row = added[start[c] + values[c]]
            for j in range((k + 1) * width, len(head_inputs)):
                head_inputs[j] += row[j]
    return nats


@compiled
def read(records: Array, place: Array, wide: Array, control: Array, when: Array, start: Array,
         index: Array) -> None:  # fmt: skip
    """Set index (B, C), as `_read`, from B rows of steps as bytes."""
    values, active = np.empty(len(place), np.int64), np.empty(len(place), np.bool_)
    for b in range(len(records)):
        _read(records[b], place, wide, control, when, start, values, active, index[b])


@compiled
def gelus(head_inputs: Array, first: int, y: Array) -> None:
    """Set y (B, W) to GELU(y + the W columns of head_inputs (B, K W) from `first` on)."""
    for b in range(len(y)):
        row = head_inputs[b, first : first + y.shape[1]]
        for j in range(y.shape[1]):
            y[b, j] = gelu(y[b, j] + row[j])


@compiled
def settled(
    k: int,
    going: Array,
    column: Array,
    control: Array,
    when: Array,
    allowed: Array,
    least: Array,
    values: Array,
    active: Array,
    tied: Array,
) -> bool:
    """Return whether every row has only one value left in decision k.

    Then no logits are needed. Arguments as `decide_field`.
    """
    c = column[k]
    for b in range(len(allowed)):
        if not (going[b] and _is_active(c, values[b], active[b], control, when)):
            continue
        if _only(allowed[b], least[b, k] if tied[b] else 0) < 0:
            return False
    return True


@compiled
def decide_field(
    k: int,
    logits: Array,
    going: Array,
    added: Array,
    column: Array,
    control: Array,
    when: Array,
    start: Array,
    place: Array,
    wide: Array,
    allowed: Array,
    least: Array,
    uniforms: Array,
    params: Array,
    records: Array,
    values: Array,
    active: Array,
    tied: Array,
    head_inputs: Array,
    width: int,
    weights: Array,
    choice: int,
    rules: tuple[Array, ...] | None,
) -> int:
    """Decide decision k in the rows that are going (B,) from logits (B, n); return 0, or a fault.

    The other arguments are those of `decide_row` for B rows, except allowed: (B, n) and weights:
    (n,); and choice: the number of the decision's first choice among all. tied: (B,) whether the
    values decided so far are all equal to `least`, so that the next one must not be below it.
    """
    c, n = column[k], logits.shape[1]
    if rules is not None:
        extra = np.empty(n, np.float32)
    for b in range(len(logits)):
        chance = 1.0
        if rules is not None and k == 0:
            begin_sums(b, rules[BASES], rules[SUMS])
            rules[LEFT][b] = 1.0
        active[b, c] = going[b] and _is_active(c, values[b], active[b], control, when)
        if not active[b, c]:
            uniforms[b, k] = chance
            tied[b] = tied[b] and least[b, k] == 0
            continue
        if rules is not None:
            begin_decision(b, k, rules[RESTART], rules[BASES], rules[SUMS])
        lowest = least[b, k] if tied[b] else 0
        value = _only(allowed[b], lowest)
        may = allowed[b]
        if rules is not None and judge(b, k, choice, choice + n, may, extra, rules):
            if value >= 0:
                rules[LEFT][b] *= extra[value] != -INFINITY
            else:
                may = may.copy()
                share = share_left(logits[b], may, extra, lowest, params[k, 0])
                rules[LEFT][b] *= share
                if share == 0:  # the step is drawn again; this time it is decided to its end
                    may = allowed[b]
        if value < 0:
            value, chance = draw(logits[b], may, lowest, uniforms[b, k], params[k], weights)
        if value < 0:
            return 8 * k - value
        if rules is not None:
            take_in(b, k, choice + value, rules)
        uniforms[b, k] = chance
        values[b, c] = value
        _write(value, c, records[b], place, wide)
        tied[b] = tied[b] and value == least[b, k]
        if len(added):
            row, mine = added[start[c] + value], head_inputs[b]
            for j in range((k + 1) * width, head_inputs.shape[1]):
                mine[j] += row[j]
    return 0
