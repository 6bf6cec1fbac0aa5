"""AdamW as training uses it, and its state as named tensors, to store and to load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["adamw", "load", "tensors_of"]


def adamw(network: nn.Module, rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW (Loshchilov and Hutter 2019) over a network; only matrices decay."""
    return torch.optim.AdamW(
        _parameter_groups(network, weight_decay),
        lr=rate,
        fused=True,  # one pass over the weights in place of ten
    )


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return parameter groups in which matrices decay, and biases and other vectors do not."""
    matrices = [p for p in network.parameters() if p.ndim >= 2]
    vectors = [p for p in network.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def tensors_of(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as a flat dict, "parameter/name" to tensor."""
    state = optimizer.state_dict()["state"]
    return {f"{p}/{name}": value for p, entry in state.items() for name, value in entry.items()}


def load(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimizer the state that `tensors_of` returned; ValueError if it does not fit."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        parameter, part = name.split("/")
        state.setdefault(int(parameter), {})[part] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
