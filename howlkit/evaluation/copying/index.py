"""The training music, made ready to be searched: its lines and their seeds, sorted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import stable_order
from howlkit.evaluation.copying.note_lines import NoteLines
from howlkit.evaluation.copying.seeds import seeds
from howlkit.music.piece import Piece

__all__ = ["TrainingIndex"]


@dataclass(frozen=True, eq=False)
class TrainingIndex:
    """The lines of training pieces, and where in them each seed begins.

    names: of the pieces. seed: (k,) uint32, rising. first: (k,) int32, the note at which each
    begins, rising for equal seeds.

    >>> from howlkit.music import chorales
    >>> index = TrainingIndex.of(chorales.load()[:3])
    >>> len(index.lines), len(index.seed) == len(index.first)
    (3, True)
    """

    lines: NoteLines
    names: tuple[str, ...]
    seed: NDArray[np.uint32]
    first: NDArray[np.int32]

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> TrainingIndex:
        """Index pieces; some two seconds a million notes, of which reading takes the most."""
        names: list[str] = []

        def named() -> Iterable[Piece]:
            for piece in pieces:
                names.append(piece.name)
                yield piece

        lines = NoteLines.of(named())
        values, first = seeds(lines)
        order = stable_order(values)
        return cls(lines, tuple(names), values[order], first[order].astype(np.int32))

    def places(self, seed: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ranges low to high - 1 of `first`, (k,) each, at which seeds (k,) stand."""
        order = np.argsort(seed)  # in order, neighbours are found in memory that is at hand
        wanted = seed[order]
        low, high = np.empty(len(seed), np.int64), np.empty(len(seed), np.int64)
        low[order] = np.searchsorted(self.seed, wanted, side="left")
        high[order] = np.searchsorted(self.seed, wanted, side="right")
        return low, high
