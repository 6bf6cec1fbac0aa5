"""howlkit: train sequence models on your own MIDI files, and make music with them.

The names below are imported when they are first used, so that `import howlkit` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from howlkit.api.components import (
        augmenter,
        constraint,
        encoder,
        model,
        renderer,
        sampler,
    )
    from howlkit.api.files import read, write
    from howlkit.api.preparing import prepare
    from howlkit.api.reporting import report
    from howlkit.api.training import load, train
    from howlkit.dataset import Dataset
    from howlkit.errors import HowlkitError
    from howlkit.hookspecs import hookimpl
    from howlkit.music.piece import Piece
    from howlkit.options import option
    from howlkit.sampling.limits import Limit
    from howlkit.sampling.logits import SamplingParams
    from howlkit.sampling.replacing.takes import Take
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
    "SamplingParams",
    "Schema",
    "Session",
    "Take",
    "Trained",
    "augmenter",
    "constraint",
    "encoder",
    "hookimpl",
    "load",
    "model",
    "option",
    "prepare",
    "read",
    "renderer",
    "report",
    "sampler",
    "train",
    "write",
]

_HOMES = {
    "Dataset": "dataset",
    "Field": "schema",
    "HowlkitError": "errors",
    "Limit": "sampling.limits",
    "Piece": "music.piece",
    "SamplingParams": "sampling.logits",
    "Schema": "schema",
    "Session": "sampling.session",
    "Take": "sampling.replacing.takes",
    "Trained": "sampling.trained",
    "augmenter": "api.components",
    "constraint": "api.components",
    "encoder": "api.components",
    "hookimpl": "hookspecs",
    "load": "api.training",
    "model": "api.components",
    "option": "options",
    "prepare": "api.preparing",
    "read": "api.files",
    "renderer": "api.components",
    "report": "api.reporting",
    "sampler": "api.components",
    "train": "api.training",
    "write": "api.files",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module 'howlkit' has no attribute {name!r}")
    return getattr(importlib.import_module(f"howlkit.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Return what the module has already, and the names that are imported when first used."""
    return sorted({*globals(), *__all__})
