"""Averaged weights, by an exponential moving average: judged and kept in place of the last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from howlkit.network.network import Network

__all__ = ["Average"]


class Average:
    """The moving average of the weights of `network`.

    tensors: by name, as `network.state_dict()`. decay: what a step leaves of the average, 0..1.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self._network, self._decay = network, decay
        self._weights = network.state_dict()  # shares memory with the network's own
        self.tensors: dict[str, Tensor] = {}
        self.restart()

    def restart(self) -> None:
        """Begin at the weights as they are now."""
        self.tensors = {name: tensor.detach().clone() for name, tensor in self._weights.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over stored averages; KeyError or RuntimeError if they do not fit."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])

    @torch.no_grad()
    def move(self, step: int) -> None:
        """Move on after step number `step`; young runs average over less (as in TensorFlow)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        # All tensors in one operation, where the device has it.
        torch._foreach_lerp_(list(self.tensors.values()), list(self._weights.values()), 1 - decay)

    @contextmanager
    def in_network(self) -> Iterator[None]:
        """Have the averages in the network for a while."""
        own = {name: tensor.clone() for name, tensor in self._weights.items()}
        self._network.load_state_dict(self.tensors)
        try:
            yield
        finally:
            self._network.load_state_dict(own)
