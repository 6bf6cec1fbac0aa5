"""An exponential moving average of the weights, which is validated and saved in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from howlkit.network.network import Network

__all__ = ["Average"]


class Average:
    """The moving average of the weights of `network`.

    decay: 0..1, the share of the old average that remains after a step. tensors: the average, by
    name, as `network.state_dict()`.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self._network, self._decay = network, decay
        self._weights = network.state_dict()  # shares memory with the network's own
        self.tensors: dict[str, Tensor] = {}
        self.restart()

    def restart(self) -> None:
        """Set the average to the weights as they are now."""
        self.tensors = {name: tensor.detach().clone() for name, tensor in self._weights.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Set the average to stored tensors; KeyError or RuntimeError if they do not fit."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])

    @torch.no_grad()
    def move(self, step: int) -> None:
        """Update after step number `step`; early steps decay faster (as in TensorFlow).

        The decay is min(decay, (1 + step) / (10 + step)), as tf.train.ExponentialMovingAverage.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        # All tensors in one operation, where the device has it.
        torch._foreach_lerp_(list(self.tensors.values()), list(self._weights.values()), 1 - decay)

    @contextmanager
    def in_network(self) -> Iterator[None]:
        """Put the average into the network inside this context, and its own weights back after."""
        own = {name: tensor.clone() for name, tensor in self._weights.items()}
        self._network.load_state_dict(self.tensors)
        try:
            yield
        finally:
            self._network.load_state_dict(own)
