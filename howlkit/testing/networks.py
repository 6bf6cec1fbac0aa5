"""Small networks for the laws of models: built, with stirred weights, and trained a little.

A new network may have parts that begin at zero, and a fault in these would show only after
training. So where two ways of computing are compared, the weights are stirred first. B rows, T
steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from howlkit.head_options import HeadOptions
from howlkit.protocols import Model
from howlkit.schema import Schema, Steps
from howlkit.testing.schemas import step_tensors

__all__ = ["build_network", "nats_per_step", "stir_weights", "train"]

STIR = 0.1  # a weight is changed by at most this much, and by at least half of it


EVERY_INPUT: dict[str, Any] = {
    "repeats": ("all",),
    "relative": True,
    "intervals": True,
    "elapsed": True,
    "pitch_classes": 6,
    "scale": True,
    "harmony": 3,
}
"""Head options: everything that a network may be told besides the last step."""


def build_network(
    model: Model,
    schema: Schema,
    *,
    seed: int = 0,
    chained: bool = True,
    skip: bool = True,
    inputs: bool = False,
) -> Any:  # noqa: ANN401 - a Network, and a torch module
    """Return a network of the model with small heads, in evaluation mode.

    inputs: give it `EVERY_INPUT`.
    """
    torch.manual_seed(seed)
    small = HeadOptions(chained=chained, skip=skip, components=3, embedding=8, width=16)
    heads = replace(small, **EVERY_INPUT) if inputs else small
    return model.build(schema, heads).eval()


def stir_weights(network: Any) -> Any:  # noqa: ANN401 - a Network, and a torch module
    """Change every weight by 0.05 to 0.1, up or down, the same each time; return the network."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            up = torch.randint(0, 2, weight.shape, generator=generator) * 2 - 1
            size = STIR * (1 + torch.rand(weight.shape, generator=generator)) / 2
            weight.add_((up * size).to(weight))
    return network


def nats_per_step(network: Any, steps: Steps, *, carried: bool = False) -> Tensor:  # noqa: ANN401
    """Return the mean nats of a step of `steps` (B, T), each given the steps before it.

    carried: run the steps in two halves, and carry the state from the first to the second.
    """
    batch = step_tensors(steps)
    inputs = {name: column[:, :-1] for name, column in batch.items()}
    targets = {name: column[:, 1:] for name, column in batch.items()}
    length = steps.shape[1] - 1
    state = None
    costs: list[Tensor] = []
    for begin, stop in ((0, length // 2), (length // 2, length)) if carried else ((0, length),):
        here, there = (
            {name: column[:, begin:stop] for name, column in columns.items()}
            for columns in (inputs, targets)
        )
        hidden, state = network.advance(here, state)
        costs += [cost.sum() for cost in network.nats(hidden, there).values()]
    mean: Tensor = torch.stack(costs).sum() / (steps.shape[0] * length)
    return mean


def train(network: Any, steps: Steps, *, rate: float, most: int) -> Iterator[float]:  # noqa: ANN401
    """Train on `steps` (B, T); yield the loss before each of at most `most` updates."""
    network.train()
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    for _ in range(most):
        cost = nats_per_step(network, steps)
        optimizer.zero_grad()
        torch.autograd.backward(cost)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        yield float(cost.detach())
