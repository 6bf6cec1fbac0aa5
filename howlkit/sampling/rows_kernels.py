"""The heads of a step in compiled code, for many rows: the parts that torch's products lie between.

The result is that of step_kernels.py, and so are the letters.
"""

from __future__ import annotations

import numpy as np

from howlkit.sampling.choice_kernels import add_choice, only, write
from howlkit.sampling.drawing_kernels import draw, share_left
from howlkit.sampling.input_kernels import is_active
from howlkit.sampling.kernels import Array, compiled, gelu
from howlkit.sampling.rule_kernels import (
    ALONE,
    begin_decision,
    begin_sums,
    has_a_say,
    hear_in_the_making,
    judge,
    take_in,
)
from howlkit.sampling.step_kernels import (
    ADDS,
    BASES,
    FIRST,
    INFINITY,
    KNOWN,
    LEFT,
    NUMBERS,
    RESTART,
    SPANS,
    SUMS,
)

__all__ = ["accept", "decide_field", "gelus", "settled"]


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
        if not (going[b] and is_active(c, values[b], active[b], control, when)):
            continue
        if only(allowed[b], least[b, k] if tied[b] else 0) < 0:
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
    rules: tuple[Array, ...] | None,
    of_heads: tuple[Array, ...] | None,
) -> int:
    """Decide decision k in the rows that are going (B,) from logits (B, n); return 0, or a fault.

    The other arguments are those of `decide_row` for B rows, except allowed: (B, n) and weights:
    (n,). tied: (B,) whether the values decided so far are all equal to `least`, so that the next
    one must not be below it.
    """
    c, n = column[k], logits.shape[1]
    if rules is not None:
        extra = np.empty(n, np.float32)
    for b in range(len(logits)):
        chance = 1.0
        if rules is not None and k == 0:
            begin_sums(b, rules[BASES], rules[SUMS])
            rules[LEFT][b] = 1.0
        active[b, c] = going[b] and is_active(c, values[b], active[b], control, when)
        if not active[b, c]:
            uniforms[b, k] = chance
            tied[b] = tied[b] and least[b, k] == 0
            continue
        if rules is not None:
            begin_decision(b, k, rules[RESTART], rules[BASES], rules[SUMS])
        lowest = least[b, k] if tied[b] else 0
        value = only(allowed[b], lowest)
        may = allowed[b]
        judged = False
        if rules is not None:
            if has_a_say(b, k, rules[KNOWN], rules[SPANS], rules[NUMBERS], rules[SUMS]):
                judged = judge(b, k, may, extra, rules)
        if rules is not None and judged:
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
            take_in(b, k, value, rules[ADDS], rules[FIRST], rules[SUMS])
            if rules[NUMBERS][ALONE] > 0:
                hear_in_the_making(b, k, rules)
        uniforms[b, k] = chance
        values[b, c] = value
        write(k, value, c, n - 1, records[b], place, wide, of_heads)
        tied[b] = tied[b] and value == least[b, k]
        add_choice(k, value, c, n - 1, width, added, start, head_inputs[b], of_heads)
    return 0


@compiled
def accept(
    k: int,
    chosen: Array,
    going: Array,
    added: Array,
    column: Array,
    start: Array,
    last: int,
    values: Array,
    active: Array,
    head_inputs: Array,
    width: int,
    of_heads: tuple[Array, ...] | None,
) -> None:
    """Go on from values chosen (B,) in decision k, in the rows that are going (B,).

    last: the last of its choices. Other arguments as `decide_field`.
    """
    c = column[k]
    for b in range(len(chosen)):
        if going[b]:
            values[b, c], active[b, c] = chosen[b], True
            add_choice(k, chosen[b], c, last, width, added, start, head_inputs[b], of_heads)
