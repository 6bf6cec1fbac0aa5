"""A run: the music, the recipe and a folder, made ready to train, or to go on training.

RUN/config.json is written when the run begins, with everything resolved; `reopen` needs nothing
else (and the dataset) to go on, and changes nothing in it but the budget, if a new one is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset import Dataset, opening
from howlkit.dataset.report import counted
from howlkit.errors import CheckpointError, DataError, HowlkitError, OptionError
from howlkit.music.piece import Piece
from howlkit.network.build import check_weights
from howlkit.network.device import pick_device
from howlkit.network.likelihood import Counts, Encoded, encode_all, unigram, unigram_nats
from howlkit.plugins.checked import CheckedEncoder
from howlkit.training import model_folder, run_folders
from howlkit.training.checkpoint import FORMAT, read_json, saving, write_json
from howlkit.training.prefetch import PartOf
from howlkit.training.progress import Budget
from howlkit.training.recipe import Recipe, versions
from howlkit.training.trainer import Trainer
from howlkit.training.weights import read_tensors
from howlkit.training.windows import Windows

__all__ = ["TrainingPlan", "begin", "reopen"]

AUGMENTED_PASSES = 4  # over the training part, to count values

Tell = Callable[[str], None]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingPlan:
    """What the user asked for. sources: as for `corpus.open_data`.

    init: a run to start from; its encoder and model are the default then, else tuple and lstm.
    """

    sources: Sequence[Path] = ()
    encoder: str | None = None
    model: str | None = None
    augment: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    budget: Budget = Budget(minutes=10)
    seed: int = 0
    precision: str = "32"
    init: Path | None = None
    strict: bool = False


def begin(
    plan: TrainingPlan,
    out_dir: Path | None,
    *,
    device: str,
    tell: Tell,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Trainer:
    """Make the run's folder and return its Trainer.

    tell: is given lines for the user. progress: is called with (files read, files in all). workers:
    as of `training.Trainer`.
    Raises HowlkitError for a folder that is in use, music that cannot be read or is too little, a
    component or option that there is not.
    """
    run_folders.check_unused(out_dir)
    initial = model_folder.find(plan.init) if plan.init else None
    recipe = _recipe(plan, initial)
    chosen = pick_device(device)
    data = opening.open_data(plan.sources, strict=plan.strict, tell=tell, progress=progress)
    recipe = _fitted(recipe, data)
    folder = out_dir or run_folders.next_free(recipe.encoder.name, recipe.model.name)
    config = {
        "format": FORMAT,
        "recipe": recipe.to_json(),
        "data": {
            "dataset": str(data.path.resolve()),
            "sources": [str(source.resolve()) for source in plan.sources],
            "fingerprint": data.fingerprint,
            "summary": opening.describe(plan.sources, data),
        },
        "seed": plan.seed,
        "budget": asdict(plan.budget),
        "precision": plan.precision,
        "init": str(plan.init.resolve()) if plan.init else None,
        "versions": versions(),
    }
    trainer = _trainer(folder, recipe, data, config, plan.budget, str(chosen), tell, workers)
    if initial is not None:
        weights = read_tensors(initial / model_folder.WEIGHTS)
        check_weights(trainer.network, weights, initial / model_folder.WEIGHTS)
        trainer.start_from(weights)
        tell(f"Starting from the weights of {plan.init}")
    with saving(folder / "config.json") as path:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, config)
    return trainer


def reopen(run: Path, budget: Budget, *, device: str, tell: Tell, workers: int = 0) -> Trainer:
    """Return the Trainer of a run that was stopped, at its newest whole checkpoint.

    budget: where it is to end now, counted from its beginning; an empty one keeps what the run was
    given. workers: as of `training.Trainer`. Raises CheckpointError if the run is damaged,
    DataError if its music has changed, and HowlkitError if its budget is used up.
    """
    config = read_json(run / "config.json")
    try:
        recipe = Recipe.from_json(config["recipe"])
        path, fingerprint = Path(config["data"]["dataset"]), config["data"]["fingerprint"]
        extended = budget != Budget()
        budget = budget if extended else Budget(**config["budget"])
        int(config["seed"]), str(config["precision"]), config["versions"]
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{run / 'config.json'} is damaged: {error!r}") from error
    data = Dataset.open(path)
    if data.fingerprint != fingerprint:
        raise DataError(
            f"the music in {data.path} has changed since {run} began, so it cannot go on as it "
            f"was. Start a new run from what it has learnt: howlkit train ... --init {run}"
        )
    trainer = _trainer(run, recipe, data, config, budget, device, tell, workers)
    trainer.resume()
    if trainer.is_over:
        raise HowlkitError(
            f"{run} has had its {budget} ({trainer.step} steps in all). "
            "Give it more, counted from its beginning: --resume --steps N or --minutes M"
        )
    if extended:
        trainer.extend()
        with saving(run / "config.json") as path:
            write_json(path, {**config, "budget": asdict(budget)})
    tell(f"Going on with {run} after {trainer.step} steps")
    return trainer


def _recipe(plan: TrainingPlan, initial: Path | None) -> Recipe:
    """Return the recipe of a plan; initial: the model folder to start from, None: none."""
    if initial is None:
        names = plan.encoder or "tuple", plan.model or "lstm"
        return Recipe.choose(*names, augment=plan.augment, values=plan.values)
    # What the weights were trained with is the starting point for every option not given anew.
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
        if asked not in (None, known):
            raise OptionError(f"--init {plan.init} has {known!r}, not {asked!r}; leave it out")
    return Recipe.choose(encoder, model, augment=plan.augment, values=values)


def _fitted(recipe: Recipe, data: Dataset) -> Recipe:
    """Return the recipe with its encoder fitted to the training part, if the encoder learns."""
    fitted = CheckedEncoder.of(recipe.encoder).fitted(data.pieces("train"))
    return replace(recipe, encoder=fitted)


def _trainer(
    folder: Path,
    recipe: Recipe,
    data: Dataset,
    config: Mapping[str, Any],
    budget: Budget,
    device: str,
    tell: Tell,
    workers: int,
) -> Trainer:
    part = data.indices("train")
    counts = np.asarray(data.note_counts)[part]
    options = recipe.training
    _check_enough(data, counts, options.window, tell)
    windows = Windows(
        PartOf(data, part),
        counts,
        recipe.encoder,
        recipe.augmenters,
        notes=options.window,
        carry=options.carry,
        rows=options.batch,
        seed=int(config["seed"]),
    )
    counted = unigram(recipe.encoder, data.pieces("train"))
    _tell_parts(data, tell)
    facts: dict[str, Any] = {
        # No paths: the model folder is what people pass on.
        "data": {name: config["data"][name] for name in ("summary", "fingerprint")},
        "versions": config["versions"],
        "tempo": _median_tempo(data, part),
        "unigram": {name: count.tolist() for name, count in counted.items()},
    }
    validation = _validation(recipe, data, int(config["seed"]), tell)
    if validation is not None and not recipe.heads.no_likelihood(recipe.encoder.schema):
        facts["baseline_nats_per_note"] = unigram_nats(counted, validation).nats_per_note
    return Trainer(
        folder,
        recipe,
        windows,
        validation,
        budget=budget,
        facts=facts,
        counts=_counts_augmented(recipe, data, int(config["seed"])) if recipe.augmenters else None,
        device=pick_device(device),
        precision=str(config["precision"]),
        workers=workers,
    )


def _tell_parts(data: Dataset, tell: Tell) -> None:
    notes = np.asarray(data.note_counts)
    sizes = [data.indices(part) for part in data.parts]
    words = [f"{counted(len(s), 'piece')} ({counted(int(notes[s].sum()), 'note')})" for s in sizes]
    tell(f"Training on {words[0]}, validating on {words[1]}; kept for testing: {words[2]}")


def _counts_augmented(recipe: Recipe, data: Dataset, seed: int) -> Counts:
    """Return counts over the training part augmented: training starts at what it will see."""
    rng = np.random.default_rng([seed, 4])

    def changed() -> Iterator[Piece]:
        for _ in range(AUGMENTED_PASSES):
            for piece in data.pieces("train"):
                for augmenter in recipe.augmenters:
                    piece = augmenter(piece, rng)
                yield piece

    return unigram(recipe.encoder, changed())


def _check_enough(data: Dataset, counts: Indices, window: int, tell: Tell) -> None:
    notes = int(counts.sum())
    if notes < 2:
        raise DataError(
            f"{data.path}: the training part has {notes} notes; give more music, or a larger part"
        )
    if notes < 20_000:
        tell(
            f"Warning: only {notes:,} notes to train on. It will soon know them by heart: add more "
            "music or --augment transpose, start from another run with --init, or keep less for "
            "validating and testing (howlkit prepare --validation 0.1 --test 0)"
        )
    if int(counts.max()) < window:
        tell(
            f"Note: no piece is as long as a window of {window} notes; the longest has "
            f"{int(counts.max())}. Each piece is one window then (-o training.window=...)"
        )


def _validation(recipe: Recipe, data: Dataset, seed: int, tell: Tell) -> Encoded | None:
    """Return whole validation pieces, as many as the option says, the same in every validation."""
    part = data.indices("validation")
    if not len(part):
        tell(
            "Warning: there is no validation part (too few pieces), so nothing tells learning from "
            "memorising; weights are judged by the loss they were trained with"
        )
        return None
    chosen, notes = [], 0
    for index in np.random.default_rng([seed, 3]).permutation(part):
        chosen.append(data.piece(int(index)))
        notes += len(chosen[-1])
        if notes >= recipe.training.validation_notes:
            break
    return encode_all(recipe.encoder, chosen)


def _median_tempo(data: Dataset, part: Indices, most: int = 500) -> int:
    """Return the median of the pieces' mean microseconds a beat (of the first `most` pieces)."""
    paces = []
    for index in part[:most]:
        piece = data.piece(int(index))
        if piece.beats_long:
            paces.append(1e6 * piece.seconds_long / piece.beats_long)
    return round(float(np.median(paces))) if paces else 500_000
