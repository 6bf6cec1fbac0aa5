"""A network as it lies on disk: its weights as arrays, and torch's modules once they are needed.

Compiled code needs the arrays alone, so music can be made without torch: importing torch takes
longer than sampling most pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.head_options import HeadOptions
from howlkit.schema import Schema

if TYPE_CHECKING:
    from howlkit.network.network import Network

__all__ = ["NamedWeights", "StoredNetwork", "UnsuitedError"]

Array = NDArray[np.float32]


class UnsuitedError(HowlkitError):
    """Compiled code cannot step a network; the message says why, and torch can step it."""


@dataclass(frozen=True)
class StoredNetwork:
    """The weights of a network, and `load`, which makes the network of them.

    weights: by the names of its state_dict, on the CPU.
    """

    schema: Schema
    heads: HeadOptions
    weights: Mapping[str, NDArray[Any]]
    load: Callable[[], Network]

    @cached_property
    def network(self) -> Network:
        """The network, on the CPU, made when it is first asked for."""
        return self.load()

    @classmethod
    def of(cls, network: Network) -> StoredNetwork:
        """Return the weights of a network, not copied.

        Raises UnsuitedError if the network is of another class than `howlkit.network.Network`, or
        its weights are not in float32 on the CPU.
        """
        import torch

        from howlkit.network.network import Network

        if type(network) is not Network:
            raise UnsuitedError("its network is one that a plugin wrote whole")
        tensors = network.state_dict()
        if any(t.device.type != "cpu" or t.dtype != torch.float32 for t in tensors.values()):
            raise UnsuitedError("its weights are not in float32 on the CPU")
        weights = {name: t.detach().contiguous().numpy() for name, t in tensors.items()}
        return cls(network.schema, network.heads, weights, lambda: network)


class NamedWeights:
    """Weights by name, each of which is taken once, in the shape that it must have.

    The code that takes weights is the one place that states their names and shapes, and
    `check_all_taken` checks that it has taken all of them.

    >>> weights = NamedWeights({"out.bias": np.zeros(3, np.float32)})
    >>> weights.take("out.bias", 3)
    array([0., 0., 0.], dtype=float32)
    >>> weights.check_all_taken()
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._left = dict(weights)

    def take(self, name: str, *shape: int) -> Array:
        """Return a weight; UnsuitedError if it is missing, or has another shape or type."""
        weight = self._left.pop(name, None)
        if weight is None:
            raise UnsuitedError(f"its weights lack {name}")
        if weight.shape != shape or weight.dtype != np.float32:
            raise UnsuitedError(
                f"its weight {name} is {weight.shape} {weight.dtype}, not {shape} float32"
            )
        return weight

    def linear(self, name: str, outputs: int, inputs: int) -> tuple[Array, Array]:
        """Return weight (outputs, inputs) and bias (outputs,) of a linear layer; as `take`."""
        return self.take(f"{name}.weight", outputs, inputs), self.take(f"{name}.bias", outputs)

    def check_all_taken(self) -> None:
        """Raise UnsuitedError if a weight was not taken."""
        if self._left:
            raise UnsuitedError(f"its weights have {min(self._left)}, which is of no use here")
