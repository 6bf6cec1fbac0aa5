"""Where torch computes: the CPU, a CUDA device, or Apple's MPS. torch is imported late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from howlkit.errors import HowlkitError

if TYPE_CHECKING:
    import torch

__all__ = ["FEW_ROWS", "pick_device", "settle_threads"]

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


def settle_threads(rows: int) -> None:
    """Let torch use one thread if a network is to step only a few rows.

    A step of a few rows is some hundred small products, and sharing each among threads costs more
    than it saves (7 to 60 ms a note in place of 1, on a busy machine of two cores).
    """
    import torch

    if rows <= FEW_ROWS:
        torch.set_num_threads(1)
