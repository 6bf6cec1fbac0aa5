"""Setting a run up: from the user's plan, or a run that was stopped, to a Trainer.

RUN/config.json is written when the run begins, with everything resolved. `reopen` needs only that
file, the checkpoints and the dataset to go on, and changes only the budget in it, if it is given a
new one.

Of several processes the first does all this; the others then `_follow` it: they read
RUN/config.json, open the same dataset, and get the weights when training begins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from howlkit.dataset import Dataset, opening
from howlkit.errors import CheckpointError, DataError, HowlkitError, OptionError, printable, quoted
from howlkit.head_options import HeadOptions
from howlkit.network.build import check_weights
from howlkit.network.likelihood import unigram, unigram_nats
from howlkit.plugins.checked import CheckedEncoder
from howlkit.protocols import Augmenter, Encoder, Model
from howlkit.schema import Schema
from howlkit.training import facts, model_folder, music_list, run_folders, shipped_models
from howlkit.training.augment_defaults import with_augmenters
from howlkit.training.changed_components import check_schema
from howlkit.training.checkpoint import FORMAT, read_json, saving, write_json
from howlkit.training.input_defaults import with_inputs
from howlkit.training.memory import MemoryCheck, explained
from howlkit.training.prefetch import PartOf
from howlkit.training.progress import Budget
from howlkit.training.recipe import Recipe, versions
from howlkit.training.run_lock import RunLock
from howlkit.training.trainer import Trainer
from howlkit.training.weights import read_tensors
from howlkit.training.windows import Windows
from howlkit.training.world import ALONE, World

__all__ = ["TrainingPlan", "begin", "reopen", "windows_of"]

Tell = Callable[[str], None]

PASSED_ON = ("summary", "fingerprint", "rights")
"""What the model folder says of the music; runs of an earlier version have no rights."""


@dataclass(frozen=True)
class TrainingPlan:
    """What the user asked for.

    sources: as for `dataset.opening.open_data`. encoder, model, augment: names, or components that
    are made; None: those of `init`, or else tuple and lstm, and the augmenters that the music asks
    for (`augment_defaults`). values: options by component name. init: a run to start from, or the
    name of a model that ships. keep: how many checkpoints, the newest ones.
    """

    sources: Sequence[Path] = ()
    encoder: str | Encoder | None = None
    model: str | Model | None = None
    augment: tuple[str | Augmenter, ...] | None = None
    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    budget: Budget = Budget(minutes=10)
    seed: int = 0
    precision: str = "32"
    init: Path | None = None
    strict: bool = False
    keep: int = 1


def begin(
    plan: TrainingPlan,
    out_dir: Path | None,
    *,
    device: str,
    tell: Tell,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
    world: World = ALONE,
) -> Trainer:
    """Make the folder of a new run and return the run's Trainer.

    out_dir: the folder; None: a new one in `run_folders.RUNS`. tell: is called with lines for the
    user. progress: is called with (files read, files in all). workers, world: as `trainer.Trainer`;
    every process of the world calls this.
    The trainer holds the lock of the folder until training ends. Raises HowlkitError for a folder
    that is in use, for music that cannot be read or is too little, for a component or an option
    that does not exist, and for a network that does not fit into the memory of the device.
    """
    if not world.first:
        return _follow(world, device=device, workers=workers)
    with _leading(world) as ready:
        trainer = _begin(plan, out_dir, world.device(device), tell, workers, progress, world)
        ready.append(_Opened(trainer.run))
    return trainer


def _begin(
    plan: TrainingPlan,
    out_dir: Path | None,
    device: torch.device,
    tell: Tell,
    workers: int,
    progress: Callable[[int, int], None] | None,
    world: World,
) -> Trainer:
    """Make a run's folder and its Trainer, as `begin`."""
    initial = run_folders.find_model(plan.init) if plan.init else None
    recipe = _recipe(plan, initial)
    with ExitStack() as locked:
        lock = None if out_dir is None else locked.enter_context(run_folders.take_unused(out_dir))
        data = opening.open_data(plan.sources, strict=plan.strict, tell=tell, progress=progress)
        recipe = _fitted(recipe, data, tell)
        if plan.augment is None:
            recipe = with_augmenters(recipe, data, tell=tell)
        if initial is None:  # else the heads are those of the run that it starts from
            given = plan.values.get(HeadOptions.name, {})
            recipe = with_inputs(recipe, data, given=given, tell=tell)
        if lock is None:
            lock = run_folders.take_next(recipe.encoder.name, recipe.model.name)
            locked.enter_context(lock)
        config = _config(plan, recipe, data)
        trainer = _trainer(lock, recipe, data, config, plan.budget, device, tell, workers, world)
        trainer.keep = plan.keep
        if initial is not None:
            weights = read_tensors(initial / model_folder.WEIGHTS)
            check_weights(trainer.network, weights, initial / model_folder.WEIGHTS)
            trainer.start_from(weights)
            tell(f"Starting from the weights of {printable(plan.init)}")
        with saving(lock.run / "config.json") as path:
            music_list.write(lock.run, data)
            write_json(path, config)
        locked.pop_all()  # from here on the trainer holds the lock
    return trainer


