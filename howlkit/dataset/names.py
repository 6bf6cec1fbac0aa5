"""What the files of a dataset are called. Files of other names are never touched."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

__all__ = [
    "JOURNAL",
    "LOCK",
    "PARTIAL",
    "PIECES",
    "SCRATCH",
    "SCRATCH_PREFIX",
    "SHARD",
    "delete",
    "is_ours",
    "matching",
]

SHARD = re.compile(r"shard-(\d{5})\.safetensors")
JOURNAL = re.compile(r"shard-(\d{5})\.jsonl")
PIECES = re.compile(r"pieces-[0-9a-f]{16}\.safetensors")
LOCK = ".lock"

SCRATCH_PREFIX = ".scratch-"
SCRATCH = re.compile(re.escape(SCRATCH_PREFIX) + r"[a-z0-9_]+")
"""Matrices that processes share for a while (`tensors.OnDisk`)."""

_WHOLE = "|".join(
    [r"dataset\.json|files\.jsonl|report\.json", SHARD.pattern, JOURNAL.pattern, PIECES.pattern]
)
PARTIAL = re.compile(rf"\.partial-\d+-({_WHOLE})")
"""What writing leaves that was broken off (`disk.write_whole`)."""


def is_ours(name: str) -> bool:
    """Say whether a file of a dataset may be called so."""
    known = name == LOCK or re.fullmatch(_WHOLE, name) or PARTIAL.fullmatch(name)
    known = known or SCRATCH.fullmatch(name)
    return bool(known)


def matching(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """Return what is in a folder under names that are all of `pattern`, by name."""
    return sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name))


def delete(path: Path) -> None:
    """Delete a file that is in nobody's way: where the system refuses, it stays."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
