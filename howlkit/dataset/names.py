"""The names of the files of a dataset. Files with other names are never touched."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

__all__ = [
    "FILE_LIST",
    "JOURNAL",
    "LOCK",
    "MANIFEST",
    "PARTIAL",
    "PIECES",
    "REPORT",
    "SCRATCH",
    "SCRATCH_PREFIX",
    "SHARD",
    "delete",
    "is_ours",
    "matching",
]

MANIFEST = "dataset.json"
FILE_LIST = "files.jsonl"
REPORT = "report.json"
SHARD = re.compile(r"shard-(\d{5})\.safetensors")
JOURNAL = re.compile(r"shard-(\d{5})\.jsonl")
PIECES = re.compile(r"pieces-[0-9a-f]{16}\.safetensors")
LOCK = ".lock"

SCRATCH_PREFIX = ".scratch-"
SCRATCH = re.compile(re.escape(SCRATCH_PREFIX) + r"[a-z0-9_]+")
"""Matrices that processes share for a while (`mapped_tensors.OnDisk`)."""

_WHOLE = "|".join(
    [
        *map(re.escape, (MANIFEST, FILE_LIST, REPORT)),
        *(name.pattern for name in (SHARD, JOURNAL, PIECES)),
    ]
)
PARTIAL = re.compile(rf"\.partial-\d+-({_WHOLE})")
"""What an interrupted write leaves (`atomic_files.write_whole`)."""


def is_ours(name: str) -> bool:
    """Say whether a dataset may have a file of this name."""
    known = name == LOCK or re.fullmatch(_WHOLE, name) or PARTIAL.fullmatch(name)
    known = known or SCRATCH.fullmatch(name)
    return bool(known)


def matching(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """Return the files of a folder whose whole names match `pattern`, sorted by name."""
    return sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name))


def delete(path: Path) -> None:
    """Delete a file, or leave it where the system refuses: it does no harm."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
