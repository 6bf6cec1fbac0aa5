"""A share of yes-or-no answers: its exact interval, and how likely it is if people only guess.

The interval is that of Clopper and Pearson (Biometrika 26, 1934, 404-413), which holds at least as
often as it says. The probability is that of the exact two-sided test against one half.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from howlkit.evaluation.bootstrap import LEVEL

__all__ = ["exact_interval", "guessing_probability"]

_HALVINGS = 60  # of the interval in which an end is searched for


def exact_interval(yes: int, count: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Return the ends of the interval of a share, after `yes` of `count` answers.

    >>> [round(end, 3) for end in exact_interval(8, 10)]
    [0.444, 0.975]
    >>> [round(end, 3) for end in exact_interval(0, 10)]
    [0.0, 0.308]
    """
    tail = (1 - level) / 2
    low = 0.0 if yes == 0 else _root(lambda share: at_most(count - yes, count, 1 - share) - tail)
    high = 1.0 if yes == count else _root(lambda share: tail - at_most(yes, count, share))
    return low, high


def guessing_probability(yes: int, count: int) -> float:
    """Return how likely people who guess are as far from one half as `yes` of `count`, or further.

    >>> round(guessing_probability(8, 10), 4)
    0.1094
    """
    return min(2 * at_most(min(yes, count - yes), count, 0.5), 1.0)


def at_most(yes: int, count: int, share: float) -> float:
    """Return the probability of `yes` or fewer of `count`, each with probability `share`.

    >>> round(at_most(1, 3, 0.5), 3)
    0.5
    """
    if share <= 0:
        return 1.0
    if share >= 1:
        return float(yes >= count)
    logs = (
        math.lgamma(count + 1)
        - math.lgamma(number + 1)
        - math.lgamma(count - number + 1)
        + number * math.log(share)
        + (count - number) * math.log1p(-share)
        for number in range(yes + 1)
    )
    return min(math.fsum(map(math.exp, logs)), 1.0)


def _root(rising: Callable[[float], float]) -> float:
    """Return where a rising function of 0..1 is 0."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
