"""Can made music be told from real music? A classifier two-sample test on excerpts.

A classifier is trained to tell excerpts of two sets by their features (features.py), and asked
about excerpts of pieces that it was not trained on. If both sets are alike, it is right in 50 of
100; if every excerpt shows where it comes from, in 100. Real music against real music, two halves
of the one set, shows what is chance.

Source: Lopez-Paz and Oquab, Revisiting classifier two-sample tests, ICLR 2017. We differ: folds in
place of one held-out part, and pieces rather than excerpts are drawn and held out, since excerpts
of a piece are alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError
from howlkit.evaluation.bootstrap import Estimate, Resamples
from howlkit.evaluation.told import classifier
from howlkit.evaluation.told.excerpts import CutPieces, cut_all, groups_of, shared_number
from howlkit.evaluation.told.features import FEATURES, VERSION, measure
from howlkit.music.piece import Piece

__all__ = ["FEWEST", "REPEATS", "SECONDS", "SPLITS", "Telling", "Told", "tell_apart"]

SECONDS = 45.0
"""The length of an excerpt by default: long enough for a key and a repeat to show."""

FEWEST = 20
"""The fewest pieces (groups of takes and variants) of a set: with fewer, chance decides."""

REPEATS = 5
"""How many times the folds are drawn anew."""

SPLITS = 10
"""How many times the real pieces are split into two halves."""


SETS = ("made", "real")


@dataclass(frozen=True)
class Telling:
    """A feature by which the classifier tells.

    lost: how many of 100 votes for the truth are lost if the feature is permuted
    (`classifier.importances`). alone: in how many of 100 pairs the feature alone tells which
    excerpt was made (`classifier.ordered`). made, real: medians.
    """

    name: str
    lost: float
    alone: float
    made: float
    real: float


@dataclass(frozen=True, eq=False)
class Told:
    """In how many of 100 excerpts made music is told from real music, and by what.

    told: of 100, the mean of both sets, with its interval over pieces. made_told, real_told: of 100
    excerpts of each set.
    real_halves: (SPLITS,) the same for real against real, one number for each split.
    tellings: all features; those that tell most come first.
    made, real: the excerpts used; seconds: the length of each.
    """

    told: Estimate
    made_told: float
    real_told: float
    real_halves: NDArray[np.float64]
    tellings: tuple[Telling, ...]
    made: CutPieces
    real: CutPieces
    seconds: float
    seed: int

    @property
    def real_from_real(self) -> float:
        """The mean of `real_halves`."""
        return float(self.real_halves.mean())

    def to_json(self) -> dict[str, Any]:
        """Return everything by name, JSON-ready; None for what is not defined."""
        return {
            "version": VERSION,
            "told": self.told.value,
            "interval": self.told.interval,
            "made_told": self.made_told,
            "real_told": self.real_told,
            "real_from_real": self.real_from_real,
            "real_from_real_splits": self.real_halves.tolist(),
            "seconds": self.seconds,
            "seed": self.seed,
            "made": _counts(self.made),
            "real": _counts(self.real),
            "features": [
                {
                    "name": each.name,
                    "words": FEATURES[each.name].words,
                    "unit": FEATURES[each.name].unit or None,
                    "lost": each.lost,
                    "alone": _or_none(each.alone),
                    "made": _or_none(each.made),
                    "real": _or_none(each.real),
                }
                for each in self.tellings
            ],
        }


def tell_apart(
    made: Iterable[Piece], real: Iterable[Piece], *, seconds: float | None = None, seed: int = 0
) -> Told:
    """Return in how many of 100 excerpts a classifier tells made music from real music.

    made, real: pieces; those shorter than an excerpt, and copies of another piece of the set, are
    left out. seconds: the length of an excerpt; None: `SECONDS`. seed: of folds, splits and
    forests; the same seed gives the same numbers.
    Raises DataError if fewer than `FEWEST` groups of pieces of a set are long enough, and
    HowlkitError if scikit-learn is not installed.
    """
    classifier.forest(seed)  # says at once what is missing
    seconds = SECONDS if seconds is None else seconds
    whole = [cut_all(pieces, seconds) for pieces in (made, real)]
    for what, each in zip(SETS, whole, strict=True):
        _check(what, each, len(each.pieces), seconds)
    number = shared_number(*whole)
    ours, theirs = (each.first(number) for each in whole)
    group = groups_of([*ours.pieces, *theirs.pieces])
    own, other = group[: len(ours.pieces)], group[len(ours.pieces) :]
    for what, each, found in zip(SETS, (ours, theirs), (own, other), strict=True):
        _check(what, each, len(np.unique(found)), seconds)
    parts = [measure(each.all_excerpts) for each in (ours, theirs)]
    values = np.concatenate(parts)
    is_made = np.arange(len(values)) < len(parts[0])
    groups = np.concatenate([own[ours.piece_of], other[theirs.piece_of]])
    seeds = np.random.SeedSequence(seed).generate_state(REPEATS + 1).tolist()
    rounds = [
        classifier.cross_validated(values, is_made, groups, seed=each, permute=k == 0)
        for k, each in enumerate(seeds[:REPEATS])
    ]
    told = np.mean([right for right, _ in rounds], axis=0)
    return Told(
        _estimate(told, is_made, groups, seed),
        100 * float(told[is_made].mean()),
        100 * float(told[~is_made].mean()),
        _real_halves(parts[1], groups[~is_made], seeds[REPEATS]),
        _tellings(classifier.importances(rounds[0][1], is_made), *parts),
        ours,
        theirs,
        seconds,
        seed,
    )


def _check(what: str, excerpts: CutPieces, found: int, seconds: float) -> None:
    if found >= FEWEST:
        return
    left_out = f"{excerpts.short} pieces are shorter than that and {excerpts.copies} are copies"
    raise DataError(
        f"the {what} music has {found} different pieces of {seconds:g} seconds or more, and "
        f"{FEWEST} or more are needed ({left_out}, or takes of one piece): give more pieces, or a "
        "shorter length of the excerpts (--length)"
    )


def _estimate(
    told: NDArray[np.float64],
    made: NDArray[np.bool_],
    groups: NDArray[np.int64],
    seed: int,
) -> Estimate:
    """Return how many of 100 are told, balanced, with draws over the pieces of each set."""
    rates = []
    for number, which in enumerate((made, ~made)):
        drawn = Resamples(groups[which], seed=2 * seed + number)
        sums = drawn.sums({"told": told[which], "all": np.ones(which.sum())})
        rates.append(sums["told"] / sums["all"])
    both = rates[0] + rates[1]
    return Estimate(50 * both.value, 50 * both.draws)


def _real_halves(
    values: NDArray[np.float64], groups: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """Return (SPLITS,): in how many of 100 one half of the real pieces is told from the other."""
    rng = np.random.default_rng(seed)
    names, member = np.unique(groups, return_inverse=True)
    found = []
    for _ in range(SPLITS):
        half = rng.permutation(len(names)) < len(names) // 2
        first = half[member]
        told = classifier.cross_validated(values, first, groups, seed=int(rng.integers(2**31)))[0]
        found.append(50 * (told[first].mean() + told[~first].mean()))
    return np.array(found)


def _tellings(
    lost: NDArray[np.float64], made: NDArray[np.float64], real: NDArray[np.float64]
) -> tuple[Telling, ...]:
    medians = [[_median(column) for column in each.T] for each in (made, real)]
    alone = [classifier.ordered(*columns) for columns in zip(made.T, real.T, strict=True)]
    rows = zip(FEATURES, lost.tolist(), alone, *medians, strict=True)
    return tuple(sorted((Telling(*row) for row in rows), key=lambda each: -each.lost))


def _median(column: NDArray[np.float64]) -> float:
    defined = column[~np.isnan(column)]
    return float(np.median(defined)) if len(defined) else float("nan")


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value


def _counts(excerpts: CutPieces) -> dict[str, int]:
    return {
        "pieces": len(excerpts.pieces),
        "excerpts": len(excerpts.all_excerpts),
        "short": excerpts.short,
        "copies": excerpts.copies,
    }
