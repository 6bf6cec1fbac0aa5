"""Compares encoders and models: prepares once, trains each at equal time, measures all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from howlkit.dataset import opening
from howlkit.errors import HowlkitError
from howlkit.evaluation.bootstrap import Resamples
from howlkit.evaluation.measuring import Measuring, indices_of
from howlkit.evaluation.trials import report
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
    tell: Tell = lambda line: None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Train and measure every trial of a plan; return the report, which is JSON-ready.

    sources: as for `dataset.opening.open_data`; nothing for the chorales that ship. out_dir: the
    folder of the comparison; None: `plan.folder`. Trials that are trained there are kept, and those
    that were stopped go on. part: the pieces to measure, which no run was trained on. jobs: how
    many runs train at a time. tell: called with lines for the user. progress: called with (files
    read, files in all).
    The report has "failed", the trials that could not be trained or measured, and why. It is also
    in comparison.json of the folder.
    Raises HowlkitError if nothing could be trained, if there is too little music, if the folder
    holds another comparison, or if another process works there.
    """
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
        try:
            found[trial] = measured(files.run, kept, measuring, training.plan.device)
        except Exception as error:
            line = describe_error(error)
            if not line and not isinstance(error, HowlkitError):
                raise  # a bug of howlkit
            failed[trial] = line or str(error)
            training.tell(f"{trial} cannot be measured: {failed[trial]}. The others go on")
    return found


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


def _add_folders(made: Mapping[str, Any], out: Path) -> None:
    """Add to each run its folder, and how it was trained, from its record."""
    for pair in made["pairs"]:
        for run in pair["runs"]:
            files = TrialFiles(out, Trial(pair["encoder"], pair["model"], run["seed"]))
            run["run"] = str(files.run)
            run["trained"] = read_json(files.record)["trained"]
