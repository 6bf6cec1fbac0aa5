"""Compares encoders and models: prepares once, trains each at equal time, measures all alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from howlkit.dataset import opening
from howlkit.errors import HowlkitError
from howlkit.evaluation.bootstrap import Resamples
from howlkit.evaluation.measuring import Measuring, indices_of
from howlkit.evaluation.told import VERSION, classifier
from howlkit.evaluation.trials import report
from howlkit.evaluation.trials import samples as sampling
from howlkit.evaluation.trials.machine import machine
from howlkit.evaluation.trials.measurement import Measurement, measured
from howlkit.evaluation.trials.plan import Trial, TrialFiles, TrialPlan
from howlkit.evaluation.trials.training import THREADS, TrialTraining
from howlkit.plugins.attribution import describe_error
from howlkit.training import facts
from howlkit.training.checkpoint import read_json, saving, write_json
from howlkit.training.run_lock import RunLock

__all__ = ["compare"]

Tell = Callable[[str], None]


def compare(
    sources: Sequence[Path],
    plan: TrialPlan,
    *,
    out_dir: Path | None = None,
    part: Literal["validation", "test"] = "validation",
    jobs: int = 1,
    samples: int = 0,
    tell: Tell = lambda line: None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Train and measure every trial of a plan; return the report, which is JSON-ready.

    sources: as for `dataset.opening.open_data`; nothing for the chorales that ship. out_dir: the
    folder of the comparison; None: `plan.folder`. Trials that are trained there are kept, and those
    that were stopped go on. part: the pieces to measure, which no run was trained on. jobs: how
    many runs train at a time. samples: how many pieces to sample from each run, to see how long
    they are and whether a classifier tells them from those pieces (`told.tell_apart`); 0: none.
    tell: called with lines for the user. progress: called with (files
    read, files in all).
    The report has "failed", the trials that could not be trained or measured, and why. It is also
    in comparison.json of the folder.
    Raises HowlkitError if nothing could be trained, if there is too little music, if the folder
    holds another comparison, or if another process works there.
    """
    if samples:
        classifier.forest(0)  # says what is missing before anything is trained
    data = opening.open_data(sources, tell=tell, progress=progress)
    window = plan.recipe(plan.trials()[0]).training.window
    facts.check_enough(data, window=window, tell=tell)
    indices = indices_of(
        data,
        part,
        advice=f"add music, or keep more of it for that: howlkit prepare ... --{part} 0.3",
    )
    out = plan.folder(sources, data) if out_dir is None else out_dir
    training = TrialTraining(plan, data, out, jobs, tell)
    training.check()
    with RunLock.take(out):
        failed = training.run()
        measuring = Measuring(data, indices)
        found = _measure_all(training, measuring, part, failed)
        heard: dict[Trial, dict[str, Any]] = {}
        if samples:
            heard = _hear_all(training, found, measuring, part, samples, failed)
            found = {trial: found[trial] for trial in heard}
        if not found:
            trial, why = next(iter(failed.items()))
            raise HowlkitError(f"no run could be trained and measured. {trial}: {why}")
        made = {
            "format": report.FORMAT,
            **_conditions(training, sources, part),
            **report.pairs_of(found, Resamples(data.groups[indices])),
            "failed": [
                {
                    "encoder": trial.encoder,
                    "model": trial.model,
                    "seed": trial.seed,
                    "why": why,
                    "log": str(TrialFiles(out, trial).log),
                }
                for trial, why in failed.items()
            ],
        }
        _add_folders(made, out)
        if samples:
            _add_samples(made, heard)
        with saving(out / "comparison.json") as path:
            write_json(path, made)
    return made


def _measure_all(
    training: TrialTraining, measuring: Measuring, part: str, failed: dict[Trial, str]
) -> dict[Trial, Measurement]:
    """Return the figures of all trials that were trained; add those that fail to `failed`."""
    found: dict[Trial, Measurement] = {}
    for trial in training.plan.trials():
        if trial in failed:
            continue
        files = TrialFiles(training.out, trial)
        kept = files.measured(part)
        if not kept.is_file():
            training.tell(f"Measuring {trial}")
        with _told_if_it_fails(training, trial, failed, "measured"):
            found[trial] = measured(files.run, kept, measuring, training.plan.device)
    return found


def _hear_all(
    training: TrialTraining,
    trials: Iterable[Trial],
    measuring: Measuring,
    part: str,
    number: int,
    failed: dict[Trial, str],
) -> dict[Trial, dict[str, Any]]:
    """Return what the samples of all trials are like; add those that fail to `failed`."""
    heard: dict[Trial, dict[str, Any]] = {}
    device = training.plan.device
    for trial in trials:
        files = TrialFiles(training.out, trial)
        if not files.heard(part).is_file():
            training.tell(f"Sampling {number} pieces from {trial}")
        real = (measuring.music.piece(int(index)) for index in measuring.indices)
        with _told_if_it_fails(training, trial, failed, "sampled"):
            heard[trial] = sampling.heard(
                files.run, files.heard(part), real, number=number, device=device
            )
    return heard


@contextmanager
def _told_if_it_fails(
    training: TrialTraining, trial: Trial, failed: dict[Trial, str], done: str
) -> Iterator[None]:
    """Add a trial to `failed`, and say why, if the block raises an error that is no bug of ours."""
    try:
        yield
    except Exception as error:
        line = describe_error(error)
        if not line and not isinstance(error, HowlkitError):
            raise  # a bug of howlkit
        failed[trial] = line or str(error)
        training.tell(f"{trial} cannot be {done}: {failed[trial]}. The others go on")


def _conditions(training: TrialTraining, sources: Sequence[Path], part: str) -> dict[str, Any]:
    """Return what all runs have in common."""
    plan, data = training.plan, training.data
    return {
        "out_dir": str(training.out),
        "data": {
            "dataset": str(data.path.resolve()),
            "summary": opening.describe(sources, data),
            "fingerprint": data.fingerprint,
        },
        "part": part,
        "seeds": plan.seeds,
        "budget": {"steps": plan.budget.steps, "minutes": plan.budget.minutes},
        "augment": list(plan.augment),
        "options": {name: dict(table) for name, table in plan.values.items()},
        "device": plan.device,
        "threads": THREADS,
        "machine": machine(),
    }


def _add_samples(made: dict[str, Any], heard: Mapping[Trial, Mapping[str, Any]]) -> None:
    """Add to each run what its samples are like, and to each pair the means over its runs."""
    made["samples"] = {"version": VERSION, "pieces": next(iter(heard.values()))["pieces"]}
    for pair in made["pairs"]:
        for run in pair["runs"]:
            run["samples"] = heard[Trial(pair["encoder"], pair["model"], run["seed"])]
        own = [run["samples"] for run in pair["runs"]]
        told = [each["told"]["told"] for each in own if each["told"]]
        # None if a run has too few long pieces: a mean of the others would flatter it.
        pair["told"] = statistics.fmean(told) if len(told) == len(own) else None
        pair["median_seconds"] = statistics.fmean(each["median_seconds"] for each in own)


def _add_folders(made: Mapping[str, Any], out: Path) -> None:
    """Add to each run its folder, and how it was trained, from its record."""
    for pair in made["pairs"]:
        for run in pair["runs"]:
            files = TrialFiles(out, Trial(pair["encoder"], pair["model"], run["seed"]))
            run["run"] = str(files.run)
            run["trained"] = read_json(files.record)["trained"]
