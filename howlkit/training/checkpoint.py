"""The checkpoints of a run: safetensors and JSON, written so that a power cut loses nothing.

    RUN/config.json                  the resolved recipe, data, seed, versions
    RUN/checkpoints/step-00001000/   model and optimizer .safetensors, state.json, manifest.json
    RUN/checkpoints/latest           the name of the newest of them
    RUN/model/                       config.json schema.json model.safetensors README.md

A checkpoint is written to a temporary folder, flushed to the disk, renamed, verified against its
manifest (SHA-256), and only then named `latest`; the ones before it are deleted last, but for
those that the user keeps. RUN/model
holds the best weights and everything needed to use them. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howlkit.atomic_files import write_whole, writing_folder_whole
from howlkit.errors import CheckpointError, printable
from howlkit.training.weights import read_tensors, without_prefix, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "FORMAT",
    "Checkpoint",
    "load_checkpoint",
    "read_weights",
    "read_json",
    "save_checkpoint",
    "saving",
    "steps",
    "write_json",
]

FORMAT = 1

CONTENTS = ("model.safetensors", "optimizer.safetensors", "state.json")
"""The files of a checkpoint for which its manifest has hashes."""

Tensors = dict[str, "Tensor"]


@dataclass(frozen=True)
class Checkpoint:
    """Everything needed to resume a run with the same result as if it had never stopped."""

    step: int
    model: Tensors
    optimizer: Tensors
    state: dict[str, Any]


def save_checkpoint(run: Path, checkpoint: Checkpoint, *, keep: int = 1) -> Path:
    """Write a checkpoint, make it the latest, and delete older ones; return its folder.

    keep: how many stay, the new one among them. Raises CheckpointError if the disk is full,
    read-only, ...; the checkpoints before it are then unchanged.
    """
    parent = run / "checkpoints"
    final = parent / f"step-{checkpoint.step:08d}"
    if _latest(parent) == final.name and _is_whole(final):
        return final  # a run that stopped where it was resumed has nothing to add
    with saving(parent):
        # A folder of that name is damaged, or its process was killed before it became the latest.
        with writing_folder_whole(final) as partial:
            _write_folder(partial, checkpoint)
        _verify(final)
        write_whole(parent / "latest", f"{final.name}\n".encode())
    before = sorted(other for other in parent.glob("step-*") if other != final)
    for other in [*before[: len(before) - keep + 1], *parent.glob(".partial-*")]:
        shutil.rmtree(other, ignore_errors=True)
    return final


def _write_folder(folder: Path, checkpoint: Checkpoint) -> None:
    write_tensors(folder / "model.safetensors", checkpoint.model)
    write_tensors(folder / "optimizer.safetensors", checkpoint.optimizer)
    state = {"format": FORMAT, "step": checkpoint.step, **checkpoint.state}
    write_json(folder / "state.json", state)
    write_json(folder / "manifest.json", {name: _digest(folder / name) for name in CONTENTS})


def load_checkpoint(run: Path) -> Checkpoint:
    """Return the newest undamaged checkpoint of a run.

    Raises CheckpointError if there is none, with what is wrong with each; a run never starts anew
    in silence.
    """
    parent = run / "checkpoints"
    reasons = []
    for folder in _newest_first(parent):
        try:
            _verify(folder)
            state = read_json(folder / "state.json")
            if state.get("format") != FORMAT:
                raise CheckpointError(
                    f"{printable(folder)}: format {state.get('format')!r} is not {FORMAT}"
                )
            return Checkpoint(
                int(state["step"]),
                read_tensors(folder / "model.safetensors"),
                read_tensors(folder / "optimizer.safetensors"),
                state,
            )
        except (CheckpointError, KeyError, ValueError, TypeError) as error:
            reasons.append(str(error))
    detail = ": " + "; ".join(reasons) if reasons else ""
    raise CheckpointError(
        f"no whole checkpoint in {printable(parent)}{detail}. Nothing can be resumed there; "
        "train into another --out-dir, or start from its model with --init"
    )


def steps(run: Path) -> list[int]:
    """Return the steps after which a run has checkpoints, in order."""
    folders = (run / "checkpoints").glob("step-" + "[0-9]" * 8)
    return sorted(int(folder.name[5:]) for folder in folders)


def read_weights(run: Path, step: int) -> Tensors:
    """Return the weights in the checkpoint of a step: their average, if the run keeps one.

    Raises CheckpointError if there is none, or if it is damaged; it names the steps that there are.
    """
    parent = run / "checkpoints"
    folder = parent / f"step-{step:08d}"
    if not folder.is_dir():
        found = steps(run)
        have = f"it has those of steps {', '.join(map(str, found))}" if found else "it has none"
        raise CheckpointError(
            f"{printable(run)} has no checkpoint of step {step}; {have}. `howlkit train --keep 3` "
            "keeps the last three"
        )
    _verify(folder)
    tensors = read_tensors(folder / "model.safetensors")
    return without_prefix(tensors, "average") or without_prefix(tensors, "network")


def _newest_first(parent: Path) -> list[Path]:
    """Return the checkpoint folders, the one named `latest` first."""
    folders = sorted(parent.glob("step-*"), reverse=True) if parent.is_dir() else []
    latest = _latest(parent)
    return sorted(folders, key=lambda folder: folder.name != latest)  # stable: newest stay first


def _latest(parent: Path) -> str:
    try:
        return (parent / "latest").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _verify(folder: Path) -> None:
    manifest = read_json(folder / "manifest.json")
    for name in CONTENTS:
        path = folder / name
        try:
            whole = _digest(path) == manifest.get(name)
        except OSError:
            whole = False
        if not whole:
            raise CheckpointError(f"{printable(path)} is missing or damaged")


def _is_whole(folder: Path) -> bool:
    try:
        _verify(folder)
    except CheckpointError:
        return False
    return True


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def saving(path: Path) -> Iterator[Path]:
    """Yield `path`, and raise CheckpointError for any OSError inside this context."""
    try:
        yield path
    except OSError as error:
        raise CheckpointError(
            f"{printable(path)} cannot be written: {error.strerror or error}. Make room, or check "
            "the permissions; what was saved before is untouched"
        ) from error


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON file, atomically and flushed to the disk."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    try:
        written = text.encode()
    except UnicodeEncodeError:  # a path with bytes that are no UTF-8, which JSON can only escape
        written = (json.dumps(data, indent=1) + "\n").encode()
    write_whole(path, written)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; CheckpointError if it is missing or not one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{printable(path)} cannot be read: {printable(error)}") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{printable(path)} holds no JSON object")
    return data
