"""What a model brings to a compiled runner, the step of its backbone; products for many rows."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from howlkit.sampling.runner import Mask

__all__ = ["CompiledBackbone", "multiply"]

Array = NDArray[np.float32]
State = dict[str, NDArray[Any]]


class CompiledBackbone(Protocol):
    """The step of a backbone in compiled code, with weights that do not change.

    entry, entry_bias: (G, D in), (G,), the linear map that an embedded step goes through first.
    width: D, the width of the hidden vectors that it returns.
    """

    entry: Array
    entry_bias: Array
    width: int

    def start(self, rows: int) -> State:
        """Return the state of B rows before their first step, arrays (B, ...) by name."""

    def step(self, x: Array, state: State, going: Mask) -> tuple[State, Array]:
        """Take in x (B, G), a step after the map `entry`; return the new state and hidden (B, D).

        `state` is not changed; x may be. Rows that are not going (B,) keep their state, and their
        hidden vector means nothing.
        """


def multiply(x: Array, matrix: Array, bias: Array, y: Array) -> None:
    """Set y (B, rows) to bias plus x (B, columns) times the transposed matrix (rows, columns)."""
    import torch  # late: only several rows need it, and its products are the quickest

    tensors = (torch.from_numpy(part) for part in (bias, x, matrix))
    shift, left, right = tensors
    torch.addmm(shift, left, right.T, out=torch.from_numpy(y))
