"""What the listeners of a blind test say together: in which share of pairs A is preferred.

Two intervals. The exact one (Clopper and Pearson) takes every answer as drawn by itself, which is
right for one listener. Answers of one person, and answers to one pair, are alike, so with several
listeners the interval that counts is by resampling listeners and pairs, both at once (Owen 2007,
"The pigeonhole bootstrap"). Pairs that were heard again count for consistency alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from howlkit.evaluation.binomial import exact_interval, guessing_probability
from howlkit.evaluation.bootstrap import LEVEL
from howlkit.reports.listening.answers import Sheet

__all__ = ["Results", "Share", "results_of"]

_RESAMPLES = 2000


@dataclass(frozen=True)
class Share:
    """A share of answers, yes of count, with its exact interval.

    guessing: how likely people who guess are as far from one half, or further.
    """

    yes: int
    count: int
    share: float
    interval: tuple[float, float]
    guessing: float

    @classmethod
    def of(cls, yes: int, count: int) -> Share | None:
        """Return the share; None of nothing."""
        if not count:
            return None
        ends = exact_interval(yes, count)
        return cls(yes, count, yes / count, ends, guessing_probability(yes, count))


@dataclass(frozen=True)
class Results:
    """The results of a test, or of several with the same sides.

    preferred: how often A was. resampled: the interval over listeners and pairs; None: there are
    fewer than two listeners or pairs. first: how often the piece called "First" was chosen, which
    is one half if its place does not matter. consistent: how often a pair that was heard again got
    the same answer. by_listener: how often each preferred A.
    """

    preferred: Share | None
    resampled: tuple[float, float] | None
    first: Share | None
    consistent: Share | None
    by_listener: dict[str, Share | None]

    def to_json(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self)


def results_of(sheets: Sequence[Sheet], *, seed: int = 0) -> Results:
    """Return the results of all sheets together; seed: of the resamples."""
    once = [
        (number, f"{sheet.test} {answer.pair}", answer)
        for number, sheet in enumerate(sheets)
        for answer in sheet.answers
        if answer.repeats is None
    ]
    chosen = np.array([answer.a_preferred for _, _, answer in once], bool)
    return Results(
        preferred=Share.of(int(chosen.sum()), len(chosen)),
        resampled=_resampled(
            np.array([number for number, _, _ in once], np.int64),
            np.array([pair for _, pair, _ in once], np.str_),
            chosen,
            seed,
        ),
        first=Share.of(sum(answer.first_chosen for _, _, answer in once), len(once)),
        consistent=_consistent(sheets),
        by_listener={_listener(sheet): _preferred(sheet) for sheet in sheets},
    )


def _listener(sheet: Sheet) -> str:
    return f"{sheet.name} ({sheet.listener})" if sheet.name else sheet.listener


def _preferred(sheet: Sheet) -> Share | None:
    own = [answer.a_preferred for answer in sheet.answers if answer.repeats is None]
    return Share.of(sum(own), len(own))


def _consistent(sheets: Sequence[Sheet]) -> Share | None:
    same = []
    for sheet in sheets:
        before = {answer.pair: answer.a_preferred for answer in sheet.answers}
        same += [
            answer.a_preferred == before[answer.repeats]
            for answer in sheet.answers
            if answer.repeats in before
        ]
    return Share.of(sum(same), len(same))


def _resampled(
    listeners: np.ndarray[Any, np.dtype[np.int64]],
    pairs: np.ndarray[Any, np.dtype[np.str_]],
    chosen: np.ndarray[Any, np.dtype[np.bool_]],
    seed: int,
) -> tuple[float, float] | None:
    """Return the interval of the share when listeners and pairs are drawn anew."""
    who, listener = np.unique(listeners, return_inverse=True)
    what, pair = np.unique(pairs, return_inverse=True)
    if len(who) < 2 or len(what) < 2:
        return None
    rng = np.random.default_rng(seed)
    shares = []
    for _ in range(_RESAMPLES):
        weight = _drawn(rng, len(who))[listener] * _drawn(rng, len(what))[pair]
        if weight.sum():
            shares.append((weight * chosen).sum() / weight.sum())
    low, high = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return low, high


def _drawn(rng: np.random.Generator, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return how often each of `count` is drawn, with replacement."""
    return np.bincount(rng.integers(count, size=count), minlength=count)
