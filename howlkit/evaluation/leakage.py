"""Which pieces a run was trained on: whether what is measured of it is more than its memory.

A model says the fingerprint of the dataset it was trained on, and its run's folder where that
dataset is. Equal fingerprints mean equal pieces in equal parts. Otherwise the training part is
looked up, if it is still there, and compared by the hashes of the pieces' notes; a take or variant
of a piece counts as the piece, as far as the dataset that is measured has them in one group.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset import Dataset
from howlkit.errors import CheckpointError, HowlkitError
from howlkit.sampling.trained import Trained
from howlkit.training.checkpoint import read_json

__all__ = ["dataset_of", "fingerprint_of", "trained_on"]


def fingerprint_of(trained: Trained, run: Path) -> str:
    """Return that of the dataset of a run; CheckpointError if the model does not say it."""
    try:
        return str(trained.facts["data"]["fingerprint"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{run} is damaged: its model's config.json does not say what it was trained on "
            "(facts.data.fingerprint)"
        ) from error


def dataset_of(run: Path) -> Dataset:
    """Return the dataset of a run, as it is now.

    Raises CheckpointError if `run` does not say where it is, as a model folder alone does not, and
    DataError if there is none any more.
    """
    try:
        return Dataset.open(Path(read_json(run / "config.json")["data"]["dataset"]))
    except (CheckpointError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{run} does not say where the music is that it was trained on: "
            f"howlkit evaluate {run} DATA"
        ) from error


def trained_on(run: Path, fingerprint: str, music: Dataset) -> NDArray[np.bool_] | None:
    """Return (pieces,): which pieces of `music` the run was trained on; None if nobody knows.

    fingerprint: of what the run was trained on.
    """
    seen = np.zeros(len(music), np.bool_)
    if music.fingerprint == fingerprint:
        seen[music.indices("train")] = True
        return seen
    try:
        own = dataset_of(run)
    except HowlkitError:
        return None
    if own.fingerprint != fingerprint:  # it has changed since
        return None
    learnt = {own.hashes[index] for index in own.indices("train")}
    seen[:] = [notes in learnt for notes in music.hashes]
    return np.isin(music.groups, music.groups[seen])
