"""A trained model on disk: RUN/model, all that is needed to use it, in one folder to copy.

config.json         format, recipe, facts (what it was trained on, how good it was, versions)
schema.json         what a step is; checked against the encoder when it is loaded
model.safetensors   the weights
README.md           a model card, for people
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from howlkit.atomic_files import write_whole
from howlkit.builtin.models.lstm_gru import Gru, Lstm
from howlkit.errors import CheckpointError, HowlkitError
from howlkit.music.piece import TEMPO, Piece
from howlkit.network.device import pick_device
from howlkit.plugins.checked import CheckedEncoder
from howlkit.sampling.runner import Stepping, chosen
from howlkit.sampling.session import Limit, Session
from howlkit.sampling.stored_network import StoredNetwork, shapes
from howlkit.schema import Schema
from howlkit.training.checkpoint import FORMAT, read_json, saving, write_json
from howlkit.training.recipe import Recipe
from howlkit.training.weights import read_arrays, read_tensors, write_tensors

if TYPE_CHECKING:
    import torch

    from howlkit.network.network import Network

__all__ = ["Trained", "newest_run"]


@dataclass(frozen=True)
class Trained:
    """A network with the recipe it was made by.

    held: the network; or what it is made of, where nothing has needed torch so far.
    facts: JSON-ready: unigram (counts by field over the training part), tempo (median microseconds
    a beat), data, step, nats_per_note (validation) and versions.
    stepping: how its sessions run the network (`stepping.chosen`).
    """

    recipe: Recipe
    held: Network | StoredNetwork
    facts: Mapping[str, Any]
    stepping: Stepping = "auto"

    @property
    def network(self) -> Network:
        """The network, as torch's modules."""
        return self.held.network if isinstance(self.held, StoredNetwork) else self.held

    @property
    def needs_torch(self) -> bool:
        """Whether a session of one row is stepped by torch."""
        return not isinstance(self.held, StoredNetwork)

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
        folder = _model_folder(Path(path))
        recipe, facts = _read_config(folder)
        schema = recipe.encoder.schema
        held: Network | StoredNetwork | None = None
        if stepping in ("auto", "compiled") and str(device) in ("auto", "cpu"):
            held = _at_rest(folder, recipe)
        if held is None:
            from howlkit.network.build import build

            weights = folder / "model.safetensors"
            place = pick_device("auto") if device == "auto" else device
            held = build(recipe, read_tensors(weights), weights).to(place)
        if stepping is not None:
            chosen(stepping, held, schema).prepare(1)
        return cls(recipe, held, facts, stepping or "auto")

    def save_pretrained(self, path: str | Path) -> Path:
        """Write the model folder; each file is replaced at one stroke, the weights last.

        Raises CheckpointError if the disk is full or read-only.
        """
        facts = dict(self.facts)
        config = {"format": FORMAT, "recipe": self.recipe.to_json(), "facts": facts}
        with saving(Path(path)) as folder:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / "config.json", config)
            write_json(folder / "schema.json", self.recipe.encoder.schema.to_json())
            write_whole(folder / "README.md", _card(self).encode())
            write_tensors(folder / "model.safetensors", self.network.state_dict())
        return folder

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
            self.held,
            self.recipe.encoder,
            rows=rows,
            seed=seed,
            limit=limit,
            like=like if like is not None else self.steady(),
            stepping=self.stepping,
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


def _read_config(folder: Path) -> tuple[Recipe, dict[str, Any]]:
    """Return the recipe and the facts of a model folder; CheckpointError if they are damaged."""
    config = read_json(folder / "config.json")
    if config.get("format") != FORMAT:
        raise CheckpointError(
            f"{folder}: format {config.get('format')!r} is not {FORMAT}, the one that this "
            "version of howlkit reads"
        )
    try:
        recipe = Recipe.from_json(config["recipe"])
        facts = dict(config["facts"])
        stored = Schema.from_json(read_json(folder / "schema.json"))
        counts = {name: len(seen) for name, seen in facts["unigram"].items()}
        if counts != {field.name: field.choices for field in stored.decisions}:
            raise ValueError("the counts of its unigram model do not fit its schema")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder} is damaged: {error}") from error
    if stored != recipe.encoder.schema:
        stored_with = config["recipe"]["encoder"]
        whose = f"{stored_with['distribution']}=={stored_with['version']}"
        raise CheckpointError(
            f"{folder} was trained with another version of encoder {recipe.encoder.name!r}, "
            f"whose steps have other fields. Install that: howlkit plugins install '{whose}'"
        )
    return recipe, facts


def _at_rest(folder: Path, recipe: Recipe) -> StoredNetwork | None:
    """Return the network at rest if compiled code can step it, and is there; None if not.

    None too if its weights do not fit: who loads it by torch is told how.
    """
    model, schema, heads = recipe.model, recipe.encoder.schema, recipe.heads
    if not isinstance(model, Lstm | Gru) or type(model) not in (Lstm, Gru):
        return None  # a subclass may build anything
    try:
        from howlkit.sampling import compiled_runner
    except ImportError:
        return None
    if compiled_runner.unsuited(schema, heads):
        return None
    weights = folder / "model.safetensors"
    arrays = read_arrays(weights)
    found = {name: array.shape for name, array in arrays.items() if array.dtype == np.float32}
    if found != shapes(model, schema, heads):
        return None

    def wake() -> Network:
        from howlkit.network.build import build

        return build(recipe, read_tensors(weights), weights)

    resting = StoredNetwork(schema, heads, "lstm" if type(model) is Lstm else "gru", arrays, wake)
    return None if compiled_runner.why_not(resting) else resting


def _model_folder(path: Path) -> Path:
    for folder in (path / "model", path):
        if (folder / "config.json").is_file() and (folder / "model.safetensors").is_file():
            return folder
    if (path / "config.json").is_file():
        raise CheckpointError(
            f"{path} has no trained model yet; go on training it with: "
            f"howlkit train --resume --out-dir {path}"
        )
    state = "is no run" if path.exists() else "does not exist"
    raise CheckpointError(
        f"{path} {state}: it should hold model/config.json and model/model.safetensors. "
        "`howlkit train` makes one"
    )


def newest_run(parent: Path = Path("runs")) -> Path:
    """Return the run below `parent` whose model is newest; HowlkitError if there is none."""
    found = list(parent.glob("*/model/model.safetensors"))
    if not found:
        raise HowlkitError(
            f"there is no trained run in {parent}{os.sep}; name a run's folder, "
            "or make one with: howlkit train --encoder tuple --model lstm"
        )
    return max(found, key=lambda path: (path.stat().st_mtime_ns, str(path))).parent.parent


def _card(trained: Trained) -> str:
    recipe, facts = trained.recipe, trained.facts
    losses = recipe.heads.no_likelihood(recipe.encoder.schema)
    parameters = sum(p.numel() for p in trained.network.parameters())
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
