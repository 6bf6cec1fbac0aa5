"""What a run was told and what it knows of itself, as rows of text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from howlkit.errors import CheckpointError
from howlkit.sampling.trained import Trained
from howlkit.training.checkpoint import read_json
from howlkit.training.progress import Budget
from howlkit.training.size_words import network_size

__all__ = ["settings"]

_KINDS = ("encoder", "model")


def settings(trained: Trained) -> list[tuple[str, str]]:
    """Return the name and the text of each setting of a model, and of its run if it has one."""
    facts, recipe = trained.facts, trained.recipe.to_json()
    config = _config(trained.path)
    rows = {
        "music": str(_of(facts, "data").get("summary", "")),
        "learnt": _learnt(facts),
        **{kind: _component(recipe[kind]) for kind in _KINDS},
        "size": network_size(_parameters(trained)),
        "heads": _options(recipe["heads"]),
        "augmented by": "; ".join(map(_component, recipe["augmenters"])),
        "training": _options(recipe["training"]),
        "budget": _budget(config),
        "precision": str(config.get("precision") or ""),
        "seed of training": str(config.get("seed", "")),
        "begun from": str(config.get("init") or ""),
        "versions": _options(_of(config, "versions") or _of(facts, "versions")),
    }
    return [(name, text) for name, text in rows.items() if text]


def _config(path: Path | None) -> Mapping[str, Any]:
    """Return what a run stores of itself; nothing for a model folder."""
    if path is None:
        return {}
    try:
        return read_json(path / "config.json")
    except CheckpointError:
        return {}


def _of(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = facts.get(name)
    return found if isinstance(found, Mapping) else {}


def _learnt(facts: Mapping[str, Any]) -> str:
    nats, baseline = facts.get("nats_per_note"), facts.get("baseline_nats_per_note")
    if nats is None:
        return ""
    unigram = f"; a unigram model {baseline:.3f}" if baseline else ""
    return f"{nats:.3f} nats a note in validation{unigram}; step {facts.get('step', 0):,}"


def _parameters(trained: Trained) -> int:
    return sum(math.prod(weights.shape) for weights in trained.network.parameters())


def _component(stored: Mapping[str, Any]) -> str:
    options = _options(stored.get("options", {}))
    return f"{stored['name']}: {options}" if options else str(stored["name"])


def _budget(config: Mapping[str, Any]) -> str:
    stored = _of(config, "budget")
    return str(Budget(stored.get("steps"), stored.get("minutes"))) if stored else ""


def _options(options: Mapping[str, Any]) -> str:
    """Return options as words, name=value, the values as JSON would have them."""
    return ", ".join(_flat(options))


def _flat(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, bool):
            value = str(value).lower()
        elif isinstance(value, list):
            value = "+".join(map(str, value)) or "none"
        yield f"{name}={value}"
