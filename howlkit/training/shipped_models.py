"""The models that come with howlkit, in howlkit/data/models: a model folder and a card each.

A folder there is a model folder as any run has (model_folder.py), whose config.json has a card too:
what it was trained on, how, and how good it is. scripts/ship_model.py makes one of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from howlkit.training.checkpoint import read_json
from howlkit.training.model_folder import WEIGHTS

__all__ = ["FOLDER", "ShippedModel", "all_models", "best", "find"]

FOLDER = Path(__file__).parents[1] / "data" / "models"


@dataclass(frozen=True)
class ShippedModel:
    """A model that comes with howlkit; its name stands wherever a run's folder does."""

    folder: Path

    @property
    def name(self) -> str:
        """Its name, which is that of its folder."""
        return self.folder.name

    @cached_property
    def card(self) -> Mapping[str, Any]:
        """Its card, JSON-ready.

        about, data, split, licence: in words. train: the command that trains it again. nats: by
        part (validation, test), a note; unigram: those of a unigram model. encoder, model: names.
        parameters; bytes: of all its files. steps: of training; best: after which of them the
        weights were the best on the validation part, and were kept.
        """
        card: dict[str, Any] = read_json(self.folder / "config.json")["card"]
        size = sum(path.stat().st_size for path in self.folder.iterdir())
        return {"name": self.name, **card, "bytes": size}


def all_models() -> list[ShippedModel]:
    """Return all models, the best first: the fewest nats a note on the test part."""
    models = [ShippedModel(path.parent) for path in FOLDER.glob(f"*/{WEIGHTS}")]
    return sorted(models, key=lambda model: (model.card["nats"]["test"], model.name))


def best() -> ShippedModel | None:
    """Return the best model; None if none is installed."""
    return next(iter(all_models()), None)


def find(name: str | Path) -> ShippedModel | None:
    """Return the model of a name; None if there is none.

    >>> find("no-such-model") is None
    True
    """
    return next((model for model in all_models() if model.name == str(name)), None)
