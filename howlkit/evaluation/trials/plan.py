"""What is compared: encoders, models and seeds, and what all runs have in common.

    OUT/comparison.json             the report of the last comparison
    OUT/runs/tuple+lstm-0/          a run, as `howlkit train` makes it: encoder, model, seed
    OUT/runs/tuple+lstm-0.json      its record: what it was trained with, and how training went
    OUT/runs/tuple+lstm-0.log       what training printed
    OUT/runs/tuple+lstm-0.times     how long its processes ran, and had a processor
    OUT/runs/tuple+lstm-0.test.json what it costs on the pieces of a part
    OUT/runs/tuple+lstm-0.test.samples.json what its samples are like, beside those pieces

A record states everything that decides how a run is trained, so that a folder never mixes runs that
do not compare.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from howlkit import plugins
from howlkit.dataset import Dataset
from howlkit.errors import (
    CheckpointError,
    DataError,
    OptionError,
    did_you_mean,
    printable,
    quoted,
)
from howlkit.training.progress import Budget
from howlkit.training.recipe import Recipe

__all__ = ["Trial", "TrialFiles", "TrialPlan", "check_settings"]

SHARED = ("heads", "training")
"""The core's own tables of options, which every trial has."""


@dataclass(frozen=True)
class Trial:
    """A run of the comparison: one encoder with one model, and one seed."""

    encoder: str
    model: str
    seed: int

    def __str__(self) -> str:
        """Return its name; no name of a component has a plus sign, so no two are alike.

        >>> str(Trial("tuple", "lstm", 0))
        'tuple+lstm-0'
        """
        return f"{self.encoder}+{self.model}-{self.seed}"


@dataclass(frozen=True)
class TrialFiles:
    """The files of a trial below the folder of the comparison."""

    out: Path
    trial: Trial

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self.out / "runs" / str(self.trial)

    @property
    def record(self) -> Path:
        """What the run was trained with, and how its training went."""
        return self.run.with_name(f"{self.trial}.json")

    @property
    def log(self) -> Path:
        """What training printed."""
        return self.run.with_name(f"{self.trial}.log")

    @property
    def times(self) -> Path:
        """How long its processes ran, and had a processor."""
        return self.run.with_name(f"{self.trial}.times")

    def measured(self, part: str) -> Path:
        """Return the file with the costs of the pieces of a part."""
        return self.run.with_name(f"{self.trial}.{part}.json")

    def heard(self, part: str) -> Path:
        """Return the file that says what its samples are like, beside the pieces of a part."""
        return self.run.with_name(f"{self.trial}.{part}.samples.json")