def _config(plan: TrainingPlan, recipe: Recipe, data: Dataset) -> dict[str, Any]:
    """Return what RUN/config.json says."""
    return {
        "format": FORMAT,
        "recipe": recipe.to_json(),
        "schema": recipe.encoder.schema.to_json(),
        "data": {
            "dataset": str(data.path.resolve()),
            "sources": [str(source.resolve()) for source in plan.sources],
            "fingerprint": data.fingerprint,
            "summary": opening.describe(plan.sources, data),
            "rights": music_list.summary_of(data),
        },
        "seed": plan.seed,
        "budget": asdict(plan.budget),
        "keep": plan.keep,
        "precision": plan.precision,
        "init": _named(plan.init) if plan.init else None,
        "versions": versions(),
    }


def _named(initial: Path) -> str:
    """Return the name of a model that ships, or where a run lies."""
    folder = run_folders.find_model(initial)
    shipped = shipped_models.find(initial)
    is_shipped = shipped is not None and folder == shipped.folder
    return str(initial) if is_shipped else str(initial.resolve())


def reopen(
    run: Path,
    budget: Budget,
    *,
    device: str,
    tell: Tell,
    keep: int | None = None,
    workers: int = 0,
    world: World = ALONE,
) -> Trainer:
    """Return the Trainer of a run that was stopped, at its newest whole checkpoint.

    budget: the new budget, counted from the beginning of the run; an empty one keeps the run's own.
    keep: how many checkpoints from now on; None: as many as before.
    workers, world: as `begin`; the world may have another size than it had. The trainer holds the
    lock of the folder until training ends.
    Raises CheckpointError if the run is damaged or another process trains it, DataError if its
    music has changed, and HowlkitError if its budget is used up.
    """
    if not world.first:
        return _follow(world, device=device, workers=workers)
    with _leading(world) as ready:
        trainer = _reopen(run, budget, world.device(device), tell, keep, workers, world)
        ready.append(_Opened(run, resumed=True, extended=budget != Budget()))
    return trainer


