"""Train a model, as `howlkit train` does, and load one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from howlkit.api.preparing import several, sources_of
from howlkit.api.progress import file_progress, teller
from howlkit.api.training_display import Display, worse_than_unigram
from howlkit.dataset import Dataset
from howlkit.errors import ArgumentError, did_you_mean
from howlkit.options import by_component
from howlkit.protocols import Augmenter, Encoder, Model
from howlkit.sampling import tuning
from howlkit.sampling.arguments import named, path_of, positive, whole
from howlkit.sampling.runner import Stepping
from howlkit.sampling.trained import Trained
from howlkit.training import run_folders, setup
from howlkit.training.progress import Budget
from howlkit.training.trainer import Interrupted, Trainer
from howlkit.training.world import joined_world

__all__ = ["load", "train"]

PathLike = str | os.PathLike[str]

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("32", "bf16")


@named
def train(
    data: Dataset | PathLike | Iterable[PathLike] | None = None,
    *,
    encoder: str | Encoder | None = None,
    model: str | Model | None = None,
    augment: str | Augmenter | Sequence[str | Augmenter] | None = None,
    options: Mapping[str, object] | None = None,
    out_dir: PathLike | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Literal["32", "bf16"] = "32",
    workers: int = 0,
    keep: int | None = None,
    resume: bool | PathLike = False,
    init: PathLike | Trained | None = None,
    strict: bool = False,
    quiet: bool = False,
) -> Trained:
    """Train a model, show its progress on stderr, and return it; the run stays in its folder.

    data: a Dataset, or folders, files and names of collections, one or several; None: the Bach
    chorales that come with howlkit. encoder, model, augment: names, or components that are made
    (`howlkit.encoder(...)`); by default tuple and lstm, and transposition where there is little
    music; augment=() leaves the music as it is. options: of components by name, and of
    heads and training, such as {"lstm.hidden": 256, "training.window": 256}.
    out_dir: the folder of the run; None: runs/ENCODER-MODEL-NUMBER, which `Trained.path` says.
    steps, minutes: how long; 10 minutes if neither is given. seed: of the first weights and the
    order of the music. device: auto, cpu, cuda or mps. precision: 32, or bf16 for mixed precision.
    workers: how many processes prepare music in advance. keep: how many checkpoints, the newest
    ones; None: 1, or as many as before when a run is resumed.
    resume: go on with a run: its folder, or True for that in `out_dir`, or else the newest. init:
    a run, a Trained or the name of a model that comes with howlkit, to start from the weights,
    encoder and model of. strict: stop at the first file that cannot be read or had to be mended.
    quiet: print nothing.

    Ctrl-C saves the run and returns what is trained so far; `resume` goes on from there. A script
    that torchrun starts several times trains one network, and each process gets it. Raises
    ArgumentError for an argument that it does not know or of another type, and HowlkitError for
    what `howlkit train` refuses: too little music, an unknown option, a folder in use.

    >>> import tempfile
    >>> from howlkit import prepare
    >>> from howlkit.music import chorales
    >>> small = {"lstm.hidden": 16, "training.batch": 2}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = prepare(chorales.load()[:20], out=f"{folder}/data", quiet=True)
    ...     trained = train(data, steps=2, options=small, out_dir=f"{folder}/run", quiet=True)
    >>> trained.encoder.name, trained.model.name, trained.facts["step"]
    ('tuple', 'lstm', 2)
    """
    if device not in DEVICES:
        raise ArgumentError(f"device is {device!r}; one of {', '.join(DEVICES)} is needed")
    budget = Budget(
        None if steps is None else whole("steps", steps, 1),
        None if minutes is None else positive("minutes", minutes),
    )
    whole("workers", workers, 0, 64)
    keep = None if keep is None else whole("keep", keep, 1)
    folder = None if out_dir is None else path_of("out_dir", out_dir)
    with joined_world() as world, Display(quiet=quiet or not world.first) as display:
        if resume is not False:
            fixed = {
                "data": data, "encoder": encoder, "model": model, "augment": augment,
                "options": options, "seed": seed or None, "init": init, "strict": strict or None,
                "precision": None if precision == "32" else precision,
            }  # fmt: skip
            trainer = setup.reopen(
                _to_resume(resume, folder, fixed),
                budget,
                device=device,
                tell=display.tell,
                keep=keep,
                workers=workers,
                world=world,
            )
        else:
            if str(precision) not in PRECISIONS:
                raise ArgumentError(f"precision is {precision!r}; '32' or 'bf16' is needed")
            plan = setup.TrainingPlan(
                sources=_sources(data),
                encoder=encoder,
                model=model,
                augment=None if augment is None else _augmenters(augment),
                values=by_component(options or {}),
                budget=budget if budget != Budget() else Budget(minutes=10),
                seed=whole("seed", seed, 0),
                precision=str(precision),
                init=None if init is None else _run_of(init),
                strict=strict,
                keep=keep or 1,
            )
            trainer = setup.begin(
                plan,
                folder,
                device=device,
                tell=display.tell,
                workers=workers,
                progress=None if quiet else file_progress(),
                world=world,
            )
        display.begin(trainer)
        _train(trainer, display)
    return Trained.from_pretrained(trainer.run, device="auto")


@named
def load(
    path: PathLike | None = None,
    *,
    device: str = "auto",
    stepping: Stepping = "auto",
    encoder: Encoder | None = None,
    model: Model | None = None,
) -> Trained:
    """Return a trained model.

    path: the folder of a run, a model folder, or the name of a model that comes with howlkit
    (docs/models.md), such as "chorales"; None: the newest run in runs/, or else the best of those
    that come along. device: auto, cpu,
    cuda or mps; stepping: auto, plain or compiled, as with `howlkit sample`. encoder, model: those
    that a model of `Trained.of` was saved with, if no installed package brings them. Raises
    CheckpointError if there is no model, or if it is damaged, and ArgumentError for an argument of
    another type.

    >>> import tempfile
    >>> small = {"lstm.hidden": 16, "training.batch": 2}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = train(steps=2, options=small, out_dir=f"{folder}/run", quiet=True)
    ...     trained = load(f"{folder}/run")
    >>> len(trained.sample(notes=8, seed=1))
    8
    """
    if device not in DEVICES:
        raise ArgumentError(f"device is {device!r}; one of {', '.join(DEVICES)} is needed")
    if stepping not in (known := ("auto", "plain", "compiled")):
        raise ArgumentError(
            f"stepping is {stepping!r}; one of {', '.join(known)} is needed."
            f"{did_you_mean(str(stepping), known)}"
        )
    if path is None:
        folder, said = run_folders.default_model()
        teller(quiet=False)(said)
    else:
        folder = path_of("path", path)
    return Trained.from_pretrained(
        folder, device=device, stepping=stepping, encoder=encoder, model=model
    )


def _train(trainer: Trainer, display: Display) -> None:
    """Train, and print how it ended; SIGTERM, unlike Ctrl-C, ends the process."""
    try:
        outcome = trainer.train()
    except Interrupted as stop:
        display.end()
        display.tell(
            f"Stopped and saved after {trainer.step} steps. "
            f"Go on with it: howlkit.train(resume={str(trainer.run)!r})"
        )
        if stop.number != signal.SIGINT:
            raise SystemExit(128 + stop.number) from stop
        return
    display.end()
    display.outcome(outcome, trainer)
    if trainer.world.first and (found := tuning.tune(trainer.run)):
        display.tell(found)
    if advice := worse_than_unigram(outcome, trainer):
        display.tell(advice)


def _sources(data: object) -> tuple[Path, ...]:
    if data is None:
        return ()
    if isinstance(data, Dataset):
        return (data.path,)
    return tuple(sources_of(several(data)))


def _augmenters(
    augment: str | Augmenter | Sequence[str | Augmenter],
) -> tuple[str | Augmenter, ...]:
    """Return what was given as one or several; commas may separate names, as in --augment."""
    listed: Sequence[Any] = augment if isinstance(augment, list | tuple) else [augment]
    found: list[str | Augmenter] = []
    for each in listed:
        if isinstance(each, str):
            found += [name.strip() for name in each.split(",") if name.strip()]
        else:
            found.append(each)
    return tuple(found)


def _run_of(init: object) -> Path:
    if not isinstance(init, Trained):
        return path_of("init", init)
    if init.path is None:
        raise ArgumentError(
            "init is a Trained that is in no folder; save it first (save_pretrained)"
        )
    return init.path


def _to_resume(resume: object, out_dir: Path | None, fixed: Mapping[str, object]) -> Path:
    """Return the run to go on with; ArgumentError if anything is given that cannot change."""
    given = [name for name, value in fixed.items() if value is not None]
    if given:
        raise ArgumentError(
            f"resume continues the run with its own options: leave out {', '.join(given)}. Only "
            "steps, minutes, device and workers can change; init starts a new run"
        )
    if resume is not True:
        if out_dir is not None:
            raise ArgumentError("resume names the run to go on with; leave out out_dir")
        out_dir = path_of("resume", resume)
    return run_folders.to_resume(out_dir)
