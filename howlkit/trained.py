"""A trained model on disk: RUN/model, all that is needed to use it, in one folder to copy.

config.json         format, recipe, facts (what it was trained on, how good it was, versions)
schema.json         what a step is; checked against the encoder when it is loaded
model.safetensors   the weights
README.md           a model card, for people
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from howlkit.checkpoint import (
    FORMAT,
    read_json,
    read_tensors,
    saving,
    write_json,
    write_tensors,
)
from howlkit.disk import write_whole
from howlkit.errors import CheckpointError, HowlkitError
from howlkit.heads import Network
from howlkit.piece import TEMPO, Piece
from howlkit.recipe import Recipe
from howlkit.schema import Schema
from howlkit.session import Limit, Session
from howlkit.stepping import Stepping, prepare
from howlkit.tryout import build, try_out

__all__ = ["Trained", "check_weights", "newest_run"]


@dataclass(frozen=True)
class Trained:
    """A network with the recipe it was made by.

    facts: JSON-ready: unigram (counts by field over the training part), tempo (median microseconds
    a beat), data, step, nats_per_note (validation) and versions.
    stepping: how its sessions run the network (`stepping.chosen`).
    """

    recipe: Recipe
    network: Network
    facts: Mapping[str, Any]
    stepping: Stepping = "auto"

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        device: str | torch.device = "cpu",
        stepping: Stepping | None = "auto",
    ) -> Trained:
        """Return the model in a run's folder, or in the `model` folder itself.

        stepping: how its sessions are to run the network. What that takes is loaded with the model,
        and the first time on a machine compiled; None: when a session begins, if ever.
        Raises CheckpointError if there is none, if a file is damaged, or if a plugin it needs is
        not installed. Reads only below `path`, and never unpickles.
        """
        folder = _model_folder(Path(path))
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
        weights = read_tensors(folder / "model.safetensors")
        # Shapes without memory first: a damaged config cannot ask for gigabytes.
        with torch.device("meta"), _Undrawn():
            check_weights(build(recipe.model, stored, recipe.heads), weights, folder)
        with _Undrawn():
            network = build(recipe.model, stored, recipe.heads)
        network.load_state_dict(weights)
        network = network.to(device).eval()
        try_out(recipe.model, network, stored)
        if stepping is not None:
            prepare(stepping, network, stored)
        return cls(recipe, network, facts, stepping or "auto")

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
            self.network,
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
        if encoder.schema.clock == "seconds" or getattr(encoder, "sets_tempo", False):
            return None
        tempo = int(self.facts.get("tempo", 500_000))
        return Piece(tempos=np.array([(0, min(max(tempo, 1), 2**24 - 1))], TEMPO))


class _Undrawn(TorchFunctionMode):
    """Modules made meanwhile draw no initial weights: others are about to be loaded.

    Besides, to draw on the device "meta" imports torch's compiler, which takes longer than torch.
    """

    DRAW = frozenset({"normal_", "uniform_", "kaiming_uniform_", "xavier_uniform_", "orthogonal_"})

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever `func` returns
        """Call `func`, or return the tensor that it would fill as it is."""
        if getattr(func, "__name__", "") in self.DRAW:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def check_weights(network: Network, tensors: Mapping[str, torch.Tensor], source: Path) -> None:
    """Raise CheckpointError, naming the first difference, if `tensors` do not fit `network`."""
    expected = network.state_dict()
    odd = sorted(set(expected) ^ set(tensors))
    odd += [n for n in expected if n in tensors and _kind(expected[n]) != _kind(tensors[n])]
    if odd:
        name = odd[0]
        have = _kind(tensors[name]) if name in tensors else "nothing"
        want = _kind(expected[name]) if name in expected else "nothing"
        raise CheckpointError(
            f"{source}: its weights do not fit this network: {name} is {have}, {want} is needed. "
            "Encoder, model and heads must have the options that the weights were trained with"
        )


def _kind(tensor: torch.Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


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
