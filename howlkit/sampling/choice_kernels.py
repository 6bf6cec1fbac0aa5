"""What a decided value changes, in compiled code: the step's bytes, and the inputs of heads.

Letters: C columns of a step, K decisions, W width of a head, R rows of the tables.
"""

from __future__ import annotations

from howlkit.sampling.drawing_kernels import NOTHING
from howlkit.sampling.head_kernels import is_bits
from howlkit.sampling.kernels import Array, compiled

__all__ = ["add_choice", "only", "write"]


@compiled
def only(allowed: Array, least: int) -> int:
    """Return the only value allowed from `least` on; NOTHING if there are several, or none."""
    found = NOTHING
    for v in range(least, len(allowed)):
        if allowed[v]:
            if found >= 0:
                return NOTHING
            found = v
    return found


@compiled
def write(k: int, value: int, c: int, last: int, record: Array, place: Array, wide: Array,
          of_heads: tuple[Array, ...] | None) -> None:  # fmt: skip
    """Write the value of decision k, column c, into a row of steps as bytes.

    Of bits it is one that is on, or `last`, the last choice, for none.
    """
    if of_heads is not None:
        if is_bits(k, of_heads):
            if value < last:
                record[place[c] + value] = 1
            return
    record[place[c]] = value & 255
    if wide[c]:
        record[place[c] + 1] = value >> 8


@compiled
def add_choice(k: int, value: int, c: int, last: int, width: int, added: Array, start: Array,
               head_inputs: Array, of_heads: tuple[Array, ...] | None) -> None:  # fmt: skip
    """Add what the value of decision k gives to the heads after it, and of a bit to its own.

    added: (R, K W), empty if heads are independent. head_inputs: (K W,). Other arguments as
    `write`.
    """
    if not len(added):
        return
    first = (k + 1) * width
    if of_heads is not None:
        if is_bits(k, of_heads):
            if value >= last:
                return
            first -= width
    row = added[start[c] + value]
    for j in range(first, len(head_inputs)):
        head_inputs[j] += row[j]
