"""A trained model: a network with its recipe, loaded from a folder or saved to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from howlkit.music.piece import TEMPO, TIME_SIGNATURE, Piece
from howlkit.music.tables import DEFAULT_TEMPO, SLOWEST_TEMPO
from howlkit.network.device import pick_device
from howlkit.plugins.checked import CheckedEncoder
from howlkit.sampling.limits import Limit
from howlkit.sampling.runner import CompilableModel, Runner, Stepping
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.sampling.stored_network import StoredNetwork
from howlkit.training import model_folder, run_folders
from howlkit.training.recipe import Recipe
from howlkit.training.weights import read_arrays, read_tensors

if TYPE_CHECKING:
    import torch

    from howlkit.network.network import Network

__all__ = ["Trained"]


@dataclass(frozen=True)
class Trained:
    """A network with the recipe that it was made by.

    held: the network, or its stored weights as long as nothing has needed torch.
    facts: JSON-ready: unigram (counts by field over the training part), tempo (median microseconds
    a beat), time_signature (of the training part, if it agrees on one), data, step, nats_per_note
    (validation) and versions.
    stepping: how its sessions run the network (`runners.make_runner`).

    >>> from tempfile import TemporaryDirectory
    >>> from howlkit.network.likelihood import unigram
    >>> recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 16}})
    >>> network = recipe.model.build(recipe.encoder.schema, recipe.heads)  # random weights
    >>> counts = unigram(recipe.encoder, [Piece()])
    >>> facts = {"unigram": {name: count.tolist() for name, count in counts.items()}}
    >>> with TemporaryDirectory() as folder:
    ...     _ = Trained(recipe, network, facts).save_pretrained(folder)
    ...     trained = Trained.from_pretrained(folder, stepping="plain")
    >>> trained.recipe.model.hidden
    16
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
        """The runner that sessions copy; made once, with the weights that the network has then."""
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

        device: a device as torch names it; "auto": the CPU if compiled code steps the network, or
        else the best device of the machine.
        stepping: how sessions are to run the network. The code for it is loaded with the model, and
        compiled the first time on a machine; None: that happens when a session begins.
        Raises CheckpointError if there is no model, if a file is damaged, or if a plugin that the
        model needs is not installed. Reads only below `path`, and never unpickles.
        """
        folder = run_folders.find_model(Path(path))
        recipe, facts = model_folder.read_config(folder)
        if stepping in ("auto", "compiled") and str(device) in ("auto", "cpu"):
            trained = cls(recipe, _stored(folder, recipe), facts, stepping)
            if trained.runner.name == "plain" and device == "auto":
                best = pick_device("auto")
                if best.type != "cpu":
                    trained = replace(trained, held=trained.network.to(best))
        else:
            place = pick_device("auto") if device == "auto" else device
            trained = cls(recipe, _load(folder, recipe).to(place), facts, stepping or "auto")
        if stepping is not None:
            trained.runner.prepare(1)
        return trained

    def save_pretrained(self, path: str | Path) -> Path:
        """Write the model folder; each file is replaced whole, the weights last.

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

        like: the piece that lends the music its tempo map, metre and resolution; None: those of the
        training music, as `opening` gives them.
        """
        return Session(
            self.runner.twin(),
            self.recipe.encoder,
            rows=rows,
            seed=seed,
            limit=limit,
            like=like if like is not None else self.opening(),
        )

    def opening(
        self, *, bpm: float | None = None, time_signature: tuple[int, int] | None = None
    ) -> Piece | None:
        """Return an empty piece in the tempo and time signature that new music begins with.

        bpm: beats a minute; None: the median of the training part. time_signature: numerator and
        denominator; None: that of the training part, if most of it has the same.
        Returns None if steps of the encoder set the tempo and `bpm` is None. Raises PieceError if a
        MIDI file cannot say the time signature.
        """
        tempo = int(self.facts.get("tempo", DEFAULT_TEMPO)) if bpm is None else round(60e6 / bpm)
        metre = self.facts.get("time_signature") if time_signature is None else time_signature
        if CheckedEncoder.of(self.recipe.encoder).sets_tempo:
            if bpm is None:
                return None
            metre = time_signature  # else the steps say it
        tempos = np.array([(0, min(max(tempo, 1), SLOWEST_TEMPO))], TEMPO)
        metres = np.array([(0, *metre)] if metre else [], TIME_SIGNATURE)
        return Piece(tempos=tempos, time_signatures=metres)


def _stored(folder: Path, recipe: Recipe) -> StoredNetwork:
    """Return the network of a model folder; as arrays too, if its model offers compiled code."""
    weights = folder / model_folder.WEIGHTS
    # Without compiled code nothing reads arrays: torch loads the file itself.
    arrays = read_arrays(weights) if isinstance(recipe.model, CompilableModel) else {}
    schema = recipe.encoder.schema
    return StoredNetwork(schema, recipe.heads, arrays, lambda: _load(folder, recipe))


def _load(folder: Path, recipe: Recipe) -> Network:
    """Return the network of a model folder, by torch, on the CPU."""
    from howlkit.network.build import load_network

    weights = folder / model_folder.WEIGHTS
    schema = recipe.encoder.schema
    return load_network(recipe.model, schema, recipe.heads, read_tensors(weights), weights)
