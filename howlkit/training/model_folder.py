"""A trained model on disk: the folder RUN/model, which can be copied and used by itself.

config.json         format, recipe, facts (what it was trained on, how good it was, versions)
schema.json         what a step is; compared with the encoder's when the model is loaded
model.safetensors   the weights
README.md           a model card, for people
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howlkit.atomic_files import write_whole
from howlkit.errors import CheckpointError, printable
from howlkit.protocols import Encoder, Model
from howlkit.schema import Schema
from howlkit.training.changed_components import check_schema
from howlkit.training.checkpoint import FORMAT, read_json, saving, write_json
from howlkit.training.recipe import Recipe
from howlkit.training.weights import write_tensors

if TYPE_CHECKING:
    from howlkit.network.network import Network

__all__ = ["WEIGHTS", "read_config", "rewrite_facts", "save"]

WEIGHTS = "model.safetensors"
"""The name of the file of weights."""


def save(path: Path, recipe: Recipe, network: Network, facts: Mapping[str, Any]) -> Path:
    """Write the model folder; each file is replaced whole, the weights last.

    facts: JSON-ready, as `Trained.facts`. Raises CheckpointError if the disk is full or read-only.
    """
    with saving(path) as folder:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "config.json", _config(recipe, facts))
        write_json(folder / "schema.json", recipe.encoder.schema.to_json())
        write_whole(folder / "README.md", _card(recipe, network, facts).encode())
        write_tensors(folder / WEIGHTS, network.state_dict())
    return folder


def rewrite_facts(path: Path, recipe: Recipe, facts: Mapping[str, Any]) -> None:
    """Write other facts of a model folder; its weights stay. CheckpointError if that fails."""
    with saving(path) as folder:
        write_json(folder / "config.json", _config(recipe, facts))


def _config(recipe: Recipe, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"format": FORMAT, "recipe": recipe.to_json(), "facts": dict(facts)}


def read_config(
    folder: Path, *, encoder: Encoder | None = None, model: Model | None = None
) -> tuple[Recipe, dict[str, Any]]:
    """Return the recipe and the facts of a model folder; CheckpointError if they are damaged.

    encoder, model: as `Recipe.from_json`.
    """
    config = read_json(folder / "config.json")
    if config.get("format") != FORMAT:
        raise CheckpointError(
            f"{printable(folder)}: format {config.get('format')!r} is not {FORMAT}, the one that "
            "this version of howlkit reads"
        )
    try:
        recipe = Recipe.from_json(config["recipe"], encoder=encoder, model=model)
        facts = dict(config["facts"])
        stored = Schema.from_json(read_json(folder / "schema.json"))
        # A network that was saved without its music has no counts.
        counts = {name: len(seen) for name, seen in facts.get("unigram", {}).items()}
        if "unigram" in facts and counts != {
            field.name: field.choices for field in stored.decisions
        }:
            raise ValueError("the counts of its unigram model do not fit its schema")
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError(f"{printable(folder)} is damaged: {printable(error)}") from error
    check_schema(folder, config["recipe"]["encoder"], stored, recipe.encoder.schema)
    return recipe, facts


def _card(recipe: Recipe, network: Network, facts: Mapping[str, Any]) -> str:
    """Return the model card, in Markdown."""
    losses = recipe.heads.no_likelihood(recipe.encoder.schema)
    parameters = sum(p.numel() for p in network.parameters())
    rows = [
        ("encoder", recipe.encoder.name),
        ("model", f"{recipe.model.name}, {parameters:,} parameters"),
        ("heads", "chained" if recipe.heads.chained else "independent"),
        ("augmentation", ", ".join(a.name for a in recipe.augmenters) or "none"),
        ("trained on", str(facts.get("data", {}).get("summary", "unknown"))),
        ("steps", f"{facts.get('step', 0):,}"),
        (
            "validation",
            _nats(facts.get("nats_per_note")) + (" with squared errors" if losses else ""),
        ),
        ("unigram baseline", _nats(facts.get("baseline_nats_per_note"))),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return (
        "# A howlkit model\n\n| | |\n|---|---|\n"
        f"{table}\n\nMake music with it: `howlkit sample RUN --out music.mid`. "
        "All options are in config.json.\n\nWhat may be done with it depends on the rights in the "
        "music it was trained on.\n"
    )


def _nats(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f} nats a note"
