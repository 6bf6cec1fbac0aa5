"""Where torch computes: the CPU, a CUDA device, or Apple's MPS. torch is imported late."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from howlkit.errors import HowlkitError

if TYPE_CHECKING:
    import torch

__all__ = ["FEW_ROWS", "one_thread", "pick_device"]

FEW_ROWS = 64
"""Up to this many rows, torch steps a network with one thread."""


def pick_device(name: str) -> torch.device:
    """Return the device called auto, cpu, cuda or mps.

    Raises HowlkitError, with the devices that this machine has, if it lacks the one asked for.
    """
    import torch

    has_mps = bool(torch.backends.mps.is_available())
    have = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": has_mps}
    if name == "auto":
        return torch.device(next(n for n in ("cuda", "mps", "cpu") if have[n]))
    if not have.get(name, False):
        there = ", ".join(n for n, ok in have.items() if ok)
        raise HowlkitError(
            f"--device {name}: this machine has {there}; auto takes the best of them"
        )
    return torch.device(name)


@contextlib.contextmanager
def one_thread(rows: int) -> Iterator[None]:
    """Let torch use one thread in this context if it steps a network for only a few rows.

    A step of a few rows is some hundred small products, and sharing each among threads costs more
    than it saves (23 to 30 ms a step in place of 4, on a busy machine of two cores). Where torch is
    not imported, nothing happens.
    """
    torch = sys.modules.get("torch")
    before = 1 if torch is None or rows > FEW_ROWS else torch.get_num_threads()
    if torch is None or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
