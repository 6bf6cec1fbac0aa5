"""The folders of runs: where they lie, which one is newest, and the name of a new one."""

from __future__ import annotations

import os
import re
from pathlib import Path

from howlkit.errors import CheckpointError, HowlkitError
from howlkit.training.model_folder import WEIGHTS

__all__ = ["RUNS", "check_unused", "newest_trained", "next_free", "to_resume"]

RUNS = Path("runs")
"""The folder in which runs are written and searched for, unless the user names another."""


def newest_trained(parent: Path = RUNS) -> Path:
    """Return the run below `parent` with the newest model; HowlkitError if no run has a model."""
    found = _newest(parent, f"model/{WEIGHTS}")
    if found is None:
        raise HowlkitError(
            f"there is no trained run in {parent}{os.sep}; name a run's folder, "
            "or make one with: howlkit train --encoder tuple --model lstm"
        )
    return found


def to_resume(out_dir: Path | None, parent: Path = RUNS) -> Path:
    """Return the run to resume: `out_dir`, or the one below `parent` with the newest checkpoint.

    Raises HowlkitError if no run below `parent` has a checkpoint, and CheckpointError if `out_dir`
    is not the folder of a run.
    """
    if out_dir is not None:
        if not (out_dir / "config.json").is_file():
            raise CheckpointError(f"{out_dir} is no run: there is no config.json in it")
        return out_dir
    found = _newest(parent, "checkpoints/latest")
    if found is None:
        raise HowlkitError(
            f"there is no run to go on with in {parent}{os.sep}; name one with --out-dir, "
            "or begin one without --resume"
        )
    return found


def _newest(parent: Path, file: str) -> Path | None:
    """Return the run in which `file`, two levels below the run's folder, changed last."""
    found = parent.glob(f"*/{file}")
    newest = max(found, key=lambda path: (path.stat().st_mtime_ns, str(path)), default=None)
    return None if newest is None else newest.parent.parent


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


def check_unused(out_dir: Path | None) -> None:
    """Raise HowlkitError if the user named a folder for a new run and it is not empty."""
    if out_dir is not None and out_dir.exists() and any(out_dir.iterdir()):
        hint = (
            "add --resume to go on with it, or name another"
            if (out_dir / "config.json").is_file()
            else "name a new folder"
        )
        raise HowlkitError(f"--out-dir {out_dir} is not empty: {hint}")
