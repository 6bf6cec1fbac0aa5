"""Hashes by which a record names the model and the prompt that a piece was made with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howlkit import options
from howlkit.dataset.records import TABLES
from howlkit.music import provenance
from howlkit.music.piece import Piece
from howlkit.plugins.checked import unwrapped
from howlkit.sampling.stored_network import StoredNetwork
from howlkit.training import model_folder
from howlkit.training.recipe import Recipe
from howlkit.training.weights import checksum_of_arrays, checksum_of_tensors, read_arrays

if TYPE_CHECKING:
    from howlkit.network.network import Network

__all__ = ["folder_hash", "model_hash", "piece_hash", "weights_hash"]

FACTS = ("tempo", "time_signature", "habits")
"""The facts of a run that the music of its model depends on."""


def model_hash(weights: str, recipe: Recipe, facts: Mapping[str, Any]) -> str:
    """Return the SHA-256 of everything of a model that its music depends on.

    That is its weights, encoder, model and heads with their options, and `FACTS`; not how it was
    trained, where it lies, or the versions of components. Options that were added later and leave a
    model as it was do not count, so its records still name it. weights: their checksum.
    """
    parts = {
        "weights": weights,
        "facts": {name: facts.get(name) for name in FACTS},
        "heads": options.without_later(recipe.heads),
        "encoder": [recipe.encoder.name, options.without_later(unwrapped(recipe.encoder))],
        "model": [recipe.model.name, options.without_later(unwrapped(recipe.model))],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def weights_hash(held: Network | StoredNetwork) -> str:
    """Return the checksum of the weights of a network, equal however it is held."""
    if isinstance(held, StoredNetwork):
        if held.weights:
            return checksum_of_arrays(held.weights)
        held = held.network
    return checksum_of_tensors({n: t.detach().cpu() for n, t in held.state_dict().items()})


def folder_hash(folder: Path) -> str:
    """Return the hash of the model in a folder; CheckpointError if it cannot be read."""
    recipe, facts = model_folder.read_config(folder)
    return model_hash(checksum_of_arrays(read_arrays(folder / model_folder.WEIGHTS)), recipe, facts)


def piece_hash(piece: Piece) -> str:
    """Return the SHA-256 of a piece without its name and its record.

    >>> piece = Piece.of([(0, 480, 60)])
    >>> piece_hash(piece) == piece_hash(provenance.attached(piece, {}).replace(name="x"))
    True
    """
    digest = hashlib.sha256(piece.ticks_per_beat.to_bytes(2, "little"))
    extras = provenance.removed(piece).extras
    tables = [getattr(piece, name) for name in sorted(TABLES)]
    for table in (*tables, extras.controls):
        digest.update(len(table).to_bytes(8, "little"))
        digest.update(table.tobytes())
    digest.update(repr([tuple(text) for text in extras.texts]).encode())
    return digest.hexdigest()
