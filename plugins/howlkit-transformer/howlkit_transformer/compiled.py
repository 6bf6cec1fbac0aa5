"""One step of one row as machine code, by numba: what `network.Decoder` computes, in float32.

For one row a step is a matter of reading the weights once, and torch's many small calls would take
as long again. The weights are those of the modules, not copies. Importing this takes a second, and
what is compiled first takes some seconds more, once: numba keeps it.

Letters as in network.py: D width, H heads, K heads of keys and values, S steps kept, A the width of
a head.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["advance"]

Call = TypeVar("Call", bound=Callable[..., Any])
Array = NDArray[np.float32]
Layer = tuple[Array, Array, Array, Array, Array, Array, Array]

# Sums may be reordered, so that they use vector units; NaN and infinity keep their meaning.
REORDERED = {"reassoc", "contract", "arcp", "nsz", "afn"}
ONE, HALF, EPSILON = np.float32(1), np.float32(0.5), np.finfo(np.float32).eps
LOG2_E, LN_2 = np.float32(1.4426950408889634), np.float32(0.6931471805599453)
LOWEST, HIGHEST = np.float32(-87), np.float32(88)  # e to that is still a normal float32


def _compiled(function: Call) -> Call:
    options: dict[str, Any] = {"fastmath": REORDERED, "error_model": "numpy", "nogil": True}
    try:
        kept: Call = numba.njit(cache=True, **options)(function)
        return kept
    except RuntimeError:  # there is no folder to keep it in
        lost: Call = numba.njit(**options)(function)
        return lost


@_compiled
def _exp(x: np.float32) -> np.float32:
    """Return e to x (Cephes' expf, Moshier 1989); unlike the library's, many at once."""
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
    made: np.float32 = (y * x * x + x + ONE) * power
    return made


@_compiled
def _normalise(x: Array, y: Array) -> None:
    """Set y to x with a root mean square of 1."""
    total = np.float32(0)
    for i in range(len(x)):
        total += x[i] * x[i]
    scale = ONE / np.sqrt(total / np.float32(len(x)) + EPSILON)
    for i in range(len(x)):
        y[i] = x[i] * scale


@_compiled
def _multiply(weights: Array, x: Array, y: Array) -> None:
    """Add weights (N, D) times x (D,) to y (N,); four rows at a time, which memory likes best."""
    n = len(y) // 4
    for i in range(n):
        w0, w1, w2, w3 = weights[i], weights[i + n], weights[i + 2 * n], weights[i + 3 * n]
        y0, y1, y2, y3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for j in range(len(x)):
            y0 += w0[j] * x[j]
            y1 += w1[j] * x[j]
            y2 += w2[j] * x[j]
            y3 += w3[j] * x[j]
        y[i] += y0
        y[i + n] += y1
        y[i + 2 * n] += y2
        y[i + 3 * n] += y3
    for i in range(4 * n, len(y)):
        for j in range(len(x)):
            y[i] += weights[i, j] * x[j]


@_compiled
def _rotate(x: Array, cos: Array, sin: Array) -> None:
    """Turn the pairs (i, i + A / 2) of x (A,)."""
    half = len(x) // 2
    for i in range(half):
        a, b = x[i], x[i + half]
        x[i] = a * cos[i] + b * sin[i]
        x[i + half] = b * cos[i + half] + a * sin[i + half]


@_compiled
def _look(query: Array, buffer: Array, k: int, first: int, scores: Array, y: Array) -> None:
    """Set y (A,) to the values of `buffer` (S + 1, 2 K, A), from `first` on, by attention."""
    scale = ONE / np.sqrt(np.float32(len(query)))
    most = np.float32(-np.inf)
    for j in range(first, len(buffer)):
        key, total = buffer[j, k], np.float32(0)
        for a in range(len(query)):
            total += query[a] * key[a]
        scores[j] = total * scale
        most = max(most, scores[j])
    total = np.float32(0)
    for j in range(first, len(buffer)):
        scores[j] = _exp(scores[j] - most)
        total += scores[j]
    y[:] = 0
    for j in range(first, len(buffer)):
        value, weight = buffer[j, buffer.shape[1] // 2 + k], scores[j] / total
        for a in range(len(y)):
            y[a] += weight * value[a]


@_compiled
def advance(
    x: Array,
    layers: tuple[Layer, ...],
    kept: tuple[Array, ...],
    buffers: Array,
    cos: Array,
    sin: Array,
    first: int,
) -> None:
    """Take x (D,) through all blocks; it holds what comes out, and `buffers` the new state.

    layers: the weights of each block, in the order in which they are used. kept: of each (S, 2 K,
    A). buffers: (L, S + 1, 2 K, A). cos, sin: (A,). first: the first of S that means anything.
    """
    scores = np.empty(buffers.shape[1], np.float32)
    y = np.empty_like(x)
    for number in range(len(layers)):
        norm, into, sharpness, out, norm_gated, gated, down = layers[number]
        buffer, last = buffers[number], len(kept[number])
        head, kv_heads, heads = buffer.shape[2], buffer.shape[1] // 2, len(sharpness)
        buffer[:last] = kept[number]
        _normalise(x, y)
        y *= norm
        flat = np.zeros(len(into), np.float32)
        _multiply(into, y, flat)
        parts = flat.reshape(-1, head)  # (H + 2 K, A)
        for h in range(heads + kv_heads):
            _normalise(parts[h], parts[h])
            _rotate(parts[h], cos, sin)
        buffer[last] = parts[heads:]
        for h in range(heads):
            parts[h] *= sharpness[h]
            k = h * kv_heads // heads
            _look(parts[h], buffer, k, first, scores, y[h * head : (h + 1) * head])
        _multiply(out, y, x)
        _normalise(x, y)
        y *= norm_gated
        both = np.zeros(len(gated), np.float32)
        _multiply(gated, y, both)
        hidden = both[: len(both) // 2]
        for i in range(len(hidden)):
            hidden[i] = hidden[i] / (ONE + _exp(-hidden[i])) * both[len(hidden) + i]
        _multiply(down, hidden, x)
