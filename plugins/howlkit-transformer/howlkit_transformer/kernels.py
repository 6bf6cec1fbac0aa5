"""One step of one row through the blocks in compiled code, as `network.Decoder`, in float32.

A step of one row takes as long as reading the weights once, and torch's many small calls would take
as long again.

Letters as in network.py: D width, H heads, K heads of keys and values, S steps kept, A the width of
a head, L blocks.
"""

from __future__ import annotations

import numpy as np

from howlkit.sampling.kernels import ONE, ZERO, Array, compiled, exp

__all__ = ["advance"]

Layer = tuple[Array, Array, Array, Array, Array, Array, Array]

EPSILON = np.finfo(np.float32).eps


@compiled
def _normalise(x: Array, y: Array) -> None:
    """Set y to x, scaled to a root mean square of 1."""
    total = ZERO
    for i in range(len(x)):
        total += x[i] * x[i]
    scale = ONE / np.sqrt(total / np.float32(len(x)) + EPSILON)
    for i in range(len(x)):
        y[i] = x[i] * scale


@compiled
def _multiply(weights: Array, x: Array, y: Array) -> None:
    """Add weights (N, D) times x (D,) to y (N,); four rows at a time, to read memory fastest."""
    n = len(y) // 4
    for i in range(n):
        w0, w1, w2, w3 = weights[i], weights[i + n], weights[i + 2 * n], weights[i + 3 * n]
        y0, y1, y2, y3 = ZERO, ZERO, ZERO, ZERO
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


@compiled
def _rotate(x: Array, cos: Array, sin: Array) -> None:
    """Rotate the pairs (i, i + A / 2) of x (A,), in place, by angles of these cosines and sines."""
    half = len(x) // 2
    for i in range(half):
        a, b = x[i], x[i + half]
        x[i] = a * cos[i] + b * sin[i]
        x[i + half] = b * cos[i + half] + a * sin[i + half]


@compiled
def _look(query: Array, buffer: Array, k: int, first: int, scores: Array, y: Array) -> None:
    """Set y (A,) to the attention of `query` (A,) over the steps of a buffer from `first` on.

    buffer: (S + 1, 2 K, A), keys and then values. k: which of the K heads. scores: (S + 1,),
    scratch space.
    """
    scale = ONE / np.sqrt(np.float32(len(query)))
    most = np.float32(-np.inf)
    for j in range(first, len(buffer)):
        key, total = buffer[j, k], ZERO
        for a in range(len(query)):
            total += query[a] * key[a]
        scores[j] = total * scale
        most = max(most, scores[j])
    total = ZERO
    for j in range(first, len(buffer)):
        scores[j] = exp(scores[j] - most)
        total += scores[j]
    y[:] = 0
    for j in range(first, len(buffer)):
        value, weight = buffer[j, buffer.shape[1] // 2 + k], scores[j] / total
        for a in range(len(y)):
            y[a] += weight * value[a]


@compiled
def advance(
    x: Array,
    layers: tuple[Layer, ...],
    kept: tuple[Array, ...],
    buffers: Array,
    cos: Array,
    sin: Array,
    first: int,
    last_norm: Array,
) -> None:
    """Run all blocks and the last norm on x (D,), in place; set `buffers` to the new state.

    layers: the weights of each block, in the order in which they are used. kept: the old keys and
    values of each block, (S, 2 K, A). buffers: (L, S + 1, 2 K, A). cos, sin: (A,) of the step's
    position. first: the first of the S steps that counts. last_norm: (D,), the weights of the norm
    after the blocks.
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
            hidden[i] = hidden[i] / (ONE + exp(-hidden[i])) * both[len(hidden) + i]
        _multiply(down, hidden, x)
    _normalise(x, x)
    x *= last_norm
