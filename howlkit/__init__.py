"""howlkit: train sequence models on your own MIDI files, and make music with them.

The names below are imported when they are first used, so that `import howlkit` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from howlkit.dataset import Dataset, prepare
    from howlkit.errors import HowlkitError
    from howlkit.hookspecs import hookimpl
    from howlkit.music.piece import Piece
    from howlkit.options import option
    from howlkit.sampling.limits import Limit
    from howlkit.sampling.logits import SamplingParams
    from howlkit.sampling.session import Session
    from howlkit.sampling.trained import Trained
    from howlkit.schema import Field, Schema

__version__ = "0.1.0"

__all__ = [
    "Dataset",
    "Field",
    "HowlkitError",
    "Limit",
    "Piece",
    "Schema",
    "Session",
    "SamplingParams",
    "Trained",
    "hookimpl",
    "option",
    "prepare",
]

_HOMES = {
    "Dataset": "dataset",
    "Field": "schema",
    "HowlkitError": "errors",
    "Limit": "sampling.limits",
    "Piece": "music.piece",
    "Schema": "schema",
    "Session": "sampling.session",
    "SamplingParams": "sampling.logits",
    "Trained": "sampling.trained",
    "hookimpl": "hookspecs",
    "option": "options",
    "prepare": "dataset",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module 'howlkit' has no attribute {name!r}")
    return getattr(importlib.import_module(f"howlkit.{_HOMES[name]}"), name)
