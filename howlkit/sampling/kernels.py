"""The inner loops of compiled_runner.py, for numba: the only module that imports it.

What is computed is what builtin/recurrent.py, network.py and logits.py say, in float32. Functions
of one row are made into one of all rows here; products of matrices for many rows are torch's. All
are in one file, since numba keeps the machine code of a function until its file has changed, and
does not look at those that it calls.

Letters: C columns of a step, L layers, H hidden units, G gates x H, D width of the hidden vector,
K decisions, W width of a head, N all their choices side by side, R rows of the tables (one for
each value of each column, and row 0, which is zero).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "NOTHING",
    "NOT_A_NUMBER",
    "add_rows",
    "advance",
    "cells",
    "decide",
    "draw",
    "gelus",
    "pick",
    "read",
    "selus",
    "settled",
]

F = TypeVar("F", bound=Callable[..., Any])
Array = NDArray[Any]
Number = Any  # float32 or an integer: numba finds out

NOTHING, NOT_A_NUMBER = -1, -2
"""What `draw` returns where no value is allowed, and where a logit is NaN."""

# Sums may be reordered, so that they use vector units; NaN and infinity keep their meaning.
REORDERED = {"reassoc", "contract", "arcp", "nsz", "afn"}

ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
LOG2_E, LN_2 = np.float32(1.4426950408889634), np.float32(0.6931471805599453)
BITS_OF_ONE = 0x3F800000
INFINITY = np.float32(np.inf)
LOWEST, HIGHEST = np.float32(-87), np.float32(88)  # e to that is still a normal float32


def _compiled(function: F) -> F:
    """Compile a function when it is first called, and keep the machine code.

    numba keeps it in NUMBA_CACHE_DIR, or beside the package, or, if that cannot be written to, in
    the user's cache; where it can write nowhere, code lasts as long as the process.
    """
    options: dict[str, Any] = {"fastmath": REORDERED, "error_model": "numpy"}
    try:
        kept: F = numba.njit(cache=True, **options)(function)
        return kept
    except RuntimeError:  # "no locator available"
        lost: F = numba.njit(**options)(function)
        return lost


@_compiled
def _exp(x: Number) -> Number:
    """Return e to x, to two units in the last place between LOWEST and HIGHEST.

    2^n times a polynomial on -ln 2 / 2 .. ln 2 / 2 (Cephes' expf, Moshier 1989): unlike the
    library's it is computed for many numbers at once.
    """
    x = min(max(x, LOWEST), HIGHEST)
    n = np.floor(x * LOG2_E + HALF)
    x = x - n * LN_2
    y = np.float32(1.9875691500e-4)
    y = y * x + np.float32(1.3981999507e-3)
    y = y * x + np.float32(8.3334519073e-3)
    y = y * x + np.float32(4.1665795894e-2)
    y = y * x + np.float32(1.6666665459e-1)
    y = y * x + np.float32(5.0000001201e-1)
    power = np.int32((int(n) + 127) << 23).view(np.float32)
    return (y * x * x + x + ONE) * power


@_compiled
def _sigmoid(x: Number) -> Number:
    return ONE / (ONE + _exp(-x))


@_compiled
def _tanh(x: Number) -> Number:
    return TWO * _sigmoid(TWO * x) - ONE


@_compiled
def _gelu(x: Number) -> Number:
    """Return x times the normal distribution function of x; Abramowitz and Stegun 7.1.26."""
    z = abs(x) * np.float32(0.7071067811865476)
    t = ONE / (ONE + np.float32(0.3275911) * z)
    y = np.float32(1.061405429)
    y = y * t - np.float32(1.453152027)
    y = y * t + np.float32(1.421413741)
    y = y * t - np.float32(0.284496736)
    y = y * t + np.float32(0.254829592)
    rest = y * t * _exp(-z * z)
    erf = ONE - rest if x >= ZERO else rest - ONE
    return HALF * x * (ONE + erf)


@_compiled
def _selu(x: Number) -> Number:
    """Return what Klambauer et al. 2017 put in place of a rectifier."""
    negative = np.float32(1.6732632423543772) * (_exp(min(x, ZERO)) - ONE)
    return np.float32(1.0507009873554805) * (x if x > ZERO else negative)


@_compiled
def _product(matrix: Array, x: Array, y: Array) -> None:
    """Set y (rows,) to matrix (rows, columns) times x (columns,)."""
    for i in range(matrix.shape[0]):
        total = ZERO
        for j in range(matrix.shape[1]):
            total += matrix[i, j] * x[j]
        y[i] = total


@_compiled
def _add_row(tables: Array, index: Array, bias: Array, y: Array) -> None:
    """Set y (G,) to bias (G,) plus the rows `index` (C,) of tables (R, G)."""
    for j in range(len(y)):
        y[j] = bias[j]
    for c in range(len(index)):
        row = tables[index[c]]
        for j in range(len(y)):
            y[j] += row[j]


@_compiled
def _cell(x: Array, h: Array, before: Array, memory: Array, after: Array, kept: Array) -> None:
    """Set after (H,) to an LSTM's or a GRU's hidden vector, and kept (H,) to its memory.

    x, h: (G,) what the input and the hidden vector before (H,) give to the gates, in torch's
    order. memory: (H,) before, empty for a GRU.
    """
    n = len(before)
    if len(memory):
        for j in range(n):
            kept[j] = _sigmoid(x[n + j] + h[n + j]) * memory[j] + _sigmoid(x[j] + h[j]) * _tanh(
                x[2 * n + j] + h[2 * n + j]
            )
        for j in range(n):
            after[j] = _sigmoid(x[3 * n + j] + h[3 * n + j]) * _tanh(kept[j])
    else:
        for j in range(n):
            new = _tanh(x[2 * n + j] + _sigmoid(x[j] + h[j]) * h[2 * n + j])
            stays = _sigmoid(x[n + j] + h[n + j])
            after[j] = new + stays * (before[j] - new)


@_compiled
def advance(
    record: Array,
    place: Array,
    wide: Array,
    control: Array,
    when: Array,
    start: Array,
    tables: Array,
    bias_x: Array,
    bias_h: Array,
    recurrent: Array,
    inputs: Array,
    block_first: Array,
    block: Array,
    block_bias: Array,
    before: Array,
    memory: Array,
    after: Array,
    kept: Array,
    hidden: Array,
    x: Array,
    h: Array,
) -> None:
    """Read one step of one row: set after, kept (L, H) and hidden (D,) from before, memory.

    record .. start: as `decide`. tables: (R, G), what the values give to the first layer's gates.
    bias_x, bias_h: (L, G). recurrent: (L, G, H). inputs: (L - 1, G, H), of the upper layers.
    block_first: (P, H), block: (p - 1, P, P), block_bias: (p, P), of the processing block, empty
    without one. memory: (L, H), of a GRU (L, 0). x, h: (G,) for work.
    """
    layers, n = before.shape
    values, active = np.empty(len(place), np.int64), np.empty(len(place), np.bool_)
    index = np.empty(len(place), np.int64)
    _read(record, place, wide, control, when, start, values, active, index)
    for layer in range(layers):
        if layer == 0:
            _add_row(tables, index, bias_x[0], x)
        else:
            _product(inputs[layer - 1], after[layer - 1], x)
            for j in range(len(x)):
                x[j] += bias_x[layer, j]
        _product(recurrent[layer], before[layer], h)
        for j in range(len(h)):
            h[j] += bias_h[layer, j]
        _cell(x, h, before[layer], memory[layer], after[layer], kept[layer])
    for j in range(n):
        hidden[j] = after[layers - 1, j]
    if len(block_bias):
        end = hidden[n:]
        _product(block_first, after[layers - 1], end)
        _selus(end, block_bias[0])
        for stage in range(len(block)):
            below = end.copy()
            _product(block[stage], below, end)
            _selus(end, block_bias[stage + 1])


@_compiled
def _selus(x: Array, bias: Array) -> None:
    for j in range(len(x)):
        x[j] = _selu(x[j] + bias[j])


@_compiled
def draw(
    logits: Array,
    allowed: Array,
    least: int,
    uniform: float,
    shape: Array,
    weights: Array,
) -> int:
    """Return a value of one row as `shaping.choose` draws it; or NOTHING, or NOT_A_NUMBER.

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
            weights[v] = _exp(x) if x > LOWEST else ZERO
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


@_compiled
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


@_compiled
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


@_compiled
def _read(record: Array, place: Array, wide: Array, control: Array, when: Array, start: Array,
          values: Array, active: Array, index: Array) -> None:  # fmt: skip
    """Set values, active, index (C,) from a row of steps as bytes; an inactive column has row 0."""
    for c in range(len(place)):
        values[c] = record[place[c]]
        if wide[c]:
            values[c] += 256 * np.int64(record[place[c] + 1])
        active[c] = _is_active(c, values, active, control, when)
        index[c] = start[c] + values[c] if active[c] else 0


@_compiled
def _write(value: int, c: int, record: Array, place: Array, wide: Array) -> None:
    """Write the value of column c into a row of steps as bytes."""
    record[place[c]] = value & 255
    if wide[c]:
        record[place[c] + 1] = value >> 8


@_compiled
def _is_active(c: int, values: Array, active: Array, control: Array, when: Array) -> bool:
    """Return whether column c is there in this row, as `Schema.active`."""
    before = control[c]
    return bool(before < 0 or (active[before] and when[c, values[before]]))


@_compiled
def decide(
    first: int,
    stop: int,
    hidden: Array,
    mix: Array,
    mix_bias: Array,
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
    shapes: Array,
    record: Array,
    values: Array,
    active: Array,
    mixed: Array,
    logits: Array,
    weights: Array,
) -> int:
    """Decide the decisions first .. stop - 1 of one row after hidden (D,); return 0, or a fault.

    A fault is 8 k - NOTHING or 8 k - NOT_A_NUMBER, of decision k.

    mix: (K W, D), what `hidden` gives to the heads. added: (R, K W), what a decided value gives to
    the heads after it; empty if heads are independent. out: (N, W), out_bias: (N,), begin: (K + 1,)
    of each head in them. column: (K,) of each decision. control: (C,) the column on which one
    depends, -1 for none; when: (C, .) for which of its values. start: (C,) first row of the tables.
    place, wide: (C,) where in a row of bytes, and whether in two of them. allowed: (N,), least:
    (K,) as `protocols.StepMask`. uniforms: (K,); shapes: (K, 4).
    Written: record, the row's bytes, values, active (C,), mixed (K W,). logits, weights: (N,) for
    work.
    """
    width = out.shape[1]
    tied = True
    if first == 0:
        values[:] = 0
        active[:] = False
        for j in range(len(mixed)):
            mixed[j] = mix_bias[j]
    for k in range(first):
        tied = tied and values[column[k]] == least[k]
    activated = np.empty(width, np.float32)
    for k in range(first, stop):
        c = column[k]
        active[c] = _is_active(c, values, active, control, when)
        if not active[c]:
            tied = tied and least[k] == 0
            continue
        a, b = begin[k], begin[k + 1]
        lowest = least[k] if tied else 0
        value = _only(allowed[a:b], lowest)
        if value < 0:
            part = mixed[k * width : (k + 1) * width]
            _product(mix[k * width : (k + 1) * width], hidden, activated)
            for j in range(width):
                activated[j] = _gelu(part[j] + activated[j])
            _product(out[a:b], activated, logits[a:b])
            for v in range(a, b):
                logits[v] += out_bias[v]
            value = draw(logits[a:b], allowed[a:b], lowest, uniforms[k], shapes[k], weights[a:b])
            if value < 0:
                return 8 * k - value
        values[c] = value
        _write(value, c, record, place, wide)
        tied = tied and value == least[k]
        if len(added):
            row = added[start[c] + value]
            for j in range((k + 1) * width, len(mixed)):
                mixed[j] += row[j]
    return 0


@_compiled
def _only(allowed: Array, least: int) -> int:
    """Return the only value that is allowed; NOTHING if there are several, or none."""
    found = NOTHING
    for v in range(least, len(allowed)):
        if allowed[v]:
            if found >= 0:
                return NOTHING
            found = v
    return found


# For many rows at once, between products of matrices ---------------------------------------------


@_compiled
def add_rows(tables: Array, index: Array, bias: Array, y: Array) -> None:
    """Set y (B, G) to bias (G,) plus the rows `index` (B, C) of tables (R, G)."""
    for b in range(len(y)):
        _add_row(tables, index[b], bias, y[b])


@_compiled
def cells(
    x: Array, h: Array, going: Array, before: Array, memory: Array, after: Array, kept: Array
) -> None:
    """Set after, kept (B, H) as `_cell`, where a row is going (B,); else keep what was there."""
    for b in range(len(x)):
        if going[b]:
            _cell(x[b], h[b], before[b], memory[b], after[b], kept[b])
        else:
            after[b] = before[b]
            kept[b] = memory[b]


@_compiled
def selus(x: Array) -> None:
    """Put x (B, P) through SELU, in place."""
    for b in range(len(x)):
        for j in range(x.shape[1]):
            x[b, j] = _selu(x[b, j])


@_compiled
def gelus(mixed: Array, first: int, y: Array) -> None:
    """Set y (B, W) to GELU of itself plus the columns of mixed (B, K W) from `first` on."""
    for b in range(len(y)):
        row = mixed[b, first : first + y.shape[1]]
        for j in range(y.shape[1]):
            y[b, j] = _gelu(y[b, j] + row[j])


@_compiled
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
    """Return whether decision k leaves no choice to any row in which it is one; as `pick`."""
    c = column[k]
    for b in range(len(allowed)):
        if not (going[b] and _is_active(c, values[b], active[b], control, when)):
            continue
        if _only(allowed[b], least[b, k] if tied[b] else 0) < 0:
            return False
    return True


@_compiled
def read(records: Array, place: Array, wide: Array, control: Array, when: Array, start: Array,
         index: Array) -> None:  # fmt: skip
    """Set index (B, C) as `_read`, from rows of steps as bytes."""
    values, active = np.empty(len(place), np.int64), np.empty(len(place), np.bool_)
    for b in range(len(records)):
        _read(records[b], place, wide, control, when, start, values, active, index[b])


@_compiled
def pick(
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
    shapes: Array,
    records: Array,
    values: Array,
    active: Array,
    tied: Array,
    mixed: Array,
    width: int,
    weights: Array,
) -> int:
    """Decide decision k in the rows that are going (B,) from logits (B, n); return 0, or a fault.

    The rest as `decide`, B rows of it, but allowed (B, n) and weights (n,). tied: (B,) whether so
    far the step is the least one allowed.
    """
    c = column[k]
    for b in range(len(logits)):
        active[b, c] = going[b] and _is_active(c, values[b], active[b], control, when)
        if not active[b, c]:
            tied[b] = tied[b] and least[b, k] == 0
            continue
        lowest = least[b, k] if tied[b] else 0
        value = _only(allowed[b], lowest)
        if value < 0:
            value = draw(logits[b], allowed[b], lowest, uniforms[b, k], shapes[k], weights)
        if value < 0:
            return 8 * k - value
        values[b, c] = value
        _write(value, c, records[b], place, wide)
        tied[b] = tied[b] and value == least[b, k]
        if len(added):
            row, mine = added[start[c] + value], mixed[b]
            for j in range((k + 1) * width, mixed.shape[1]):
                mine[j] += row[j]
    return 0
