"""How much memory a device has free, in bytes, where that can be found out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["free_memory"]

V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
V2 = ("memory.max", "memory.current", "inactive_file")
"""Of a Linux control group: files of its limit and its use; in memory.stat, the cache in that use
which it gives back."""


def free_memory(device: torch.device) -> int | None:
    """Return the bytes that a new network may take on a device; None if that is not known.

    On Linux the limits of control groups count, which containers set. Swap does not count.
    """
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    if device.type not in ("cpu", "mps"):  # Apple's GPU shares the memory of the CPU
        return None
    known = [free for free in (_of_machine(), *_of_control_groups()) if free is not None]
    return min(known, default=None)


def _of_machine() -> int | None:
    """Return what Linux says is available; elsewhere all the memory there is, if it is known."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvail"))
    except (OSError, ValueError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None


def _of_control_groups() -> Iterator[int]:
    """Yield what each control group leaves this process, from its own to the outermost."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, names = Path("/sys/fs/cgroup"), V2
        elif "memory" in controllers.split(","):
            root, names = Path("/sys/fs/cgroup/memory"), V1
        else:
            continue
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            free = _left(folder, names)
            if free is not None:
                yield free
            if folder == root:
                break


def _left(group: Path, names: tuple[str, str, str]) -> int | None:
    """Return the limit of a control group less its use; None if it has no limit."""
    limit, use, cache = names
    try:
        most = int((group / limit).read_text(encoding="ascii"))
        used = int((group / use).read_text(encoding="ascii"))
        stat = (group / "memory.stat").read_text(encoding="ascii").splitlines()
        kept = next((int(line.split()[1]) for line in stat if line.split()[0] == cache), 0)
    except (OSError, ValueError, IndexError):  # no such file, or "max"
        return None
    return max(0, most - used + kept)
