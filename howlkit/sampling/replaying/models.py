"""The model that made a piece, found by its hash: among the runs, and those that ship."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from howlkit.errors import CheckpointError
from howlkit.sampling.identity import folder_hash
from howlkit.sampling.replaying.replay import ReplayError
from howlkit.training import run_folders, shipped_models
from howlkit.training.run_folders import RUNS

__all__ = ["find"]


def find(record: Mapping[str, Any], parent: Path = RUNS) -> Path:
    """Return the run below `parent`, or the name of the model that ships, which made a piece.

    The name in a record is compared with those of models that ship, and never opened as a path.
    Raises ReplayError if none has the hash.
    """
    said = record.get("model")
    said = said if isinstance(said, dict) else {}
    name, wanted = str(said.get("name", "")), said.get("sha256")
    places = [*_shipped(name), *run_folders.trained_runs(parent)]
    for place in places:
        try:
            if folder_hash(run_folders.find_model(place)) == wanted:
                return place
        except CheckpointError:  # damaged, or a package is missing: it may be another one
            continue
    raise ReplayError(
        f"its model ({name or said.get('model')}, {str(wanted)[:12]}) is neither in {parent} nor "
        "one that comes with howlkit; name its folder: --run RUN"
    )


def _shipped(name: str) -> Iterator[Path]:
    if shipped_models.find(name) is not None:
        yield Path(name)
