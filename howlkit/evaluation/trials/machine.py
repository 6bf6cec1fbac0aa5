"""The machine that something was measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

__all__ = ["machine", "machine_in_words"]


def machine() -> dict[str, Any]:
    """Return the facts about this machine on which speeds depend, JSON-ready."""
    return {
        "cpu": _linux_cpu() or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def machine_in_words(facts: dict[str, Any]) -> str:
    """Return a machine in a few words.

    >>> machine_in_words({"cpu": "AMD EPYC", "cores": 2, "system": "Linux", "python": "3.11.7"})
    'AMD EPYC, 2 cores'
    """
    return f"{facts['cpu']}, {facts['cores']} cores"


def _linux_cpu() -> str:
    """Return the name of the processor as Linux says it; "" elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "")
