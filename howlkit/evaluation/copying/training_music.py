"""The training music that outputs are compared with: of a run, or of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from howlkit.dataset import Dataset
from howlkit.errors import CheckpointError, DataError, HowlkitError, printable
from howlkit.evaluation import leakage
from howlkit.evaluation.copying import stored
from howlkit.evaluation.copying.auditing import PieceOf
from howlkit.evaluation.copying.index import TrainingIndex
from howlkit.evaluation.copying.stored import Searchable
from howlkit.evaluation.copying.yardstick import MOST_NOTES, Yardstick
from howlkit.music.piece import Piece
from howlkit.training.checkpoint import read_json
from howlkit.training.run_folders import find_model

__all__ = ["keep", "of_run", "pieces_of", "searchable"]

Tell = Callable[[str], None]


def searchable(data: Dataset) -> Searchable:
    """Return the training part of a dataset, ready to be searched, and its yardstick.

    Takes some seconds a million notes. Raises DataError if the training part is empty.
    """
    if not len(data.indices("train")):
        raise DataError(f"{printable(data.path)} has no training part to compare with")
    index = TrainingIndex.of(data.part("train"))
    return Searchable(index, Yardstick.of(_held_out(data), index), data.fingerprint)


def _held_out(data: Dataset) -> Iterator[Piece]:
    """Yield pieces of the other parts, drawn at random, until they have `MOST_NOTES` notes.

    One piece of each group: takes of one piece would say the same twice.
    """
    others = np.concatenate([data.indices("validation"), data.indices("test")])
    others = np.random.default_rng(0).permutation(others)
    _, first = np.unique(data.groups[others], return_index=True)
    notes = 0
    for number in others[np.sort(first)].tolist():
        if notes and notes + int(data.note_counts[number]) > MOST_NOTES:
            return
        notes += int(data.note_counts[number])
        yield data.piece(number)


def keep(run: Path) -> None:
    """Write what `of_run` reads beside a run, if its dataset is there and as it was.

    Raises OSError if it cannot be written, and HowlkitError if `run` is no run.
    """
    fingerprint, (data, _) = _fingerprint(run), _dataset(run)
    there = data is not None and data.fingerprint == fingerprint
    if data is not None and there and stored.load(run / stored.FILE, fingerprint) is None:
        stored.save(run / stored.FILE, searchable(data))


def of_run(run: Path, *, tell: Tell) -> tuple[Searchable, Dataset | None]:
    """Return the training music of a run, from the file beside it or made and kept there.

    Returns the dataset too, or None if it is not there any more. tell: called with lines for the
    user. Raises CheckpointError if the run's model does not say what it was trained on, and if
    neither the file nor the dataset is there.
    """
    fingerprint = _fingerprint(run)
    music = stored.load(run / stored.FILE, fingerprint)
    data, reason = _dataset(run)
    if music is not None:
        return music, data if data is not None and data.fingerprint == fingerprint else None
    if data is None:
        raise CheckpointError(
            f"the training music of {printable(run)} cannot be read ({reason}); name music to "
            "compare with: howlkit audit FILE --data MUSIC"
        )
    tell("Reading the training music and the held-out pieces, once for this run ...")
    music = searchable(data)
    if data.fingerprint != fingerprint:
        tell(
            f"Warning: the dataset of {printable(run)} has changed since the run was trained; "
            "what is found is in the music that is there now"
        )
        return music, data
    try:
        stored.save(run / stored.FILE, music)
    except OSError as error:
        tell(f"{printable(run / stored.FILE)} cannot be kept for the next time: {error.strerror}")
    return music, data


def _fingerprint(run: Path) -> str:
    """Return the fingerprint of the dataset that a run was trained on, without loading it."""
    try:
        return str(read_json(find_model(run) / "config.json")["facts"]["data"]["fingerprint"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{printable(run)} does not say what it was trained on; name music to compare with: "
            "howlkit audit FILE --data MUSIC"
        ) from error


def _dataset(run: Path) -> tuple[Dataset | None, str]:
    """Return a run's dataset; or None, and why it cannot be read."""
    try:
        return leakage.dataset_of(run), ""
    except HowlkitError as error:
        return None, str(error)


def pieces_of(data: Dataset | None) -> PieceOf:
    """Return a function from the number of a training piece to the piece, or to None."""
    if data is None:
        return lambda number: None
    numbers = data.indices("train")

    @lru_cache(64)
    def piece_of(number: int) -> Piece | None:
        return data.piece(int(numbers[number]))

    return piece_of
