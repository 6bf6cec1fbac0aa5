"""The random numbers of a training: a stream for each process, kept in checkpoints.

They draw first weights and dropout. With one process the stream is torch's own, from the seed of
the run. Which music comes next does not depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from howlkit.training.world import World

__all__ = ["restore", "seed", "tensors"]


def seed(number: int, rank: int, step: int = 0) -> None:
    """Begin the stream of a process; that of the first one goes on from the first weights.

    number: the seed of the run. step: where a process begins that took no part before.
    """
    if rank:
        stream = np.random.SeedSequence([number, 5, rank, step])
        torch.manual_seed(int(stream.generate_state(1, np.uint64)[0]) >> 1)


def tensors(world: World, device: torch.device) -> dict[str, Tensor]:
    """Return the state of all streams by name, to the first process; nothing to the others.

    Every process must call this.
    """
    states = {"rng": torch.get_rng_state()}
    if device.type == "cuda":
        states["rng_cuda"] = torch.cuda.get_rng_state()
    found = {}
    for name, state in states.items():
        for rank, each in enumerate(world.gathered(state) or ()):
            found[_name(name, rank)] = each
    return found


def restore(stored: Mapping[str, Tensor], world: World, device: torch.device) -> None:
    """Set the streams of this process to what `tensors` returned, if it took part then."""
    if (name := _name("rng", world.rank)) in stored or world.first:
        torch.set_rng_state(stored[name])
        if device.type == "cuda":
            torch.cuda.set_rng_state(stored[_name("rng_cuda", world.rank)])


def _name(name: str, rank: int) -> str:
    """Return the name of a state in a checkpoint; the first process needs no number."""
    return f"ranks/{rank}/{name}" if rank else name