def _reopen(
    run: Path,
    budget: Budget,
    device: torch.device,
    tell: Tell,
    keep: int | None,
    workers: int,
    world: World,
) -> Trainer:
    """Return the Trainer of a run that goes on, as `reopen`."""
    with ExitStack() as locked:
        lock = locked.enter_context(RunLock.take(run))
        config = read_json(run / "config.json")
        try:
            recipe = Recipe.from_json(config["recipe"])
            stored = _stored_schema(run, config)
            if stored is not None:
                check_schema(run, config["recipe"]["encoder"], stored, recipe.encoder.schema)
            path, fingerprint = Path(config["data"]["dataset"]), config["data"]["fingerprint"]
            extended = budget != Budget()
            budget = budget if extended else Budget(**config["budget"])
            kept = max(int(config.get("keep", 1)), 1)  # older runs do not say
            int(config["seed"]), str(config["precision"]), config["versions"]
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{run / 'config.json'} is damaged: {error!r}") from error
        data = Dataset.open(path)
        if data.fingerprint != fingerprint:
            raise DataError(_music_changed(run, data))
        trainer = _trainer(lock, recipe, data, config, budget, device, tell, workers, world)
        trainer.resume()
        if trainer.is_over:
            raise HowlkitError(_has_ended(run, budget, trainer.step))
        trainer.keep = keep or kept
        changed: dict[str, Any] = {}
        if extended:
            trainer.extend()
            changed["budget"] = asdict(budget)
        if trainer.keep != kept:
            changed["keep"] = trainer.keep
        if changed:
            with saving(run / "config.json") as path:
                write_json(path, config | changed)
        locked.pop_all()  # from here on the trainer holds the lock
    tell(f"Going on with {printable(run)} after {trainer.step} steps")
    return trainer


@dataclass(frozen=True)
class _Opened:
    """The run that the first process opened; whether it is resumed, and with a new budget."""

    run: Path
    resumed: bool = False
    extended: bool = False

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "run": str(self.run.resolve())}


@contextmanager
def _leading(world: World) -> Iterator[list[_Opened]]:
    """Tell the other processes, after this context, which run to train; or that there is none.

    It is appended to the list that this gives.
    """
    ready: list[_Opened] = []
    try:
        yield ready
    finally:
        world.tell(json.dumps([opened.to_json() for opened in ready]))


def _follow(world: World, *, device: str, workers: int) -> Trainer:
    """Return the Trainer of a process that is not the first, for the run that the first one opened.

    Raises SystemExit if that one failed, since it says why, and HowlkitError if this process does
    not see the run or the same music.
    """
    ready = json.loads(world.hear())
    if not ready:
        raise SystemExit(1)
    run = Path(ready[0]["run"])
    config = read_json(run / "config.json")
    recipe, path = Recipe.from_json(config["recipe"]), Path(config["data"]["dataset"])
    data = Dataset.open(path)
    if data.fingerprint != config["data"]["fingerprint"]:
        raise DataError(
            f"process {world.rank} of {world.size} finds other music in {printable(path)} than the "
            "first process. All need the same dataset, at the same path"
        )
    budget, chosen = Budget(**config["budget"]), world.device(device)
    windows = windows_of(recipe, data, int(config["seed"]), world)
    check = MemoryCheck(recipe, windows, chosen, str(config["precision"]))
    check.before_building()
    with explained(recipe):
        trainer = Trainer(
            run,
            recipe,
            windows,
            facts.validation_part(recipe, data, windows.seed, lambda line: None),
            budget=budget,
            facts={},
            counts={},  # the weights come from the first process
            device=chosen,
            precision=str(config["precision"]),
            workers=workers,
            world=world,
        )
        check.built(trainer.network)
    if ready[0]["resumed"]:
        trainer.resume()
    if ready[0]["extended"]:
        trainer.extend()
    return trainer


def _stored_schema(run: Path, config: Mapping[str, Any]) -> Schema | None:
    """Return the schema that a run was trained with; None if it is not known.

    config.json of a run of an earlier version has none; its model folder has, as soon as there is
    one.
    """
    file = run / "model" / "schema.json"
    if "schema" not in config and not file.is_file():
        return None
    return Schema.from_json(config["schema"] if "schema" in config else read_json(file))


def _music_changed(run: Path, data: Dataset) -> str:
    """Return what is wrong, and the command that starts a new run from the old one's weights."""
    words = ["howlkit train", quoted(data.path), "--init", quoted(run)]
    return (
        f"the music in {printable(data.path)} has changed since {printable(run)} began, so it "
        f"cannot go on as it was. Start a new run from what it has learnt: {' '.join(words)}"
    )


def _has_ended(run: Path, budget: Budget, step: int) -> str:
    """Return what is wrong, and the command that trains as long again."""
    more = f"--steps {2 * step}" if budget.minutes is None else f"--minutes {2 * budget.minutes:g}"
    return (
        f"{printable(run)} has had its {budget} ({step} steps in all). Give it more, counted from "
        f"its beginning: howlkit train --resume --out-dir {quoted(run)} {more}"
    )