@dataclass(frozen=True)
class TrialPlan:
    """Every encoder with every model, `seeds` times, each within the same budget.

    augment: augmenters, by name. values: options by component; those of an encoder or a model count
    for its trials. device: as `howlkit train --device`.
    Raises HowlkitError for a component or an option that does not exist, and for no encoder, no
    model, no seed or no budget.
    """

    encoders: tuple[str, ...]
    models: tuple[str, ...]
    seeds: int = 1
    budget: Budget = Budget(minutes=2)
    augment: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    device: str = "auto"

    def __post_init__(self) -> None:
        """Look at everything before anything is trained."""
        for kind, names in (("encoder", self.encoders), ("model", self.models)):
            if not names:
                raise OptionError(f"name at least one {kind}, such as {_example(kind)}")
            for name in names:
                plugins.get(kind, name)  # says what there is
            if len(set(names)) < len(names):
                raise OptionError(f"a {kind} is named twice: {', '.join(names)}")
        if self.seeds < 1:
            raise OptionError(f"{self.seeds} seeds; 1 or more are allowed")
        if self.budget == Budget():
            raise OptionError("say how long to train: minutes, steps, or both")
        used = [*self.encoders, *self.models, *self.augment, *SHARED]
        for name in self.values:
            if name not in used:
                raise OptionError(
                    f"options are given for {name!r}, which is not compared."
                    f"{did_you_mean(name, used)} Options can be given for: {', '.join(used)}"
                )
        for trial in self.trials():
            self.recipe(trial)

    def trials(self) -> list[Trial]:
        """Return the trials; those of one seed follow each other.

        >>> [str(trial) for trial in TrialPlan(("tuple",), ("lstm", "gru"), seeds=2).trials()]
        ['tuple+lstm-0', 'tuple+gru-0', 'tuple+lstm-1', 'tuple+gru-1']
        """
        seeds = range(self.seeds)
        return [
            Trial(encoder, model, seed)
            for seed, encoder, model in itertools.product(seeds, self.encoders, self.models)
        ]

    def own_values(self, trial: Trial) -> dict[str, Mapping[str, object]]:
        """Return the options that count for a trial, by component."""
        used = [trial.encoder, trial.model, *self.augment, *SHARED]
        return {name: self.values[name] for name in used if name in self.values}

    def recipe(self, trial: Trial) -> Recipe:
        """Return the recipe of a trial; OptionError for an option that does not exist."""
        values = self.own_values(trial)
        return Recipe.choose(trial.encoder, trial.model, augment=self.augment, values=values)

    def settings(self, trial: Trial, data: Dataset) -> dict[str, Any]:
        """Return all that decides how a trial is trained, JSON-ready; its record has it."""
        return {
            "fingerprint": data.fingerprint,
            **asdict(self.budget),
            "device": self.device,
            "recipe": self.recipe(trial).to_json(),
        }

    def folder(self, sources: Sequence[Path], data: Dataset) -> Path:
        """Return the default folder: one for all that the trials have in common.

        So the same comparison goes on where it stopped, also with more encoders, models or seeds,
        and another one does not meet it.
        """
        common = {
            "data": str(data.path.resolve()),
            **asdict(self.budget),
            "augment": self.augment,
            "values": {name: dict(self.values[name]) for name in sorted(self.values)},
            "device": self.device,
        }
        text = json.dumps(common, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:6]
        what = re.sub(r"[^\w-]", "_", sources[0].resolve().name) if sources else "chorales"
        return Path("runs") / f"compare-{what[:40]}-{digest}"


def _example(kind: str) -> str:
    return ", ".join(component.name for component in plugins.components(kind)[:3])


def check_settings(files: TrialFiles, known: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raise HowlkitError if a trial that exists was trained otherwise than is asked for now.

    known, asked: as `TrialPlan.settings` returns them.
    """
    try:
        there, here = _flat(known), _flat(asked)
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{printable(files.record)} is damaged; delete it together with {quoted(files.run)}, "
            "and it is trained anew"
        ) from error
    if there["music"] != here["music"]:
        raise DataError(
            f"{printable(files.run)} was trained on other music, or the music has changed since; "
            "name another --out-dir"
        )
    for name in sorted({*there, *here}):
        if there.get(name) != here.get(name):
            raise OptionError(
                f"{printable(files.run)} was trained with {name} {_text(there.get(name))}, and now "
                f"{_text(here.get(name))} is asked for: the two do not compare. Name another "
                "--out-dir, or ask for the same"
            )


def _flat(settings: Mapping[str, Any]) -> dict[str, object]:
    """Return settings by the names that users know them by."""
    recipe = settings["recipe"]
    flat = {
        "music": settings["fingerprint"],
        **{f"--{name}": settings[name] for name in ("steps", "minutes", "device")},
        "--augment": [part["name"] for part in recipe["augmenters"]],
    }
    for part in (recipe["encoder"], recipe["model"], *recipe["augmenters"]):
        flat |= {f"{part['name']}.{name}": value for name, value in part["options"].items()}
    for name in SHARED:
        flat |= {f"{name}.{option}": value for option, value in recipe[name].items()}
    return flat


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
