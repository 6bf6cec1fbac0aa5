"""The step of recurrent layers and of the processing block in compiled code.

The result is that of network.py without dropout, from the same weights. One kernel steps a single
row; for several rows, torch multiplies matrices between kernels. Shapes: B rows, L layers, H hidden
units, G gates x H, P units of the processing block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.models.lstm_gru import kernels
from howlkit.sampling.compiled_backbone import multiply
from howlkit.sampling.runner import Mask
from howlkit.sampling.stored_network import NamedWeights

__all__ = ["CompiledRecurrent"]

Array = NDArray[np.float32]
State = dict[str, NDArray[Any]]


class CompiledRecurrent:
    """A `CompiledBackbone`; its state has arrays (B, L, H): `h`, and `c` if the cell is an LSTM.

    weights: those named `backbone.*` are taken. cell: "lstm" or "gru". width_in: the width of an
    embedded step. block, block_width: the number of layers of the processing block, and P.
    Raises UnsuitedError if the weights do not fit.
    """

    def __init__(
        self,
        weights: NamedWeights,
        cell: str,
        width_in: int,
        hidden: int,
        *,
        layers: int,
        block: int,
        block_width: int,
    ) -> None:
        self._parts = {"lstm": ("h", "c"), "gru": ("h",)}[cell]
        gates = hidden * {"lstm": 4, "gru": 3}[cell]
        inputs, recurrent, bias_x, bias_h = [], [], [], []
        for layer in range(layers):
            name, below = f"backbone.layers.{layer}", hidden if layer else width_in
            inputs.append(weights.take(f"{name}.weight_ih_l0", gates, below))
            recurrent.append(weights.take(f"{name}.weight_hh_l0", gates, hidden))
            bias_x.append(weights.take(f"{name}.bias_ih_l0", gates))
            bias_h.append(weights.take(f"{name}.bias_hh_l0", gates))
        # SELU and dropout follow each linear layer of the block, so every third has weights.
        stages = [
            weights.linear(
                f"backbone.block.{3 * stage}", block_width, block_width if stage else hidden
            )
            for stage in range(block)
        ]
        self.entry, self.entry_bias = inputs[0], bias_x[0]
        self.hidden, self.width = hidden, hidden + (block_width if block else 0)
        self._recurrent = np.stack(recurrent)  # (L, G, H)
        self._inputs = _stacked(inputs[1:], 3)
        self._bias_x, self._bias_h = np.stack(bias_x), np.stack(bias_h)
        self._block_first = stages[0][0] if stages else _stacked([], 2)
        self._block = _stacked([weight for weight, _ in stages[1:]], 3)
        self._block_bias = _stacked([bias for _, bias in stages], 2)
        self._matrices = (
            self._bias_x, self._bias_h, self._recurrent, self._inputs,
            self._block_first, self._block, self._block_bias,
        )  # fmt: skip

    def start(self, rows: int) -> State:
        """As `CompiledBackbone.start`."""
        shape = rows, len(self._recurrent), self.hidden
        return {part: np.zeros(shape, np.float32) for part in self._parts}

    def step(self, x: Array, state: State, going: Mask) -> tuple[State, Array]:
        """As `CompiledBackbone.step`."""
        h, after = state["h"], np.empty_like(state["h"])
        c = state.get("c", h[..., :0])
        kept = np.empty_like(c)
        hidden = np.empty((len(x), self.width), np.float32)
        work = np.empty_like(x)
        if len(x) == 1:
            kernels.advance(
                x[0], *self._matrices, h[0], c[0], after[0], kept[0], hidden[0], work[0]
            )
        else:
            self._step_rows(x, work, going, (h, c), (after, kept), hidden)
        return {"h": after, "c": kept} if "c" in state else {"h": after}, hidden

    def _step_rows(
        self,
        x: Array,
        work: Array,
        going: Mask,
        before: tuple[Array, Array],
        after: tuple[Array, Array],
        hidden: Array,
    ) -> None:
        """Compute after and hidden from before, layer by layer, for all rows at once."""
        (h, c), (h_after, c_after) = before, after
        for layer in range(h.shape[1]):
            if layer:
                multiply(h_after[:, layer - 1], self._inputs[layer - 1], self._bias_x[layer], x)
            multiply(h[:, layer], self._recurrent[layer], self._bias_h[layer], work)
            kernels.cells(
                x, work, going, h[:, layer], c[:, layer], h_after[:, layer], c_after[:, layer]
            )
        hidden[:, : self.hidden] = h_after[:, -1]
        if len(self._block_bias):
            below = h_after[:, -1]
            matrices = (self._block_first, *self._block)
            for matrix, bias in zip(matrices, self._block_bias, strict=True):
                above = np.empty((len(x), len(bias)), np.float32)
                multiply(below, matrix, bias, above)
                kernels.selus(above)
                below = above
            hidden[:, self.hidden :] = below


def _stacked(parts: list[Array], ndim: int) -> Array:
    """Return parts stacked along a new first axis; without parts, an array without elements."""
    return np.stack(parts) if parts else np.zeros((0,) * ndim, np.float32)
