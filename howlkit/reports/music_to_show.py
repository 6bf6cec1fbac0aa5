"""From what users name, a run, files or a folder, to the pieces that a page shows.

A run makes new pieces. A folder gives its files by name, a dataset or a collection pieces of its
validation part; where there are too many, the seed draws some.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from howlkit.dataset import Dataset, Readers, music_file, opening
from howlkit.errors import DataError, printable
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.sampling.trained import Trained

__all__ = ["Making", "MOST_PIECES", "NamedPiece", "Tell", "is_run", "new_pieces", "pieces_in"]

Tell = Callable[[str], None]

MOST_PIECES = 64
"""The most pieces on one page."""


@dataclass(frozen=True)
class NamedPiece:
    """A piece and the name by which a page calls it."""

    name: str
    piece: Piece


@dataclass(frozen=True)
class Making:
    """How a run makes pieces: how many, how long, and how it draws them."""

    pieces: int = 4
    seconds: float = 30.0
    seed: int = 0
    temperature: float | None = None
    top_p: float | None = None

    def words(self) -> str:
        """Return the options that make the same pieces again, as `howlkit sample` has them."""
        drawn = {"temperature": self.temperature, "top-p": self.top_p}
        given = [f"--{name} {value:g}" for name, value in drawn.items() if value is not None]
        return " ".join([f"-n {self.pieces} --seconds {self.seconds:g} --seed {self.seed}", *given])


def is_run(path: Path) -> bool:
    """Say whether a path is the folder of a run, or of a model."""
    return (path / "config.json").is_file()


def new_pieces(trained: Trained, making: Making) -> list[NamedPiece]:
    """Return new pieces by a model; the same seed gives the same pieces."""
    made = trained.sample(
        making.pieces,
        seconds=making.seconds,
        seed=making.seed,
        temperature=making.temperature,
        top_p=making.top_p,
    )
    return [NamedPiece(f"Piece {number}", piece) for number, piece in enumerate(made, 1)]


def pieces_in(paths: Sequence[Path], *, most: int, seed: int, tell: Tell) -> list[NamedPiece]:
    """Return the pieces of files, folders, datasets and collections, at most `most` of each.

    Raises DataError if a folder has no music, and what reading a file raises.
    """
    found: list[NamedPiece] = []
    for path in paths:
        if opening.is_dataset(path) or _is_collection(path):
            found += _drawn(path, most, seed, tell)
        elif path.is_dir():
            found += [_read(file, tell) for file in _some(_files(path), most, seed)]
        else:
            found.append(_read(path, tell))
    return found


def _some(files: Sequence[Path], most: int, seed: int) -> list[Path]:
    """Return at most so many files, drawn by the seed, in their order."""
    chosen = np.random.default_rng(seed).permutation(len(files))[:most]
    return [files[number] for number in np.sort(chosen).tolist()]


def _is_collection(path: Path) -> bool:
    return not path.exists() and str(path) in Readers.installed().collections


def _files(folder: Path) -> list[Path]:
    """Return the files of music in a folder, those in folders below it too, by name."""
    suffixes = Readers.installed().suffixes
    files = list(midi.find([folder], endings=suffixes))
    if not files:
        raise DataError(f"{printable(folder)} has no files of music, and is no run")
    return files


def _read(file: Path, tell: Tell) -> NamedPiece:
    return NamedPiece(os.path.basename(file), music_file.read_music(file, tell=tell))


def _drawn(source: Path, most: int, seed: int, tell: Tell) -> list[NamedPiece]:
    """Return pieces of the validation part of a dataset, drawn by a seed."""
    data: Dataset = opening.open_data([source], tell=tell)
    indices = data.indices("validation")
    if not len(indices):
        indices = np.arange(len(data))
    chosen = np.random.default_rng(seed).permutation(indices)[:most].tolist()
    return [NamedPiece(data.names[index], data.piece(index)) for index in chosen]
