"""From logits to a value in compiled code: the same as logits.py, in float32.

Shapes: n values of a field.
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.sampling.kernels import LOWEST, ONE, ZERO, Array, Number, compiled, exp

__all__ = ["NOTHING", "NOT_A_NUMBER", "draw", "share_left"]

NOTHING, NOT_A_NUMBER = -1, -2
"""What `draw` returns as a value if none is allowed, and if a logit is NaN."""

BITS_OF_ONE = 0x3F800000
INFINITY, LEAST = np.float32(np.inf), np.float32(1e-37)


@compiled
def _threshold(weights: Array, bits: Array, wanted: Number, counting: bool) -> Number:
    """Return one of `bits`: the highest so that weights of these bits and above reach `wanted`.

    They reach it by their number if `counting`, or else by their sum. The bits are bisected until
    one weight is left: a dozen sums over all weights, each a few vector operations, which takes
    less time than sorting.
    """
    low, high = np.int32(0), np.int32(BITS_OF_ONE + 1)
    # The numbers of weights from `low` up, and from `high` up.
    up_from_low, up_from_high = np.int32(len(weights)), np.int32(0)
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
    return low  # all of them, if only by rounding they do not reach it


@compiled
def _until(weights: Array, share: float, bits: Array) -> None:
    """Zero all but the fewest weights (n,) of the highest `bits` that reach a share of the sum.

    One always stays. bits: (n,), those of numbers from 0 to 1, which are in the order of the
    numbers; of equal ones the first are kept.
    """
    total = ZERO
    for v in range(len(weights)):
        total += weights[v]
    wanted = max(np.float32(share) * total, LEAST)  # of a share of 0 one weight stays too
    threshold = _threshold(weights, bits, wanted, False)
    before = ZERO
    for v in range(len(weights)):
        before += weights[v] if bits[v] > threshold else ZERO
    some = bool(before > 0)
    for v in range(len(weights)):
        if bits[v] == threshold:
            if some and before >= wanted:
                weights[v] = ZERO
            else:
                before += weights[v]
                some = True
        elif bits[v] < threshold:
            weights[v] = ZERO


@compiled
def _typicality(weights: Array) -> Array:
    """Return (n,) how near the nats of each weight are to the entropy, as `logits._typicality`."""
    typicality, total, logs = np.zeros(len(weights), np.float32), 0.0, 0.0
    for v in range(len(weights)):
        if weights[v] > 0:
            total += weights[v]
            logs += weights[v] * math.log(weights[v])
    typical = np.float32(math.exp(logs / total))
    for v in range(len(weights)):
        if weights[v] > 0:
            typicality[v] = min(weights[v] / typical, typical / weights[v])
    return typicality


@compiled
def _filter(weights: Array, params: Array) -> None:
    """Zero the weights (n,) that top-k, top-p, min-p and typical-p leave out; the largest is 1."""
    n = len(weights)
    bits = weights.view(np.int32)  # in the order of the weights, as none is negative
    if 0 < params[1] < n:
        threshold = _threshold(weights, bits, params[1], True)
        for v in range(n):
            weights[v] = weights[v] if bits[v] >= threshold else ZERO
    if params[2] < 1:
        _until(weights, params[2], bits)
    if params[3] > 0:
        for v in range(n):
            weights[v] = weights[v] if weights[v] >= np.float32(params[3]) else ZERO
    if params[4] < 1:
        _until(weights, params[4], _typicality(weights).view(np.int32))


@compiled
def draw(
    logits: Array,
    allowed: Array,
    least: int,
    uniform: float,
    params: Array,
    weights: Array,
) -> tuple[int, float]:
    """Return a value of one row, drawn as by `logits.choose`, and its probability in that draw.

    Or NOTHING, or NOT_A_NUMBER, and 0.

    logits, allowed: (n,). least: values below it are not allowed either. uniform: in [0, 1).
    params: (5,) temperature, top_k, top_p, min_p, typical_p. weights: (n,) float32, scratch space.
    """
    logits, allowed, weights = logits[least:], allowed[least:], weights[least:]
    n, faulty, some, best = len(logits), False, False, -INFINITY
    for v in range(n):
        weights[v] = logits[v] if allowed[v] else -INFINITY
        best = weights[v] if weights[v] > best else best
        faulty |= weights[v] != weights[v]
        some |= allowed[v]
    if faulty or not some:
        return (NOT_A_NUMBER if faulty else NOTHING), 0.0
    if params[0] == 0 or not np.isfinite(best):
        for v in range(n):
            weights[v] = ONE if allowed[v] and logits[v] == best else ZERO
    else:
        sharpness = np.float32(1 / params[0])
        for v in range(n):
            x = (weights[v] - best) * sharpness
            weights[v] = exp(x) if x > LOWEST else ZERO
    if params[0] == 0:
        uniform = 0.0  # the first of the likeliest
    else:
        _filter(weights, params)
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
    return least + last, weights[last] / total


@compiled
def share_left(
    logits: Array, allowed: Array, added: Array, least: int, temperature: float
) -> float:
    """Forbid values (n,) that rules forbid, and add to logits what they add; return what is left.

    That is the share of the probability of the allowed values that is not forbidden. logits and
    allowed are changed in place. added: (n,), -inf forbids; other numbers count on both sides, as
    differences from the highest of them, so that a push however strong is no law.
    """
    highest = -INFINITY
    for v in range(least, len(logits)):
        if allowed[v]:
            highest = max(highest, added[v])
    best = -INFINITY
    for v in range(least, len(logits)):
        if allowed[v]:
            if added[v] != -INFINITY:
                logits[v] += added[v] - highest
            best = max(best, logits[v])
    total, left, some = ZERO, ZERO, False
    sharpness = np.float32(1 / temperature) if temperature > 0 else ONE
    for v in range(least, len(logits)):
        if allowed[v]:
            x = (logits[v] - best) * sharpness
            weight = exp(x) if x > LOWEST else ZERO
            total += weight
            if added[v] == -INFINITY:
                allowed[v] = False
            else:
                left += weight
                some = True
    if temperature == 0 or not total > 0:
        return 1.0 if some else 0.0
    return float(left / total) if some else 0.0
