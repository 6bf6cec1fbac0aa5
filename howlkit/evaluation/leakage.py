"""Which pieces a run was trained on: measured on those, it would show what it has memorised.

A model stores the fingerprint of the dataset that it was trained on, and its run's folder stores
where that dataset is. Equal fingerprints mean the same pieces in the same parts. Otherwise the
training part is read, if it still exists, and compared by the hashes of the pieces' notes. A take
or variant of a training piece counts as trained on, if the measured dataset groups both together.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset import Dataset, opening
from howlkit.errors import CheckpointError, HowlkitError, printable, quoted
from howlkit.sampling.trained import Trained
from howlkit.training import run_folders, shipped_models
from howlkit.training.checkpoint import read_json

__all__ = ["dataset_of", "fingerprint_of", "trained_on"]


def fingerprint_of(trained: Trained, run: Path) -> str:
    """Return the fingerprint of a run's dataset; CheckpointError if the model does not store it."""
    try:
        return str(trained.facts["data"]["fingerprint"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{printable(run)}: its model's config.json does not say what it was trained on "
            "(facts.data.fingerprint). It is damaged, or was saved without its dataset: give that "
            "too, Trained.of(network, encoder, model, data)"
        ) from error


def dataset_of(run: Path) -> Dataset:
    """Return the dataset that a run was trained on, as it is now.

    The models that ship were trained on the chorales that ship. Raises CheckpointError if `run`
    does not store where it is (a model folder alone does not), and DataError if there is no dataset
    there any more.
    """
    shipped = shipped_models.find(run)
    if shipped is not None and run_folders.find_model(run) == shipped.folder:
        return opening.open_data((), tell=lambda line: None)
    try:
        return Dataset.open(Path(read_json(run / "config.json")["data"]["dataset"]))
    except (CheckpointError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{printable(run)} does not say where its training music is; name music to measure: "
            f"howlkit evaluate {quoted(run)} DATA"
        ) from error


def trained_on(run: Path, fingerprint: str, music: Dataset) -> NDArray[np.bool_] | None:
    """Return (pieces,): which pieces of `music` the run was trained on; None if it is unknown.

    fingerprint: that of the dataset that the run was trained on.
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
