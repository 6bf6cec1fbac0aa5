"""The step of the decoder in compiled code, as a `CompiledBackbone`.

One kernel steps a single row, from the weights alone. Torch steps several rows, since it multiplies
matrices for many rows faster. Shapes and letters as in network.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from howlkit.sampling import NamedWeights, StoredNetwork
from howlkit_transformer import kernels
from howlkit_transformer.positions import PERIOD, turns

if TYPE_CHECKING:
    from howlkit_transformer.shape import Shape

__all__ = ["CompiledDecoder"]

Array = NDArray[np.float32]
State = dict[str, NDArray[Any]]


class CompiledDecoder:
    """A `howlkit.sampling.CompiledBackbone` of the decoder's blocks.

    weights: those named `backbone.*` are taken. stored: their network, which steps several rows.
    Raises UnsuitedError if the weights do not fit.
    """

    def __init__(
        self,
        weights: NamedWeights,
        stored: StoredNetwork,
        shape: Shape,
        *,
        window: int,
        taps: int,
    ) -> None:
        self.width, self.window, self._stored = shape.width, window, stored
        head = shape.width // shape.heads
        self.entry = weights.take(
            "backbone.enter.weight", shape.width, stored.heads.width_in(stored.schema)
        )
        self.entry_bias = np.zeros(shape.width, np.float32)
        self._taps = weights.take("backbone.mix.taps", taps - 1, shape.width) if taps > 1 else None
        self._names = [str(number) for number in range(shape.layers)]
        self._layers = tuple(_layer(weights, f"backbone.blocks.{n}", shape) for n in self._names)
        self._norm = weights.take("backbone.norm.weight", shape.width)
        self._kept_shape = (0, 2 * shape.kv_heads, head)
        self._turns = turns(head)

    def start(self, rows: int) -> State:
        """As `CompiledBackbone.start`."""
        empty = np.zeros((rows, *self._kept_shape), np.float32)
        state: State = {name: empty for name in self._names} | {"seen": np.zeros(rows, np.int64)}
        if self._taps is not None:
            state["past"] = np.zeros((rows, *self._taps.shape), np.float32)
        return state

    def step(self, x: Array, state: State, going: NDArray[np.bool_]) -> tuple[State, Array]:
        """As `CompiledBackbone.step`."""
        if len(x) > 1:
            return self._step_rows(x, state, going)
        y = x[0].copy()
        return self._advance(y, state), y[None]

    def _advance(self, x: Array, state: State) -> State:
        """Run the blocks on x (D,), in place, after the state of one row; return its next state."""
        past = None
        if self._taps is not None:
            past = np.concatenate((state["past"][0, 1:], x[None]))
            x += (state["past"][0] * self._taps).sum(0)
        kept = tuple(np.ascontiguousarray(state[name][0]) for name in self._names)
        steps, *rest = kept[0].shape
        buffers = np.empty((len(kept), steps + 1, *rest), np.float32)
        seen = int(state["seen"][0])
        angle = (seen * self._turns) % PERIOD * (2 * math.pi / PERIOD)
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        kernels.advance(
            x, self._layers, kept, buffers,
            np.concatenate((cos, cos)), np.concatenate((-sin, sin)),
            max(0, steps - seen), self._norm,
        )  # fmt: skip
        dropped = max(0, steps + 1 - self.window)
        after: State = {"seen": state["seen"] + 1}
        if past is not None:
            after["past"] = past[None]
        for number, name in enumerate(self._names):
            after[name] = buffers[number : number + 1, dropped:]
        return after

    def _step_rows(self, x: Array, state: State, going: NDArray[np.bool_]) -> tuple[State, Array]:
        """Return the state and hidden (B, D) after x (B, D), computed by torch."""
        import torch

        decoder: Any = self._stored.network.backbone
        tensors = {name: torch.from_numpy(part) for name, part in state.items()}
        lengths = None if going.all() else torch.from_numpy(going.astype(np.int64))
        with torch.inference_mode():
            y, after = decoder.run_blocks(torch.from_numpy(x)[:, None], tensors, lengths)
        return {name: part.numpy() for name, part in after.items()}, y[:, 0].numpy()


def _layer(weights: NamedWeights, name: str, shape: Shape) -> kernels.Layer:
    """Return the weights of a block, in the order in which the kernel takes them."""
    width, heads, kv_heads = shape.width, shape.heads, shape.kv_heads
    head, hidden = width // heads, shape.hidden
    return (
        weights.take(f"{name}.norm.weight", width),
        weights.take(f"{name}.into.weight", (heads + 2 * kv_heads) * head, width),
        weights.take(f"{name}.sharpness", heads),
        weights.take(f"{name}.out.weight", width, width),
        weights.take(f"{name}.norm_gated.weight", width),
        weights.take(f"{name}.gated.weight", 2 * hidden, width),
        weights.take(f"{name}.down.weight", width, hidden),
    )
