"""The folders of runs: where they lie, which one is newest, and the name of a new one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from howlkit.errors import CheckpointError, HowlkitError, did_you_mean, printable, quoted
from howlkit.training import run_lock, shipped_models
from howlkit.training.checkpoint import saving
from howlkit.training.model_folder import WEIGHTS
from howlkit.training.run_lock import RunLock

__all__ = [
    "RUNS",
    "default_model",
    "find_model",
    "is_unused",
    "longer",
    "newest_trained",
    "next_free",
    "resume_command",
    "runs_in",
    "take_next",
    "take_unused",
    "to_resume",
    "trained_runs",
]

RUNS = Path("runs")
"""The folder in which runs are written and searched for, unless the user names another."""

MODEL, CHECKPOINT = f"model/{WEIGHTS}", "checkpoints/latest"
"""What a run has, below its folder, that can be sampled, and one that can be resumed."""

SHOWN = 8  # runs in one message


def find_model(path: Path) -> Path:
    """Return a run's model folder, or `path` if it is one, or that of a model that ships.

    The name of a model that ships counts where no run lies at that path. Raises CheckpointError if
    there is none; it says what to do instead.
    """
    for folder in (path / "model", path):
        if (folder / "config.json").is_file() and (folder / WEIGHTS).is_file():
            return folder
    holder = run_lock.holder(path)
    shipped = shipped_models.find(path)
    if shipped is not None and holder is None and not (path / "config.json").is_file():
        return shipped.folder
    if holder is not None:
        raise CheckpointError(
            f"{printable(path)} has no trained model yet: it is being trained by {holder}. The "
            "first validation saves one; try again then"
        )
    if (path / CHECKPOINT).is_file() and (path / "config.json").is_file():
        raise CheckpointError(
            f"{printable(path)} has no trained model yet; go on training it with: "
            f"howlkit train --resume --out-dir {quoted(path)}"
        )
    if (path / "config.json").is_file():
        raise CheckpointError(
            f"{printable(path)} has no trained model and no checkpoint: its training ended before "
            "the first step. Train anew, into another folder"
        )
    names = [model.name for model in shipped_models.all_models()]
    raise CheckpointError(
        _no_run(path, MODEL)
        or f"{printable(path)} {'is no run' if path.exists() else 'does not exist'}: it should "
        f"hold model/config.json and model/{WEIGHTS}. `howlkit train` makes one; `howlkit models` "
        f"lists those that come along.{did_you_mean(str(path), names)}"
    )


def newest_trained(parent: Path = RUNS) -> Path:
    """Return the run below `parent` with the newest model; HowlkitError if no run has a model."""
    found = _newest_first(parent, MODEL)
    if not found:
        raise HowlkitError(
            f"there is no trained run in {parent}{os.sep}; name a run's folder, "
            "or make one with: howlkit train --encoder tuple --model lstm"
        )
    return found[0]


def default_model(parent: Path = RUNS) -> tuple[Path, str]:
    """Return the model to use where nobody names one, and a line for the user that says which.

    It is the newest run below `parent` that has a model, or else the best model that ships.
    Raises HowlkitError if there is none.
    """
    shipped = shipped_models.best()
    if shipped is None or trained_runs(parent):
        newest = newest_trained(parent)
        return newest, f"Using the newest run, {printable(newest)}"
    return Path(shipped.name), (
        f"There is no run in {parent}{os.sep}: using the model {shipped.name}, which comes with "
        f"howlkit ({shipped.card['about']})"
    )


def trained_runs(parent: Path = RUNS) -> list[Path]:
    """Return the runs below `parent` that have a model, the newest first."""
    return _newest_first(parent, MODEL)


def to_resume(out_dir: Path | None, parent: Path = RUNS) -> Path:
    """Return the run to resume: `out_dir`, or the one below `parent` with the newest checkpoint.

    Raises HowlkitError if no run below `parent` has a checkpoint, and CheckpointError if `out_dir`
    is not the folder of a run.
    """
    if out_dir is not None:
        if not (out_dir / "config.json").is_file():
            raise CheckpointError(
                _no_run(out_dir, CHECKPOINT)
                or f"{printable(out_dir)} is no run: there is no config.json in it"
            )
        return out_dir
    found = _newest_first(parent, CHECKPOINT)
    if not found:
        raise HowlkitError(
            f"there is no run to go on with in {parent}{os.sep}; name one with --out-dir, "
            "or begin one without --resume"
        )
    return found[0]


def runs_in(folder: Path) -> str:
    """Return the runs in a folder that have a model, in words and newest first; "" if none has.

    >>> runs_in(Path("no-such-folder"))
    ''
    """
    return _listed(_newest_first(folder, MODEL))


def _no_run(path: Path, file: str) -> str:
    """Return an error for a folder that holds runs with `file` and is none; "" if it holds none."""
    listed = _listed(_newest_first(path, file))
    return listed and f"{printable(path)} is no run, but holds some; name one of them: {listed}"


def _listed(runs: list[Path]) -> str:
    shown = [quoted(run) for run in runs[:SHOWN]]
    left = [f"{len(runs) - SHOWN} older ones"] if len(runs) > SHOWN else []
    order = " (newest first)" if len(runs) > 1 else ""
    return ", ".join([*shown, *left]) + order if runs else ""


def _newest_first(parent: Path, file: str) -> list[Path]:
    """Return the runs below `parent` that have `file`, two levels deep, by its last change."""
    found = sorted(parent.glob(f"*/{file}"), key=_changed, reverse=True)
    return [path.parent.parent for path in found]


def _changed(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, str(path)


def next_free(encoder: str, model: str, parent: Path = RUNS) -> Path:
    """Return the first folder ENCODER-MODEL-NUMBER of `parent` that follows those that exist.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     (Path(folder) / "tuple-lstm-7").mkdir()
    ...     next_free("tuple", "lstm", Path(folder)).name
    'tuple-lstm-8'
    """
    stem = re.sub(r"[^\w-]", "_", f"{encoder}-{model}")
    taken = [path.name.removeprefix(f"{stem}-") for path in parent.glob(f"{stem}-*")]
    number = 1 + max((int(n) for n in taken if n.isdigit()), default=0)
    return parent / f"{stem}-{number}"


def take_next(encoder: str, model: str, parent: Path = RUNS) -> RunLock:
    """Make the next free folder, and return its lock; two processes never get the same folder."""
    while True:
        folder = next_free(encoder, model, parent)
        with saving(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            try:
                folder.mkdir()
            except FileExistsError:  # another process was quicker
                continue
        return RunLock.take(folder, made=True)


def take_unused(out_dir: Path) -> RunLock:
    """Return the lock of the folder that the user names for a new run.

    Raises HowlkitError if the folder is not empty, and CheckpointError if a run is trained there.
    """
    if run_lock.holder(out_dir) is None:  # or else `take` says who trains there
        _check_unused(out_dir)
    lock = RunLock.take(out_dir)
    try:
        _check_unused(out_dir)  # again: another process may just have ended there
    except BaseException:
        lock.release()
        raise
    return lock


def is_unused(folder: Path) -> bool:
    """Say whether a folder does not exist, or is empty but for the files of a lock."""
    return not folder.is_dir() or all(path.name in run_lock.FILES for path in folder.iterdir())


def _check_unused(out_dir: Path) -> None:
    """Raise HowlkitError if there are files in the folder besides those of a lock."""
    if is_unused(out_dir):
        return
    hint = (
        f"name another, or go on with it: howlkit train --resume --out-dir {quoted(out_dir)}"
        if (out_dir / "config.json").is_file()
        else "name a new folder"
    )
    raise HowlkitError(f"--out-dir {printable(out_dir)} is not empty: {hint}")


def longer(run: Path, budget: Mapping[str, Any]) -> str:
    """Return the command that trains a run ten times as long, 10 minutes or 1000 steps at least.

    budget: the run's `Budget`, as a dict.
    """
    if budget.get("minutes"):
        return f"{resume_command(run)} --minutes {max(10 * budget['minutes'], 10):g}"
    return f"{resume_command(run)} --steps {max(10 * (budget.get('steps') or 0), 1000)}"


def resume_command(run: Path) -> str:
    """Return the command that goes on with a run."""
    return f"howlkit train --resume --out-dir {quoted(run)}"
