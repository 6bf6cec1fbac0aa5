"""Making music with a trained model: sessions, what shapes logits, whole pieces, files."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from howlkit.sampling.generation import MOST_NOTES, begin, cut_prompt, length, music, run
    from howlkit.sampling.logits import NOT_A_NUMBER, SamplingParams, choose, probabilities
    from howlkit.sampling.session import Limit, Session
    from howlkit.sampling.trained import Trained, newest_run

__all__ = [
    "MOST_NOTES",
    "NOT_A_NUMBER",
    "Limit",
    "Session",
    "SamplingParams",
    "Trained",
    "begin",
    "choose",
    "cut_prompt",
    "length",
    "music",
    "newest_run",
    "probabilities",
    "run",
]

_HOMES = {
    "MOST_NOTES": "generation",
    "NOT_A_NUMBER": "logits",
    "Limit": "session",
    "Session": "session",
    "SamplingParams": "logits",
    "Trained": "trained",
    "begin": "generation",
    "choose": "logits",
    "cut_prompt": "generation",
    "length": "generation",
    "music": "generation",
    "newest_run": "trained",
    "probabilities": "logits",
    "run": "generation",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
