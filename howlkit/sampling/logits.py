"""From logits to a value: temperature, top-k, nucleus, min-p, typical sampling, the inverse CDF.

Pure functions on arrays (B, n): B rows, n values of a field.

Sources: Ackley, Hinton and Sejnowski 1985, A Learning Algorithm for Boltzmann Machines
(temperature); Fan, Lewis and Dauphin 2018, Hierarchical Neural Story Generation (top-k); Holtzman
et al. 2020, The Curious Case of Neural Text Degeneration (nucleus, top-p); Nguyen et al. 2024,
Turning Up the Heat: Min-p Sampling (min-p); Meister et al. 2023, Locally Typical Sampling
(typical).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError, OptionError
from howlkit.options import option

__all__ = [
    "NOT_A_NUMBER",
    "PARAMETERS",
    "SamplingParams",
    "choose",
    "draw",
    "probabilities",
    "with_rules",
]

NOT_A_NUMBER = (
    "a logit is NaN: the weights are damaged, or training went astray, or a function on logits "
    "divided by zero"
)


@dataclass(frozen=True)
class SamplingParams:
    """How the probabilities of a decision are changed; the default leaves them as they are.

    temperature: divides the logits; 0 takes the likeliest value (Ackley et al. 1985). top_k: keeps
    the k likeliest values; 0 keeps all (Fan et al. 2018). top_p: keeps the fewest values that
    together reach this probability (Holtzman et al. 2020). min_p: keeps values at least this
    fraction as likely as the likeliest (Nguyen et al. 2024). typical_p: keeps the fewest values
    that together reach this probability, of those whose nats are nearest to the entropy (Meister et
    al. 2023). They are applied in this order, each to the probabilities that the one before has
    left, which are made to sum to 1 again. fields: other parameters for the fields of these names,
    which replace all of these. Raises OptionError for a value out of range.

    >>> params = SamplingParams(top_p=0.9, fields={"pitch": SamplingParams(temperature=0.8)})
    >>> params.of("velocity").top_p, params.of("pitch").temperature, params.of("pitch").top_p
    (0.9, 0.8, 1.0)
    """

    temperature: float = option(1.0, "below 1 is surer, above 1 bolder", low=0.0, high=100.0)
    top_k: int = option(0, "choose among the k likeliest values; 0: all", low=0)
    top_p: float = option(1.0, "nucleus: the likeliest values that make up p", low=0.0, high=1.0)
    min_p: float = option(0.0, "at least this fraction of the likeliest", low=0.0, high=1.0)
    typical_p: float = option(1.0, "the values as likely as is typical", low=0.0, high=1.0)
    fields: Mapping[str, SamplingParams] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the ranges here too, for parameters that are made in Python, not from options."""
        for name, value, good in (
            ("temperature", self.temperature, 0 <= self.temperature <= 100),
            ("top_k", self.top_k, self.top_k >= 0),
            ("top_p", self.top_p, 0 <= self.top_p <= 1),
            ("min_p", self.min_p, 0 <= self.min_p <= 1),
            ("typical_p", self.typical_p, 0 <= self.typical_p <= 1),
        ):
            if not good:
                raise OptionError(
                    f"{name} is {value}; temperature 0..100, top_k from 0, top_p, min_p and "
                    "typical_p 0..1"
                )

    def of(self, name: str) -> SamplingParams:
        """Return the parameters of the field called `name`."""
        return self.fields.get(name, self)


PARAMETERS = tuple(each.name for each in fields(SamplingParams) if each.name != "fields")
"""The names of what holds for a field: temperature and the others."""


def probabilities(
    logits: NDArray[np.float64], allowed: NDArray[np.bool_], params: SamplingParams
) -> NDArray[np.float64]:
    """Return (B, n) probabilities: the softmax of allowed logits, changed by `params`.

    Each row sums to 1 and needs an allowed value. A value that is not allowed has probability 0,
    whatever the parameters. Logits of +inf share all of the probability; if all allowed logits are
    -inf, their values are equally likely. Raises HowlkitError for a logit that is NaN.

    >>> logits, allowed = np.log([[0.5, 0.25, 0.25]]), np.array([[True, True, False]])
    >>> probabilities(logits, allowed, SamplingParams()).round(3)
    array([[0.667, 0.333, 0.   ]])
    >>> probabilities(logits, allowed, SamplingParams(temperature=0)).round(3)
    array([[1., 0., 0.]])
    """
    logits = np.where(allowed, logits, -np.inf)
    best = logits.max(axis=1, keepdims=True)
    if np.isnan(best).any():
        raise HowlkitError(NOT_A_NUMBER)
    equal = np.where(logits == best, 0.0, -np.inf)  # what is left if the best is infinite
    finite = np.isfinite(best)
    logits = np.where(
        finite, logits - np.where(finite, best, 0.0), np.where(allowed, equal, -np.inf)
    )
    if params.temperature == 0:
        return np.asarray(np.eye(logits.shape[1])[logits.argmax(axis=1)])
    weights = np.exp(logits / params.temperature)
    if 0 < params.top_k < weights.shape[1]:
        weights = _top_k(weights, params.top_k)
    if params.top_p < 1:
        weights = _until(weights, params.top_p, first=weights)
    if params.min_p > 0:
        weights = _min_p(weights, params.min_p)
    if params.typical_p < 1:
        weights = _until(weights, params.typical_p, first=_typicality(weights))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _top_k(weights: NDArray[np.float64], top_k: int) -> NDArray[np.float64]:
    """Zero all but the `top_k` largest weights (B, n), and those equal to the least of these.

    Fan et al. 2018.
    """
    threshold = np.partition(weights, -top_k, axis=1)[:, -top_k, None]
    return np.where(weights >= threshold, weights, 0.0)


