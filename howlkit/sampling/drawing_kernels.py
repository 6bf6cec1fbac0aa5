"""From logits to a value in compiled code: what logits.py says, in float32.

Shapes: n values of a field.
"""

from __future__ import annotations

import numpy as np

from howlkit.sampling.kernels import LOWEST, ONE, ZERO, Array, Number, compiled, exp

__all__ = ["NOTHING", "NOT_A_NUMBER", "draw"]

NOTHING, NOT_A_NUMBER = -1, -2
"""What `draw` returns where no value is allowed, and where a logit is NaN."""

BITS_OF_ONE = 0x3F800000
INFINITY = np.float32(np.inf)


@compiled
def _largest(weights: Array, bits: Array, wanted: Number, counting: bool) -> Number:
    """Return the bits of the largest weight such that all from it up are, or sum to, `wanted`.

    By bisection until one weight is left: a dozen sums over all weights, each a few vector
    operations, where sorting them would take longer.
    """
    low, high = np.int32(0), np.int32(BITS_OF_ONE + 1)
    up_from_low, up_from_high = np.int32(len(weights)), np.int32(0)  # how many weights are
    while high - low > 1 and up_from_low - up_from_high > 1:
        middle = np.int32(low + (high - low) // 2)
        total, count = ZERO, np.int32(0)
        for v in range(len(weights)):
            total += weights[v] if bits[v] >= middle else ZERO
            count += np.int32(bits[v] >= middle)
        if (count if counting else total) >= wanted:
            low, up_from_low = middle, count
        else:
            high, up_from_high = middle, count
    for v in range(len(weights)):
        if low <= bits[v] < high:
            return bits[v]
    return np.int32(BITS_OF_ONE)  # of nothing, the likeliest is left


@compiled
def _shape(weights: Array, shape: Array) -> None:
    """Zero what top-k, top-p and min-p leave out; the largest of weights (n,) is 1."""
    n = len(weights)
    bits = weights.view(np.int32)  # of numbers from 0 up, these are in the same order
    if 0 < shape[1] < n:
        threshold = _largest(weights, bits, shape[1], True)
        for v in range(n):
            weights[v] = weights[v] if bits[v] >= threshold else ZERO
    if shape[2] < 1:
        total = ZERO
        for v in range(n):
            total += weights[v]
        wanted = np.float32(shape[2]) * total
        threshold = _largest(weights, bits, wanted, False)
        before = ZERO
        for v in range(n):
            before += weights[v] if bits[v] > threshold else ZERO
        some = bool(before > 0)
        for v in range(n):  # of equal ones on the edge, the first few
            if bits[v] == threshold:
                if some and before >= wanted:
                    weights[v] = ZERO
                else:
                    before += weights[v]
                    some = True
            elif bits[v] < threshold:
                weights[v] = ZERO
    if shape[3] > 0:
        for v in range(n):
            weights[v] = weights[v] if weights[v] >= np.float32(shape[3]) else ZERO


@compiled
def draw(
    logits: Array,
    allowed: Array,
    least: int,
    uniform: float,
    shape: Array,
    weights: Array,
) -> int:
    """Return a value of one row as `logits.choose` draws it; or NOTHING, or NOT_A_NUMBER.

    logits, allowed: (n,). least: values below it are not allowed either. shape: (4,) temperature,
    top_k, top_p, min_p. weights: (n,) float32 for work.
    """
    logits, allowed, weights = logits[least:], allowed[least:], weights[least:]
    n, faulty, some, best = len(logits), False, False, -INFINITY
    for v in range(n):
        weights[v] = logits[v] if allowed[v] else -INFINITY
        best = weights[v] if weights[v] > best else best
        faulty |= weights[v] != weights[v]
        some |= allowed[v]
    if faulty or not some:
        return NOT_A_NUMBER if faulty else NOTHING
    if shape[0] == 0 or not np.isfinite(best):
        for v in range(n):
            weights[v] = ONE if allowed[v] and logits[v] == best else ZERO
    else:
        sharpness = np.float32(1 / shape[0])
        for v in range(n):
            x = (weights[v] - best) * sharpness
            weights[v] = exp(x) if x > LOWEST else ZERO
    if shape[0] == 0:
        uniform = 0.0  # the first of the likeliest
    else:
        _shape(weights, shape)
    total = 0.0
    for v in range(n):
        total += weights[v]
    drawn, cumulative, last = uniform * total, 0.0, 0
    for v in range(n):
        if weights[v] > 0:
            cumulative += weights[v]
            last = v
            if cumulative > drawn:
                break
    return least + last
