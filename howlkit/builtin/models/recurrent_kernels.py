"""One step of recurrent layers and of the processing block in compiled code, in float32.

The result is that of recurrent.py without dropout. Letters: B rows, L layers, H hidden units, G
gates x H, p layers of the processing block, P units of each.
"""

from __future__ import annotations

from howlkit.sampling.kernels import Array, compiled, product, selu, sigmoid, tanh

__all__ = ["advance", "cells", "selus"]


@compiled
def _cell(x: Array, h: Array, before: Array, memory: Array, after: Array, kept: Array) -> None:
    """Set after (H,) to the new hidden vector of an LSTM or a GRU, and kept (H,) to its new memory.

    x, h: (G,) what the input and the old hidden vector give to the gates, in torch's order.
    before: (H,) the old hidden vector. memory: (H,) the old memory, empty for a GRU.
    """
    n = len(before)
    if len(memory):
        for j in range(n):
            kept[j] = sigmoid(x[n + j] + h[n + j]) * memory[j] + sigmoid(x[j] + h[j]) * tanh(
                x[2 * n + j] + h[2 * n + j]
            )
        for j in range(n):
            after[j] = sigmoid(x[3 * n + j] + h[3 * n + j]) * tanh(kept[j])
    else:
        for j in range(n):
            new = tanh(x[2 * n + j] + sigmoid(x[j] + h[j]) * h[2 * n + j])
            stays = sigmoid(x[n + j] + h[n + j])
            after[j] = new + stays * (before[j] - new)


@compiled
def _selus(x: Array, bias: Array) -> None:
    """Set x to SELU(x + bias), in place."""
    for j in range(len(x)):
        x[j] = selu(x[j] + bias[j])


@compiled
def advance(
    x: Array,
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
    h: Array,
) -> None:
    """Step one row: compute after, kept (L, H) and hidden (H + P,) from before, memory (L, H).

    x: (G,) what the step gives to the first layer's gates, its bias included; it is overwritten.
    bias_x, bias_h: (L, G). recurrent: (L, G, H). inputs: (L - 1, G, H), of all layers but the
    first. block_first: (P, H), block: (p - 1, P, P), block_bias: (p, P), of the processing block;
    empty without one. memory and kept are (L, 0) for a GRU. h: (G,), scratch space.
    """
    layers, n = before.shape
    for layer in range(layers):
        if layer > 0:
            product(inputs[layer - 1], after[layer - 1], x)
            for j in range(len(x)):
                x[j] += bias_x[layer, j]
        product(recurrent[layer], before[layer], h)
        for j in range(len(h)):
            h[j] += bias_h[layer, j]
        _cell(x, h, before[layer], memory[layer], after[layer], kept[layer])
    for j in range(n):
        hidden[j] = after[layers - 1, j]
    if len(block_bias):
        end = hidden[n:]
        product(block_first, after[layers - 1], end)
        _selus(end, block_bias[0])
        for stage in range(len(block)):
            below = end.copy()
            product(block[stage], below, end)
            _selus(end, block_bias[stage + 1])


@compiled
def cells(
    x: Array, h: Array, going: Array, before: Array, memory: Array, after: Array, kept: Array
) -> None:
    """Set after, kept (B, H), as `_cell`, in rows that are going (B,); copy the old in others."""
    for b in range(len(x)):
        if going[b]:
            _cell(x[b], h[b], before[b], memory[b], after[b], kept[b])
        else:
            after[b] = before[b]
            kept[b] = memory[b]


@compiled
def selus(x: Array) -> None:
    """Set x (B, P) to SELU(x), in place."""
    for b in range(len(x)):
        for j in range(x.shape[1]):
            x[b, j] = selu(x[b, j])