def _min_p(weights: NDArray[np.float64], min_p: float) -> NDArray[np.float64]:
    """Zero the weights (B, n) below `min_p` times the largest (Nguyen et al. 2024)."""
    threshold = min_p * weights.max(axis=1, keepdims=True)
    return np.where(weights >= threshold, weights, 0.0)


def _typicality(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (B, n) how near the nats of each value are to the entropy, e^-|difference|.

    Meister et al. 2023 order values by that difference. Nats are -ln w, but for a number that the
    entropy has too, so the difference is between ln w and its mean; and e^-|ln w - mean| is
    w / e^mean, or its inverse where that is above 1.
    """
    positive = weights > 0
    logs = np.log(weights, out=np.zeros_like(weights), where=positive)
    mean = (weights * logs).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
    ratio = weights / np.exp(mean)
    inverse = np.divide(1, ratio, out=np.zeros_like(ratio), where=positive)
    return np.asarray(np.minimum(ratio, inverse))


def _until(
    weights: NDArray[np.float64], share: float, *, first: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Zero all but the fewest weights (B, n) that together reach `share` of the sum of the row.

    They are taken in the order of `first` (B, n), the largest first and equal ones from the left.
    One always stays. With the weights themselves as `first` this is the nucleus (Holtzman et al.
    2020), with `_typicality` the typical set (Meister et al. 2023).
    """
    order = np.argsort(-first, axis=1, kind="stable")
    shares = np.take_along_axis(weights, order, 1) / weights.sum(axis=1, keepdims=True)
    before = np.cumsum(shares, axis=1) - shares
    keep = before < share
    keep[:, 0] = True
    kept = np.zeros_like(keep)
    np.put_along_axis(kept, order, keep, 1)
    return np.where(kept, weights, 0.0)


def choose(
    logits: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    uniforms: NDArray[np.float64],
    params: SamplingParams,
) -> NDArray[np.int64]:
    """Return (B,) values drawn by the inverse CDF, from one uniform in [0, 1) a row.

    Arguments as `probabilities`. Never returns a value of probability zero.

    >>> logits, allowed = np.log([[0.5, 0.25, 0.25]] * 2), np.ones((2, 3), bool)
    >>> choose(logits, allowed, np.array([0.1, 0.9]), SamplingParams())
    array([0, 2])
    """
    return draw(logits, allowed, uniforms, params)[0]


def draw(
    logits: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    uniforms: NDArray[np.float64],
    params: SamplingParams,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return what `choose` returns, and the probability (B,) of each value in this draw."""
    chances = probabilities(logits, allowed, params)
    cumulative = np.cumsum(chances, axis=1)
    # Rounding may leave the last sum a little off 1: scale the uniform, not the sums.
    drawn = uniforms[:, None] * cumulative[:, -1:]
    value = (cumulative <= drawn).sum(axis=1)
    last = chances.shape[1] - 1 - (chances[:, ::-1] > 0).argmax(axis=1)
    value = np.minimum(value, last)
    return value, chances[np.arange(len(value)), value]


def with_rules(
    logits: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    added: NDArray[np.float64],
    temperature: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Return logits and allowed (B, n) with what rules add, and (B,) the share that rules leave.

    added: (B, n); -inf forbids a value, other numbers count as differences from the highest of them
    among allowed values, so that a push however strong is no law. The share is the probability of
    the values that are left among all that were allowed, at a temperature. Where no value is left
    it is 0, and all that were allowed stay so.

    >>> even, anything = np.zeros((1, 4)), np.ones((1, 4), bool)
    >>> with_rules(even, anything, np.array([[0, 0, 0, -np.inf]]), 1.0)[2].tolist()
    [0.75]
    """
    forbidden = added == -np.inf
    highest = np.where(allowed, added, -np.inf).max(axis=1, keepdims=True)
    logits = logits + np.where(forbidden, 0.0, added - np.where(highest > -np.inf, highest, 0.0))
    kept = allowed & ~forbidden
    some = kept.any(axis=1)
    if temperature == 0:
        left = some.astype(np.float64)
    else:
        best = np.where(allowed, logits, -np.inf).max(axis=1, keepdims=True)
        known = allowed & np.isfinite(best)
        weights = np.exp(np.where(known, logits - np.where(known, best, 0.0), 0.0) / temperature)
        weights = np.where(allowed, weights, 0.0)
        left = np.where(kept, weights, 0.0).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-300)
    return logits, np.where(some[:, None], kept, allowed), np.where(some, left, 0.0)
