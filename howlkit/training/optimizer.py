"""Optimizers as training uses them: steps, clipping, learning rate, and state as named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from howlkit.training.muon import MuonWithAdamW

__all__ = ["Optimizer", "adamw", "learning_rate", "load", "new_optimizer", "tensors_of", "update"]

Optimizer = torch.optim.AdamW | MuonWithAdamW


def new_optimizer(kind: str, network: nn.Module, rate: float, weight_decay: float) -> Optimizer:
    """Return a new optimizer of a network.

    kind: "adamw", or "muon": Muon for the hidden matrices and AdamW for the rest. Raises
    OptionError for "muon" if the network has no hidden matrices.
    """
    if kind == "muon":
        return MuonWithAdamW(network, rate, weight_decay)
    return adamw(network, rate, weight_decay)


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


def update(
    optimizer: Optimizer, network: nn.Module, rate: float, *, clip: float, strict: bool = False
) -> Tensor:
    """Take one step down the gradients of a network, clear them, and return their norm ().

    clip: gradients of a larger norm, over all weights, are scaled down to it (Pascanu et al. 2013);
    0: never. strict: raise FloatingPointError, and change nothing, if the norm is NaN or infinite;
    a device has to be waited for.
    """
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    if strict and not norm.isfinite():
        raise FloatingPointError("the gradients are not finite")
    if clip:
        torch.nn.utils.clip_grads_with_norm_(network.parameters(), clip, norm)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return parameter groups in which matrices decay, and biases and other vectors do not."""
    matrices = [p for p in network.parameters() if p.ndim >= 2]
    vectors = [p for p in network.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def tensors_of(optimizer: Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as a flat dict, "parameter/name" to tensor."""
    if isinstance(optimizer, MuonWithAdamW):
        return optimizer.tensors()
    state = optimizer.state_dict()["state"]
    return {f"{p}/{name}": value for p, entry in state.items() for name, value in entry.items()}


def load(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimizer the state that `tensors_of` returned; ValueError if it does not fit."""
    if isinstance(optimizer, MuonWithAdamW):
        optimizer.load(tensors)
        return
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        parameter, part = name.split("/")
        state.setdefault(int(parameter), {})[part] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
