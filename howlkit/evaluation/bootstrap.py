"""Confidence intervals of sums over pieces, and of what is made of them, by resampling pieces.

The percentile bootstrap (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter
13): the pieces are drawn anew, with replacement, as many as there are; whatever is reported is
computed of each such resample; the middle 95 % of that is the interval. Pieces are drawn rather
than notes, since the notes of a piece depend on each other, and groups of near-duplicates rather
than pieces, for the same reason (the cluster bootstrap, Field and Welsh 2007). A group that is
drawn brings all its pieces.

The same groups and seed give the same resamples, so numbers of several models on the same pieces
are paired: the interval of their difference is that of one resample for both (Koehn 2004,
"Statistical significance tests for machine translation evaluation").
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LEVEL", "UNDEFINED", "Estimate", "Resamples"]

LEVEL = 0.95
"""How often an interval is to hold the true value."""

Key = TypeVar("Key", bound=Hashable)
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number computed of some pieces, and what it is in each resample of them.

    draws: (resamples,), in the same order in all estimates of one `Resamples`; none if there is
    nothing to draw from.
    """

    value: float
    draws: Floats

    def __truediv__(self, other: Estimate) -> Estimate:
        """Return the ratio; not a number where `other` is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.divide(self.value, other.value)
            return Estimate(float(value), self.draws / other.draws)

    def __add__(self, other: Estimate) -> Estimate:
        """Return the sum."""
        return Estimate(self.value + other.value, self.draws + other.draws)

    def __sub__(self, other: Estimate) -> Estimate:
        """Return the difference."""
        return Estimate(self.value - other.value, self.draws - other.draws)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ends of the interval; None where it is undefined: one group, or a division by 0."""
        if not len(self.draws) or not np.isfinite(self.draws).all():
            return None
        low, high = np.quantile(self.draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return float(low), float(high)


UNDEFINED = Estimate(math.nan, np.array([math.nan]))
"""A sum of nothing."""


@dataclass(frozen=True, eq=False)
class Resamples:
    """So many resamples of some pieces, the same ones for every column.

    groups: (pieces,), a number that pieces of one group have in common; in which order the pieces
    stand does not matter.
    """

    groups: NDArray[np.int64]
    seed: int = 0
    number: int = 1000

    @property
    def units(self) -> int:
        """How many groups there are to draw from."""
        return len(np.unique(self.groups))

    def sums(self, columns: Mapping[Key, ArrayLike]) -> dict[Key, Estimate]:
        """Return the sum of each column, (pieces,) by name, over all pieces and each resample."""
        member = np.unique(self.groups, return_inverse=True)[1]
        by_group = np.zeros((self.units, len(columns)))
        for k, column in enumerate(columns.values()):
            by_group[:, k] = np.bincount(member, np.asarray(column, np.float64))
        draws = self._drawn(by_group)
        totals = by_group.sum(0).tolist()
        return {
            name: Estimate(total, draws[:, k])
            for k, (name, total) in enumerate(zip(columns, totals, strict=True))
        }

    def _drawn(self, by_group: Floats) -> Floats:
        """Return (resamples, columns); one at a time, since all at once may not fit the memory."""
        groups, columns = by_group.shape
        if groups < 2:
            return np.empty((0, columns))
        rng = np.random.default_rng(self.seed)
        draws = np.empty((self.number, columns))
        for row in draws:
            row[:] = np.bincount(rng.integers(groups, size=groups), minlength=groups) @ by_group
        return draws
