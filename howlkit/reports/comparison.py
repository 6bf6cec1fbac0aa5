"""Pieces beside the music that a run knows: their statistics, and how much they surprise its model.

What a piece is compared with must be as long as the piece: a whole song has more notes and more
pitches than half a minute. So of each piece of the training part, or of the validation part for
nats, only the beginning counts, as long as the median of the pieces shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset import Dataset
from howlkit.evaluation import statistics
from howlkit.evaluation.statistics import Spread, spread
from howlkit.music.piece import Piece
from howlkit.sampling.trained import Trained

__all__ = ["MOST_SCORED", "MOST_TABULATED", "Comparison", "Row", "compare"]

MOST_TABULATED, MOST_SCORED = 200, 40
"""The most pieces of the training part, and of the validation part, to compare with."""

NATS = "nats a note"


@dataclass(frozen=True)
class Row:
    """A number: of the run's music, None if there is none, and of each piece, None: undefined."""

    name: str
    reference: Spread | None
    values: tuple[float | None, ...]

    def side(self, value: float | None) -> int:
        """Return -1 for a value below the 10th percentile of the run's music, 1 above the 90th."""
        own = self.reference
        if own is None or value is None or not own.pieces:
            return 0
        return int(value > own.high) - int(value < own.low)


@dataclass(frozen=True)
class Comparison:
    """Rows of numbers, and what they are compared with.

    seconds: how much of each piece of the run's music counts. training, validation: how many pieces
    of each part; 0: the run's music is not known, or is gone.
    """

    rows: tuple[Row, ...]
    seconds: float
    training: int = 0
    validation: int = 0


def compare(
    pieces: Sequence[Piece], trained: Trained | None, music: Dataset | None, *, seed: int
) -> Comparison:
    """Return the statistics of pieces, beside the music that a model was trained on.

    trained: the model that counts nats; None: they are not counted. music: its dataset; None: it is
    not known. seed: draws the pieces to compare with, where there are many.
    """
    seconds = float(np.median([piece.seconds_long for piece in pieces]))
    beginnings = _Beginnings(music, seconds, seed)
    (measured,) = statistics.tabulate(pieces, statistics.STATISTICS)
    training = list(beginnings.of("train", MOST_TABULATED))
    references = statistics.tabulate(training, statistics.STATISTICS)[0] if training else {}
    rows = [_row(name, references.get(name), values) for name, values in measured.items()]
    validation: list[Piece] = []
    if trained is not None:
        validation = list(beginnings.of("validation", MOST_SCORED))
        known = _nats(trained, validation) if validation else None
        rows.insert(0, _row(NATS, known, _nats(trained, pieces)))
    shown = tuple(row for row in rows if any(value is not None for value in row.values))
    return Comparison(shown, seconds, len(training), len(validation))


@dataclass(frozen=True)
class _Beginnings:
    """The beginnings of pieces of a dataset."""

    music: Dataset | None
    seconds: float
    seed: int

    def of(self, part: str, most: int) -> Iterator[Piece]:
        """Yield beginnings of at most so many pieces of a part, drawn by the seed."""
        if self.music is None:
            return
        indices = np.random.default_rng(self.seed).permutation(self.music.indices(part))
        for index in np.sort(indices[:most]).tolist():
            piece = self.music.piece(index)
            if piece.seconds_long > self.seconds > 0:
                piece = piece.excerpt(seconds=(0, self.seconds))
            if len(piece):
                yield piece


def _nats(trained: Trained, pieces: Sequence[Piece]) -> NDArray[np.float64]:
    """Return the nats a note of each piece; NaN where the encoder keeps no note."""
    from howlkit.network import likelihood

    encoded = likelihood.encode_all(trained.encoder, pieces)
    scores = likelihood.score(trained.network, encoded)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = scores.totals / encoded.note_counts
    return np.where(np.isfinite(found), found, math.nan)


def _row(name: str, reference: NDArray[np.float64] | None, values: NDArray[np.float64]) -> Row:
    return Row(
        name,
        None if reference is None else spread(reference),
        tuple(None if math.isnan(value) else value for value in values.tolist()),
    )