def _recipe(plan: TrainingPlan, initial: Path | None) -> Recipe:
    """Return the recipe of a plan.

    initial: the model folder to start from; it has the options that the plan leaves out.
    """
    if initial is None:
        names = plan.encoder or "tuple", plan.model or "lstm"
        return Recipe.choose(*names, augment=plan.augment or (), values=plan.values)
    stored = model_folder.read_config(initial)[0].to_json()
    values = {name: dict(table) for name, table in plan.values.items()}
    encoder, model = stored["encoder"]["name"], stored["model"]["name"]
    for name, known in (
        (encoder, stored["encoder"]["options"]),
        (model, stored["model"]["options"]),
        ("heads", stored["heads"]),
    ):
        values[name] = known | values.get(name, {})
    for asked, known in ((plan.encoder, encoder), (plan.model, model)):
        if asked is not None and not isinstance(asked, str):
            raise OptionError(
                f"--init {plan.init} has an encoder and a model, with their options; leave out "
                f"{asked!r}, or give the name {known!r} and options"
            )
        if asked not in (None, known):
            raise OptionError(f"--init {plan.init} has {known!r}, not {asked!r}; leave it out")
    return Recipe.choose(encoder, model, augment=plan.augment or (), values=values)


def _fitted(recipe: Recipe, data: Dataset, tell: Tell) -> Recipe:
    """Return the recipe with its encoder fitted to the training part, if that encoder learns."""
    fitted = CheckedEncoder.of(recipe.encoder).fitted(data.pieces("train"))
    if fitted != recipe.encoder and (left_out := fitted.left_out(data.pieces("train"))):
        tell(f"Note: {left_out}")
    return replace(recipe, encoder=fitted)


def _trainer(
    lock: RunLock,
    recipe: Recipe,
    data: Dataset,
    config: Mapping[str, Any],
    budget: Budget,
    device: torch.device,
    tell: Tell,
    workers: int,
    world: World,
) -> Trainer:
    """Return the Trainer of a new run or of one that goes on; config: that of RUN/config.json."""
    seed, precision = int(config["seed"]), str(config["precision"])
    facts.check_enough(data, window=recipe.training.window, tell=tell)
    windows = windows_of(recipe, data, seed, world)
    check = MemoryCheck(recipe, windows, device, precision, tell)
    check.before_building()
    counts = unigram(recipe.encoder, data.pieces("train"))
    tell(facts.describe_parts(data))
    stored: dict[str, Any] = {
        # No paths: the model folder is what people pass on.
        "data": {name: config["data"][name] for name in PASSED_ON if name in config["data"]},
        "versions": config["versions"],
        **facts.music_facts(recipe.encoder, data, counts),
    }
    validation = facts.validation_part(recipe, data, seed, tell)
    if validation is not None and not recipe.heads.no_likelihood(recipe.encoder.schema):
        stored["baseline_nats_per_note"] = unigram_nats(counts, validation).nats_per_note
    with explained(recipe):
        trainer = Trainer(
            lock.run,
            recipe,
            windows,
            validation,
            budget=budget,
            facts=stored,
            counts=facts.augmented_counts(recipe, data, seed) if recipe.augmenters else None,
            device=device,
            precision=precision,
            workers=workers,
            lock=lock,
            world=world,
        )
        check.built(trainer.network)
    return trainer


def windows_of(recipe: Recipe, data: Dataset, seed: int, world: World) -> Windows:
    """Return the training part as the windows that a process of the world trains on."""
    part, options = data.indices("train"), recipe.training
    return Windows(
        PartOf(data, part),
        np.asarray(data.note_counts)[part],
        recipe.encoder,
        recipe.augmenters,
        notes=options.window,
        carry=options.carry,
        rows=options.batch,
        seed=seed,
        rank=world.rank,
        ranks=world.size,
    )
