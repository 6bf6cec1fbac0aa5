"""A trained model: a network and its recipe, loaded from a folder or saved to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from howlkit.music.piece import TEMPO, Piece
from howlkit.network.device import pick_device
from howlkit.plugins.checked import CheckedEncoder
from howlkit.sampling.limits import Limit
from howlkit.sampling.runner import CompilableModel, Runner, Stepping
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.sampling.stored_network import StoredNetwork
from howlkit.training import model_folder
from howlkit.training.recipe import Recipe
from howlkit.training.weights import read_arrays, read_tensors

if TYPE_CHECKING:
    import torch

    from howlkit.network.network import Network

__all__ = ["Trained"]


@dataclass(frozen=True)
class Trained:
    """A network with the recipe it was made by.

    held: the network, or its stored weights where nothing has needed torch so far.
    facts: JSON-ready: unigram (counts by field over the training part), tempo (median microseconds
    a beat), data, step, nats_per_note (validation) and versions.
    stepping: how its sessions run the network (`runners.make_runner`).
    """

    recipe: Recipe
    held: Network | StoredNetwork
    facts: Mapping[str, Any]
    stepping: Stepping = "auto"

    @property
    def network(self) -> Network:
        """The network, as torch's modules."""
        return self.held.network if isinstance(self.held, StoredNetwork) else self.held

    @cached_property
    def runner(self) -> Runner:
        """What runs the network for its sessions; made once, with the weights as they are then."""
        schema = self.recipe.encoder.schema
        return make_runner(self.held, schema, self.recipe.model, stepping=self.stepping)

    @property
    def needs_torch(self) -> bool:
        """Whether a session of one row is stepped by torch."""
        return self.runner.needs_torch

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        device: str | torch.device = "cpu",
        stepping: Stepping | None = "auto",
    ) -> Trained:
        """Return the model in a run's folder, or in the `model` folder itself.

        device: as torch names them; "auto": the CPU if the network is stepped by compiled code, or
        else the best there is.
        stepping: how its sessions are to run the network. What that takes is loaded with the model,
        and the first time on a machine compiled; None: when a session begins, if ever.
        Raises CheckpointError if there is none, if a file is damaged, or if a plugin it needs is
        not installed. Reads only below `path`, and never unpickles.
        """
        folder = model_folder.find(Path(path))
        recipe, facts = model_folder.read_config(folder)
        trained = cls(recipe, _stored(folder, recipe), facts, stepping or "auto")
        on_cpu = str(device) in ("auto", "cpu") and stepping in ("auto", "compiled")
        if not on_cpu or trained.runner.name == "plain":
            place = pick_device("auto") if device == "auto" else device
            if str(place) != "cpu" or not on_cpu:
                trained = replace(trained, held=trained.network.to(place))
        if stepping is not None:
            trained.runner.prepare(1)
        return trained

    def save_pretrained(self, path: str | Path) -> Path:
        """Write the model folder; each file is replaced at one stroke, the weights last.

        Raises CheckpointError if the disk is full or read-only.
        """
        return model_folder.save(Path(path), self.recipe, self.network, self.facts)

    def session(
        self,
        *,
        rows: int = 1,
        seed: int = 0,
        limit: Limit = Limit(),
        like: Piece | None = None,
    ) -> Session:
        """Return a session at the start of `rows` new pieces.

        like: the piece whose tempo map and resolution the music takes over; by default a steady
        tempo, the median of the training part.
        """
        return Session(
            self.runner.twin(),
            self.recipe.encoder,
            rows=rows,
            seed=seed,
            limit=limit,
            like=like if like is not None else self.steady(),
        )

    def steady(self) -> Piece | None:
        """Return an empty piece in the median tempo; None where steps say when notes sound.

        They do so in seconds, or by tempi of their own.
        """
        encoder = self.recipe.encoder
        if encoder.schema.clock == "seconds" or CheckedEncoder.of(encoder).sets_tempo:
            return None
        tempo = int(self.facts.get("tempo", 500_000))
        return Piece(tempos=np.array([(0, min(max(tempo, 1), 2**24 - 1))], TEMPO))


def _stored(folder: Path, recipe: Recipe) -> StoredNetwork:
    """Return the network of a model folder as arrays, if its model offers compiled code for it."""
    weights = folder / model_folder.WEIGHTS
    # A model that offers nothing is loaded by torch, which reads the file again, not as arrays.
    arrays = read_arrays(weights) if isinstance(recipe.model, CompilableModel) else {}
    schema = recipe.encoder.schema
    return StoredNetwork(schema, recipe.heads, arrays, lambda: _load(folder, recipe))


def _load(folder: Path, recipe: Recipe) -> Network:
    """Return the network of a model folder, by torch, on the CPU."""
    from howlkit.network.build import load_network

    weights = folder / model_folder.WEIGHTS
    schema = recipe.encoder.schema
    return load_network(recipe.model, schema, recipe.heads, read_tensors(weights), weights)
