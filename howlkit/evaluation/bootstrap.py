"""Confidence intervals of sums over pieces, and of their ratios, by resampling the pieces.

The percentile bootstrap (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter
13): a resample draws as many pieces as there are, with replacement. The number is computed for each
resample, and the interval is the middle 95 % of the results. Pieces are drawn rather than notes,
because the notes of a piece depend on each other, and groups of near-duplicates rather than pieces,
for the same reason (the cluster bootstrap, Field and Welsh 2007). A group that is drawn brings all
its pieces.

The same groups and seed give the same resamples. So the numbers of several models on the same
pieces are paired: their difference is computed on each resample, which is the same for both (Koehn
2004, "Statistical significance tests for machine translation evaluation").

A recipe that was trained with several seeds has a number for each of its runs; `over_seeds` gives
their mean, with draws over pieces and seeds.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LEVEL", "UNDEFINED", "Estimate", "Resamples", "over_seeds"]

LEVEL = 0.95
"""The probability with which an interval should contain the true value."""

Key = TypeVar("Key", bound=Hashable)
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number computed from some pieces, and the same number for each resample of them.

    draws: (resamples,), in the same order in all estimates of one `Resamples`; empty if there are
    fewer than two groups to draw from.

    >>> sums = Resamples(np.arange(3)).sums({"nats": [4.0, 6.0, 9.0], "notes": [2, 3, 4]})
    >>> rate = sums["nats"] / sums["notes"]
    >>> round(rate.value, 3), rate.interval
    (2.111, (2.0, 2.25))
    """

    value: float
    draws: Floats

    def __truediv__(self, other: Estimate) -> Estimate:
        """Return the ratio; infinite or NaN where `other` is 0."""
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
        """The two ends of the interval; None if there is one group only, or a division by 0."""
        if not len(self.draws) or not np.isfinite(self.draws).all():
            return None
        low, high = np.quantile(self.draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return float(low), float(high)


UNDEFINED = Estimate(math.nan, np.array([math.nan]))
"""The sum of no columns."""


@dataclass(frozen=True, eq=False)
class Resamples:
    """`number` resamples of some pieces, the same ones for every column.

    groups: (pieces,) the number of each piece's group, in any order.

    >>> resamples = Resamples(np.array([7, 7, 3]), seed=1, number=4)
    >>> resamples.units
    2
    >>> resamples.sums({"notes": [10, 20, 5]})["notes"]
    Estimate(value=35.0, draws=array([35., 60., 10., 60.]))
    """

    groups: NDArray[np.int64]
    seed: int = 0
    number: int = 1000

    @property
    def units(self) -> int:
        """The number of groups to draw from."""
        return len(np.unique(self.groups))

    def sums(self, columns: Mapping[Key, ArrayLike]) -> dict[Key, Estimate]:
        """Return the sums of each column over all pieces and over each resample, by name.

        columns: (pieces,) a value for each piece, in the order of `groups`.
        """
        member = np.unique(self.groups, return_inverse=True)[1]
        by_group = np.zeros((self.units, len(columns)))
        for k, column in enumerate(columns.values()):
            by_group[:, k] = np.bincount(member, np.asarray(column, np.float64))
        draws = self._resampled_sums(by_group)
        totals = by_group.sum(0).tolist()
        return {
            name: Estimate(total, draws[:, k])
            for k, (name, total) in enumerate(zip(columns, totals, strict=True))
        }

    def _resampled_sums(self, by_group: Floats) -> Floats:
        """Return the sums of each resample, (resamples, columns)."""
        groups, columns = by_group.shape
        if groups < 2:
            return np.empty((0, columns))
        rng = np.random.default_rng(self.seed)
        draws = np.empty((self.number, columns))
        for row in draws:  # one at a time, because all counts at once may not fit the memory
            row[:] = np.bincount(rng.integers(groups, size=groups), minlength=groups) @ by_group
        return draws


def over_seeds(runs: Sequence[Estimate], rng: np.random.Generator) -> Estimate:
    """Return the mean of a number over runs of one recipe with other seeds, and its draws.

    runs: of one `Resamples`. Each draw takes a resample of the pieces, the same one for every run,
    and K - 1 of the K runs, with replacement: pieces and seeds are crossed (Owen 2007, "The
    pigeonhole bootstrap"), and K draws of K would have a variance that is too small by the factor
    (K - 1) / K (McCarthy and Snowden 1985, "The bootstrap and finite population sampling"). A
    single run is returned as it is.

    >>> runs = [Estimate(7.0, np.array([6.5, 7.5])), Estimate(9.0, np.array([8.5, 9.5]))]
    >>> mean = over_seeds(runs, np.random.default_rng(3))
    >>> mean.value, mean.draws.tolist()
    (8.0, [8.5, 7.5])
    """
    if len(runs) == 1:
        return runs[0]
    value = float(np.mean([run.value for run in runs]))
    draws = np.stack([run.draws for run in runs])  # (K, resamples)
    chosen = rng.integers(len(runs), size=(len(runs) - 1, draws.shape[1]))
    return Estimate(value, np.take_along_axis(draws, chosen, 0).mean(0))
