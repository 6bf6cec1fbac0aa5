"""The heads of a step in compiled code, for one row: the same as network.py, in float32.

rows_kernels.py has the parts for many rows. Heads that are a softmax of their last layer need
nothing else. What others need is `of_heads` (compiled_heads.py), None if there are no others: numba
compiles a kernel for each of the two, so plain heads pay nothing.

Letters: B rows, C columns of a step, D width of the hidden vector, K decisions, W width of a head,
N the choices of all decisions side by side, R rows of the tables (one for each value of each
column, and row 0, which is zero).
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.sampling.choice_kernels import add_choice, only, write
from howlkit.sampling.drawing_kernels import draw, share_left
from howlkit.sampling.head_kernels import KIND, SQUARED, begin_heads, head_logits, is_bits
from howlkit.sampling.input_kernels import is_active, read_values
from howlkit.sampling.kernels import Array, compiled, gelu, product
from howlkit.sampling.rule_arrays import RuleArrays
from howlkit.sampling.rule_kernels import (
    ALONE,
    begin_decision,
    begin_sums,
    has_a_say,
    hear_in_the_making,
    judge,
    take_in,
)

INFINITY = np.float32(np.inf)
ADDS, FIRST, KNOWN, RESTART, SPANS, NUMBERS, BASES, SUMS, LEFT = map(
    RuleArrays._fields.index,
    ("adds", "first", "known", "restart", "spans", "numbers", "bases", "sums", "left"),
)

__all__ = ["decide_row", "price_row", "row_logits"]


@compiled
def row_logits(
    k: int,
    first: int,
    hidden: Array,
    from_hidden: Array,
    head_inputs: Array,
    out: Array,
    out_bias: Array,
    values: Array,
    active: Array,
    activated: Array,
    mapped: Array,
    is_mapped: Array,
    logits: Array,
    of_heads: tuple[Array, ...] | None,
) -> None:
    """Set logits (C,), the choices of decision k, of one row; activated: (W,), scratch space.

    first: the number of its first choice among all. out, out_bias: the last layers of all heads.
    values, active: the columns decided so far. Other arguments as `decide_row`.
    """
    width = out.shape[1]
    part, mine = head_inputs[k * width : (k + 1) * width], mapped[k * width : (k + 1) * width]
    if not is_mapped[k]:
        product(from_hidden[k * width : (k + 1) * width], hidden, mine)
        is_mapped[k] = True
    for j in range(width):
        activated[j] = gelu(part[j] + mine[j])
    if of_heads is None:
        product(out[first : first + len(logits)], activated, logits)
        for v in range(len(logits)):
            logits[v] += out_bias[first + v]
    else:
        head_logits(k, hidden, activated, values, active, out, out_bias, logits, of_heads)


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
    mapped: Array,
    is_mapped: Array,
    logits: Array,
    weights: Array,
    rules: tuple[Array, ...] | None,
    of_heads: tuple[Array, ...] | None,
) -> int:
    """Decide the decisions first .. stop - 1 of one row after hidden; return 0, or a fault.

    A fault is 8 k - NOTHING or 8 k - NOT_A_NUMBER, of decision k.

    hidden: (D,), and behind it what lies beside it. from_hidden: (K W, D) and from_hidden_bias:
    (K W,), the linear map from `hidden` to the inputs of all heads. added: (R, K W), what a decided
    value gives to the heads after it; empty if heads are independent. out: (N, W) and out_bias:
    (N,), the last layers of all heads; with `of_heads` they may have more rows. begin: (K + 1,) the
    first choice of each decision. column: (K,) of each decision. control: (C,) the column on which
    a column depends, -1 for none; when: (C, .) for which of its values. start: (C,) the first row
    of a column in the tables. place, wide: (C,) where the value of a column lies in a row of bytes,
    and whether it takes two bytes. allowed: (N,) and least: (K,), as `protocols.StepMask`.
    uniforms: (K,). params: (K, 5), as in `draw`.

    Written to: record, the row's bytes; uniforms, the probability with which each value was drawn,
    1 where none was; values, active: (C,); head_inputs: (K W,); mapped: (K W,), what `from_hidden`
    makes of hidden, and is_mapped: (K,), of which decisions it is there already, from a draw
    before after the same vector; and, as scratch space, logits, weights: (N,). rules: None, or a
    `RuleArrays`, of which `sums` and `left` are written to; where the rules leave nothing, `left`
    is 0 and the step is not decided to its end. of_heads: None, or what heads need that are no mere
    softmax. Of bits one choice is decided: the next that is on.
    """
    width = out.shape[1]
    tied = True
    if first == 0:
        values[:] = 0
        active[:] = False
        begin_heads(hidden, from_hidden_bias, head_inputs, of_heads)
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
        active[c] = is_active(c, values, active, control, when)
        if not active[c]:
            uniforms[k] = chance
            tied = tied and least[k] == 0
            continue
        if rules is not None:
            begin_decision(0, k, rules[RESTART], rules[BASES], rules[SUMS])
        a, b = begin[k], begin[k + 1]
        lowest = least[k] if tied else 0
        value = only(allowed[a:b], lowest)
        judged = False
        if rules is not None:
            if has_a_say(0, k, rules[KNOWN], rules[SPANS], rules[NUMBERS], rules[SUMS]):
                judged = judge(0, k, allowed[a:b], extra[a:b], rules)
            if value >= 0 and judged and extra[a + value] == -INFINITY:
                rules[LEFT][0] = 0.0
        if value < 0:
            row_logits(
                k, a, hidden, from_hidden, head_inputs, out, out_bias, values, active, activated,
                mapped, is_mapped, logits[a:b], of_heads,
            )  # fmt: skip
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
            take_in(0, k, value, rules[ADDS], rules[FIRST], rules[SUMS])
            if rules[NUMBERS][ALONE] > 0:
                hear_in_the_making(0, k, rules)
        uniforms[k] = chance
        values[c] = value
        write(k, value, c, b - a - 1, record, place, wide, of_heads)
        tied = tied and value == least[k]
        add_choice(k, value, c, b - a - 1, width, added, start, head_inputs, of_heads)
    return 0


@compiled
def _cost(logits: Array, possible: Array, least: int, value: int) -> float:
    """Return the nats of a value (of n) among those possible from `least` on."""
    best, total = -np.inf, 0.0
    for v in range(least, len(logits)):
        best = max(best, logits[v]) if possible[v] else best
    for v in range(least, len(logits)):
        total += math.exp(logits[v] - best) if possible[v] else 0.0
    return float(math.log(total) + best - logits[value])


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
    of_heads: tuple[Array, ...] | None,
) -> float:
    """Return the nats of one row's step, its bytes `record`, after hidden.

    possible: (N,), which values the heads can predict. Other arguments as `decide_row`. What has no
    likelihood costs nothing.
    """
    width, nats = out.shape[1], 0.0
    values, active = np.empty(len(place), np.int64), np.empty(len(place), np.bool_)
    activated, logits = np.empty(width, np.float32), np.empty(begin[-1], np.float32)
    head_inputs = np.empty(len(from_hidden_bias), np.float32)
    mapped, is_mapped = np.empty(len(from_hidden_bias), np.float32), np.zeros(len(column), np.bool_)
    begin_heads(hidden, from_hidden_bias, head_inputs, of_heads)
    read_values(record, place, wide, control, when, values, active)
    for k in range(len(column)):
        c, a, b, least = column[k], begin[k], begin[k + 1], 0
        if not active[c]:
            continue
        if of_heads is not None:
            if of_heads[0][k, KIND] == SQUARED:
                add_choice(k, values[c], c, b - a, width, added, start, head_inputs, of_heads)
                continue
        going_on = True
        while going_on:  # once, but for bits
            value = values[c]
            going_on = False
            if of_heads is not None:
                if is_bits(k, of_heads):
                    value = least
                    while value < b - a - 1 and not record[place[c] + value]:
                        value += 1
                    going_on = value < b - a - 1
            row_logits(
                k, a, hidden, from_hidden, head_inputs, out, out_bias, values, active, activated,
                mapped, is_mapped, logits[a:b], of_heads,
            )  # fmt: skip
            nats += _cost(logits[a:b], possible[a:b], least, value)
            add_choice(k, value, c, b - a - 1, width, added, start, head_inputs, of_heads)
            least = value + 1
    return nats
