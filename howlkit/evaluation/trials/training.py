"""Trains the trials of a comparison, each by a `howlkit train` of its own on one thread.

A trial that is trained is kept, one that was stopped or killed is resumed, and one that fails is
told while the others go on. Training time is that of `howlkit train`: with validating and saving,
without preparing, building the network and pauses.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from howlkit import options
from howlkit.dataset import Dataset
from howlkit.errors import CheckpointError, DataError, HowlkitError, printable, quoted
from howlkit.evaluation.trials.machine import machine
from howlkit.evaluation.trials.plan import Trial, TrialFiles, TrialPlan, check_settings
from howlkit.training import run_folders, run_lock
from howlkit.training.checkpoint import read_json, saving, write_json
from howlkit.training.progress import Budget, Metrics, Progress
from howlkit.training.size_words import duration

__all__ = ["THREADS", "TrialTraining"]

THREADS = 1
"""The number of threads that each trial trains on."""

ONE_THREAD = {name: str(THREADS) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}

CHILD = "howlkit.evaluation.trials.child"

STOPPING = 60.0
"""Seconds to wait for a training whose comparison was killed: it saves itself and ends."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class TrialTraining:
    """The training of a plan's trials into a folder.

    jobs: how many run at a time. Several share the machine, so each gets less done in its minutes.
    """

    plan: TrialPlan
    data: Dataset
    out: Path
    jobs: int
    tell: Tell

    def check(self) -> None:
        """Raise HowlkitError if a trial in the folder was trained otherwise than is asked for."""
        if not (self.out / "runs").is_dir() and not run_folders.is_unused(self.out):
            raise DataError(
                f"--out-dir {printable(self.out)} is not empty and holds no comparison: name a new "
                "folder"
            )
        for trial in self.plan.trials():
            files = TrialFiles(self.out, trial)
            if files.record.is_file():
                known = read_json(files.record).get("settings", {})
                check_settings(files, known, self.plan.settings(trial, self.data))
            elif not run_folders.is_unused(files.run):
                raise DataError(
                    f"{printable(files.run)} has no record of a comparison beside it, so it is "
                    "kept: move it away, or name another --out-dir"
                )

    def run(self) -> dict[Trial, str]:
        """Train what is not trained yet; return the trials that failed, and why."""
        trials = self.plan.trials()
        waiting = [trial for trial in trials if not self._is_trained(trial)]
        if len(waiting) < len(trials):
            self.tell(f"{len(trials) - len(waiting)} of {len(trials)} runs are trained already")
        self._tell_plan(len(waiting))
        failed: dict[Trial, str] = {}
        running: dict[Trial, subprocess.Popen[bytes]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.jobs:
                    trial = waiting.pop(0)
                    try:
                        running[trial] = self._start(trial)
                    except HowlkitError as error:
                        self._failed(trial, str(error), failed)
                time.sleep(0.05)
                for trial, process in list(running.items()):
                    if process.poll() is not None:
                        del running[trial]
                        self._ended(trial, process, failed)
        finally:
            for process in running.values():
                _close(process)
            for process in running.values():
                process.wait()
        return failed

    def _tell_plan(self, runs: int) -> None:
        minutes = self.plan.budget.minutes
        if not runs:
            return
        if self.jobs == 1:
            how = "one after another"
        else:
            how = f"{self.jobs} at a time, so that each has less of the machine than it would alone"
        takes = ""
        if minutes is not None:
            takes = f", {duration(60 * minutes * -(-runs // self.jobs))} in all at most"
        self.tell(
            f"Training {runs} run{'s' * (runs != 1)} of {self.plan.budget} on {THREADS} thread, "
            f"{how}{takes}, into {printable(self.out / 'runs')}"
        )

    # One trial ----------------------------------------------------------------------------------

    def _is_trained(self, trial: Trial) -> bool:
        """Say whether a trial is trained; note it, if the process that compared was killed then."""
        files = TrialFiles(self.out, trial)
        model = files.run / "model" / "model.safetensors"
        if not (files.record.is_file() and model.is_file()):
            return False
        if read_json(files.record).get("trained"):
            return True
        if not _had_its_budget(files.run, self.plan.budget):
            return False
        self._note(trial, trained=True)
        return True

    def _start(self, trial: Trial) -> subprocess.Popen[bytes]:
        files = TrialFiles(self.out, trial)
        _wait_for(files.run)
        resumed = (files.run / "checkpoints" / "latest").is_file()
        if not resumed:
            with saving(files.run):
                shutil.rmtree(files.run, ignore_errors=True)
                for old in (files.log, files.times):
                    old.unlink(missing_ok=True)
                files.run.parent.mkdir(parents=True, exist_ok=True)
            self._note(trial, trained=False)
        words = self._resume(files) if resumed else self._begin(trial, files)
        what = "Going on with" if resumed else "Training"
        self.tell(f"{what} {trial}; its progress: {printable(files.log)}")
        own = {name: text for name, text in os.environ.items() if not _is_for_train(name)}
        with saving(files.log), files.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", CHILD, str(files.times), *words],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # The modules of this process, wherever it found them.
                env={**own, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                # Ctrl-C is for the process that compares, which stops this one in good order.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    def _begin(self, trial: Trial, files: TrialFiles) -> list[str]:
        """Return the arguments of howlkit that train a trial."""
        plan, budget = self.plan, self.plan.budget
        words: list[object] = ["train", self.data.path.resolve(), "--out-dir", files.run]
        words += ["--encoder", trial.encoder, "--model", trial.model, "--seed", trial.seed]
        words += ["--device", plan.device]
        words += [] if budget.minutes is None else ["--minutes", budget.minutes]
        words += [] if budget.steps is None else ["--steps", budget.steps]
        words += ["--augment", ",".join(plan.augment) or "none"]
        for assignment in options.assignments(plan.own_values(trial)):
            words += ["-o", assignment]
        return [str(word) for word in words]

    def _resume(self, files: TrialFiles) -> list[str]:
        return ["train", "--resume", "--out-dir", str(files.run), "--device", self.plan.device]

    def _ended(
        self, trial: Trial, process: subprocess.Popen[bytes], failed: dict[Trial, str]
    ) -> None:
        """Note and tell how a training ended."""
        _close(process)
        files = TrialFiles(self.out, trial)
        if process.returncode:
            self._failed(trial, _last_line(files.log, process.returncode), failed)
            return
        self._note(trial, trained=True)
        last = Metrics(files.run / "metrics.jsonl").read()[-1]
        self.tell(f"{trial}: {_in_words(last)}")

    def _failed(self, trial: Trial, why: str, failed: dict[Trial, str]) -> None:
        failed[trial] = why
        self.tell(f"{trial} failed: {why}. The others go on")

    def _note(self, trial: Trial, *, trained: bool) -> None:
        """Write a trial's record."""
        files = TrialFiles(self.out, trial)
        note: Mapping[str, Any] = {
            "settings": self.plan.settings(trial, self.data),
            "trained": {
                "jobs": self.jobs,
                "threads": THREADS,
                "processor_share": _processor_share(files.times),
                "machine": machine(),
            }
            if trained
            else None,
        }
        with saving(files.record):
            write_json(files.record, note)


def _had_its_budget(run: Path, budget: Budget) -> bool:
    """Say whether a run's newest checkpoint is its last: training saves one when it ends."""
    parent = run / "checkpoints"
    try:
        name = (parent / "latest").read_text(encoding="utf-8").strip()
        position = read_json(parent / name / "state.json")["position"]
        return budget.fraction(int(position["step"]), float(position["seconds"])) >= 1
    except (OSError, CheckpointError, KeyError, TypeError, ValueError):
        return False  # it is resumed, and `howlkit train` says what is wrong


def _processor_share(times: Path) -> float | None:
    """Return for which share of its time a trial had a processor; None if that is not known."""
    try:
        lines = [json.loads(line) for line in times.read_text(encoding="utf-8").splitlines()]
        return float(sum(line["cpu"] for line in lines) / sum(line["wall"] for line in lines))
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return None


def _is_for_train(name: str) -> bool:
    """Say whether a variable sets an option of `howlkit train`, which would not be compared."""
    return name.upper().startswith("HOWLKIT_TRAIN_")


def _wait_for(run: Path) -> None:
    """Wait until nobody trains into the folder; CheckpointError if that takes too long."""
    until = time.monotonic() + STOPPING
    while (holder := run_lock.holder(run)) is not None:
        if time.monotonic() > until:
            raise CheckpointError(
                f"{printable(run)} is being trained by {holder}. Wait for it to end, or stop it, "
                "which saves it; then the same command goes on"
            )
        time.sleep(0.2)


def _close(process: subprocess.Popen[bytes]) -> None:
    """Close the input of a process, so that it stops."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def _last_line(log: Path, code: int) -> str:
    """Return what a training printed last."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = lines[-1].removeprefix("howlkit: ") if lines else ""
    return printable(last or f"it ended with code {code}; see {quoted(log)}")


def _in_words(last: Progress) -> str:
    """Return how a training ended, in words."""
    best = "" if last.best is None else f", {last.best:.3f} nats a note at its best in validation"
    return f"{last.step:,} steps in {duration(last.seconds)}{best}"
