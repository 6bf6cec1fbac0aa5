"""Where torch computes: the CPU, a CUDA device, or Apple's MPS. It is imported when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from howlkit.errors import HowlkitError

if TYPE_CHECKING:
    import torch

__all__ = ["FEW_ROWS", "pick_device", "settle_threads"]

FEW_ROWS = 64


def pick_device(name: str) -> torch.device:
    """Return the device called auto, cpu, cuda or mps.

    Raises HowlkitError, naming those there are, if this machine has none such.
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
    """Let torch use one thread where more only wait for each other: few rows, step by step.

    A step of a few rows is some hundred small products; sharing each out costs more than it saves
    (on a busy machine of two cores 7 to 60 ms a note in place of 1).
    """
    import torch

    if rows <= FEW_ROWS:
        torch.set_num_threads(1)
