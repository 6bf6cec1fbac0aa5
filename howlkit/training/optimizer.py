"""AdamW as training uses it, its learning rate, and its state as named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["adamw", "learning_rate", "load", "tensors_of"]


def adamw(network: nn.Module, rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW (Loshchilov and Hutter 2019) over a network; only matrices decay."""
    return torch.optim.AdamW(
        _parameter_groups(network, weight_decay),
        lr=rate,
        fused=True,  # one pass over the weights in place of ten
    )


def learning_rate(highest: float, *, step: int, warmup: int, used: float) -> float:
    """Return the learning rate of a step: a linear warm-up, then straight down to a hundredth.

    A straight line, since half a cosine spends the end of a short run at rates that change nothing
    (Bergsma et al. 2025, "Straight to zero"); docs/measurements.md has both.

    step: the number of steps before this one. warmup: the number of steps that the warm-up takes.
    used: the fraction of the budget that is used up, 0..1.

    >>> [learning_rate(1.0, step=step, warmup=4, used=step / 10) for step in (0, 5)]
    [0.25, 0.505]
    """
    falling = 1.0 - 0.99 * used
    return highest * falling * min(1.0, (step + 1) / max(warmup, 1))


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
