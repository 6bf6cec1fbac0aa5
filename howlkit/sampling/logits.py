"""From logits to a choice: temperature, top-k, nucleus (top-p) and min-p, and the inverse CDF.

Pure functions on arrays (B, n); they know no encoder, no network and no music.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError, OptionError
from howlkit.options import option

__all__ = ["NOT_A_NUMBER", "SamplingParams", "choose", "probabilities"]

NOT_A_NUMBER = (
    "a logit is NaN: the weights are damaged, or training went astray, or a function on logits "
    "divided by zero"
)


@dataclass(frozen=True)
class SamplingParams:
    """How the probabilities of a decision are shaped; the default leaves them as they are.

    temperature: divides the logits; 0 takes the likeliest value. top_k: keep the k likeliest; 0
    all. top_p: keep the fewest values that together reach this probability (Holtzman et al. 2020).
    min_p: keep values at least this fraction as likely as the likeliest (Nguyen et al. 2024). All
    are applied in this order. fields: by field name, what differs from this for that field. Raises
    OptionError for a value out of range.
    """

    temperature: float = option(1.0, "below 1 is surer, above 1 bolder", low=0.0, high=100.0)
    top_k: int = option(0, "choose among the k likeliest values; 0: all", low=0)
    top_p: float = option(1.0, "nucleus: the likeliest values that make up p", low=0.0, high=1.0)
    min_p: float = option(0.0, "at least this fraction of the likeliest", low=0.0, high=1.0)
    fields: Mapping[str, SamplingParams] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the ranges, so that a Shaping made in Python is as safe as one from options."""
        for name, value, good in (
            ("temperature", self.temperature, 0 <= self.temperature <= 100),
            ("top_k", self.top_k, self.top_k >= 0),
            ("top_p", self.top_p, 0 <= self.top_p <= 1),
            ("min_p", self.min_p, 0 <= self.min_p <= 1),
        ):
            if not good:
                raise OptionError(
                    f"{name} is {value}; temperature 0..100, top_k from 0, top_p and min_p 0..1"
                )

    def of(self, name: str) -> SamplingParams:
        """Return the parameters of the field called `name`."""
        return self.fields.get(name, self)


def probabilities(
    logits: NDArray[np.float64], allowed: NDArray[np.bool_], params: SamplingParams
) -> NDArray[np.float64]:
    """Return (B, n) probabilities: softmax of the allowed logits, shaped; rows sum to 1.

    What is not allowed never gets probability, whatever the parameters; each row needs an allowed
    value. Values of +inf share everything; if all that is allowed is -inf, it is equally likely.
    Raises HowlkitError for a logit that is no number.
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
        threshold = np.partition(weights, -params.top_k, axis=1)[:, -params.top_k, None]
        weights = np.where(weights >= threshold, weights, 0.0)
    if params.top_p < 1:
        weights = _nucleus(weights, params.top_p)
    if params.min_p > 0:
        threshold = params.min_p * weights.max(axis=1, keepdims=True)
        weights = np.where(weights >= threshold, weights, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _nucleus(weights: NDArray[np.float64], top_p: float) -> NDArray[np.float64]:
    """Zero all but the fewest, likeliest values whose share reaches `top_p`; at least one stays."""
    order = np.argsort(-weights, axis=1, kind="stable")
    share = np.take_along_axis(weights, order, 1) / weights.sum(axis=1, keepdims=True)
    before = np.cumsum(share, axis=1) - share
    keep = before < top_p
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
    """Return (B,) values drawn by inverse CDF: one uniform in [0, 1) a row.

    Never returns a value of probability zero.
    """
    chances = probabilities(logits, allowed, params)
    cumulative = np.cumsum(chances, axis=1)
    # Rounding may leave the last sum a little off 1: scale the uniform, not the sums.
    drawn = uniforms[:, None] * cumulative[:, -1:]
    value = (cumulative <= drawn).sum(axis=1)
    last = chances.shape[1] - 1 - (chances[:, ::-1] > 0).argmax(axis=1)
    return np.asarray(np.minimum(value, last))
