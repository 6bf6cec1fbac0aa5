"""Training: setting a run up, the loop over windows, and the files that a run writes.

The public names are those for a training loop of one's own: batches of tensors, and the unigram
baseline.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from howlkit.network.likelihood import unigram
    from howlkit.training.facts import baseline_nats
    from howlkit.training.tensor_batches import TensorBatch, batches, collate

__all__ = ["TensorBatch", "baseline_nats", "batches", "collate", "unigram"]

_HOMES = {
    "TensorBatch": "training.tensor_batches",
    "baseline_nats": "training.facts",
    "batches": "training.tensor_batches",
    "collate": "training.tensor_batches",
    "unigram": "network.likelihood",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"howlkit.{_HOMES[name]}"), name)
