"""Making music with a trained model: sessions, drawing values, whole pieces, compiled steps."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from howlkit.sampling.compiled_backbone import CompiledBackbone
    from howlkit.sampling.compiled_runner import CompiledRunner
    from howlkit.sampling.generation import (
        MOST_NOTES,
        UnfinishedError,
        begin,
        cut_prompt,
        length,
        music,
        run,
    )
    from howlkit.sampling.limits import Limit
    from howlkit.sampling.logits import NOT_A_NUMBER, SamplingParams, choose, probabilities
    from howlkit.sampling.replacing.region import Region
    from howlkit.sampling.replacing.takes import Take
    from howlkit.sampling.runner import CompilableModel, Runner
    from howlkit.sampling.runners import make_runner
    from howlkit.sampling.session import Session
    from howlkit.sampling.stored_network import NamedWeights, StoredNetwork, UnsuitedError
    from howlkit.sampling.torch_runner import TorchRunner
    from howlkit.sampling.trained import Trained

__all__ = [
    "MOST_NOTES",
    "NOT_A_NUMBER",
    "CompilableModel",
    "CompiledBackbone",
    "CompiledRunner",
    "Limit",
    "NamedWeights",
    "Region",
    "Runner",
    "SamplingParams",
    "Session",
    "StoredNetwork",
    "Take",
    "TorchRunner",
    "Trained",
    "UnfinishedError",
    "UnsuitedError",
    "begin",
    "choose",
    "cut_prompt",
    "length",
    "make_runner",
    "music",
    "probabilities",
    "run",
]

_HOMES = {
    "MOST_NOTES": "generation",
    "NOT_A_NUMBER": "logits",
    "CompilableModel": "runner",
    "CompiledBackbone": "compiled_backbone",
    "CompiledRunner": "compiled_runner",
    "Limit": "limits",
    "NamedWeights": "stored_network",
    "Region": "replacing.region",
    "Runner": "runner",
    "SamplingParams": "logits",
    "Session": "session",
    "StoredNetwork": "stored_network",
    "Take": "replacing.takes",
    "TorchRunner": "torch_runner",
    "Trained": "trained",
    "UnfinishedError": "generation",
    "UnsuitedError": "stored_network",
    "begin": "generation",
    "choose": "logits",
    "cut_prompt": "generation",
    "length": "generation",
    "make_runner": "runners",
    "music": "generation",
    "probabilities": "logits",
    "run": "generation",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
