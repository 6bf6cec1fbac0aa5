"""dataset.json: what it must say, and whether the files that it names are there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from howlkit.dataset.names import MANIFEST
from howlkit.errors import DataError, printable, quoted

__all__ = ["FORMAT", "check_shards", "read_manifest"]

FORMAT = 1
"""The format of datasets that this version writes; it reads no other."""

_TYPES = {
    "format": int,
    "howlkit": str,
    "pieces": int,
    "groups": int,
    "notes": int,
    "hours": float,
    "parts": dict,
    "options": dict,
    "shards": dict,
    "pieces_file": str,
    "inputs": str,
    "fingerprint": str,
}


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the contents of the dataset.json in folder `path`, checked as far as they are used.

    Raises DataError if there is none, or if it is damaged or of another format.
    """
    file = path / MANIFEST
    if not file.is_file():
        raise DataError(
            f"{printable(path)} is no dataset: there is no dataset.json in it. "
            f"Make one with: howlkit prepare FOLDER --out {quoted(path)}"
        )
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        version = manifest["format"]
        if version == FORMAT:
            return _checked(manifest)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{printable(file)} is damaged ({error!r}); run `howlkit prepare` again"
        ) from error
    raise DataError(
        f"{printable(path)} is a dataset of format {printable(version)}, "
        f"this version of howlkit reads {FORMAT}: "
        "use the version that wrote it, or prepare into another folder"
    )


def _checked(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest; KeyError, TypeError or ValueError if a value is missing or wrong."""
    for name, kind in _TYPES.items():
        value = manifest[name]
        if type(value) is not kind:
            raise TypeError(f"{name} is {value!r}")
        if isinstance(value, (int, float)) and not 0 <= value < float("inf"):
            raise ValueError(f"{name} is {value}")
    return manifest


def check_shards(path: Path, shards: Mapping[str, int]) -> None:
    """Raise DataError unless each shard has its size in bytes; shards: the sizes by name."""
    for name, size in shards.items():
        try:
            there = os.stat(path / name).st_size
        except (OSError, ValueError):  # ValueError: a NUL in the name
            there = 0
        if there != size:
            raise DataError(
                f"{printable(path / name)} has {there} of {printable(size)} bytes, so the dataset "
                "is damaged; run `howlkit prepare` again, it reads anew what is lost"
            )
