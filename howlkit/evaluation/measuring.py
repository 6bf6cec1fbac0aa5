"""Measures runs on some pieces of a dataset: what they cost, and what the run's encoder loses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset import Dataset
from howlkit.errors import DataError, printable
from howlkit.evaluation import roundtrip
from howlkit.evaluation.comparison import MeasuredRun
from howlkit.music.piece import Piece
from howlkit.network import likelihood
from howlkit.network.likelihood import Encoded
from howlkit.sampling.trained import Trained

__all__ = ["FEW_GROUPS", "Measuring", "indices_of"]

FEW_GROUPS = 20
"""Below this number of groups of pieces intervals are clearly too narrow: docs/evaluating.md."""


def indices_of(music: Dataset, part: str, *, advice: str) -> NDArray[np.int64]:
    """Return the indices of the pieces of a part; DataError, with `advice`, if there are none."""
    indices = np.arange(len(music)) if part == "all" else music.indices(part)
    if not len(indices):
        raise DataError(f"{printable(music.path)} has no pieces in its {part} part; {advice}")
    return indices


class Measuring:
    """Measures runs on the same pieces; pieces are encoded once for each encoder.

    indices: (pieces,) which pieces of `music`.
    """

    def __init__(self, music: Dataset, indices: NDArray[np.int64]) -> None:
        self.music, self.indices = music, indices
        self._known: dict[str, tuple[Encoded, Mapping[str, float | None]]] = {}

    def measure(self, name: str, trained: Trained) -> MeasuredRun:
        """Return the scores of a model, which a table calls `name`, and the encoder's losses.

        Raises DataError if the encoder keeps no note of these pieces.
        """
        encoded, losses = self._encoded(trained)
        return MeasuredRun(
            name,
            trained.recipe,
            likelihood.score(trained.network, encoded),
            likelihood.unigram_nats(trained.facts["unigram"], encoded),
            losses,
        )

    def _encoded(self, trained: Trained) -> tuple[Encoded, Mapping[str, float | None]]:
        encoder = trained.recipe.encoder
        key = json.dumps(trained.recipe.to_json()["encoder"], sort_keys=True)
        if key not in self._known:
            (lost,) = roundtrip.compare_encoders([encoder], self._pieces())
            self._known[key] = likelihood.encode_all(encoder, self._pieces()), lost.summary()
        return self._known[key]

    def _pieces(self) -> Iterator[Piece]:
        return (self.music.piece(int(index)) for index in self.indices)
