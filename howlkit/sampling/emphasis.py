"""Emphasis: how much of what heads are told of the music so far counts when new music is made.

A network is trained on real music, and hears its own when it makes some. That repeats itself a
little less, and is a little less consonant, than what it learnt from; the next step goes by that,
and so on, until little comes back. Two inputs hold against this, and a run may advise that they
count for more than they were learnt to (`tuning`):

    votes       what earlier notes vote for, whole half beats before (`network.lag_votes`)
    sounding    what a pitch sounds with (`network.sounding`)

Both enter a logit as a product of weights and of what was heard, so an emphasis multiplies those
weights. This is done to copies, for sampling only: likelihoods are those of the network as trained.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from howlkit.errors import ArgumentError
from howlkit.head_options import SOUNDING_PROFILES, HeadOptions
from howlkit.network.input_state import CLASSES
from howlkit.sampling.stored_network import StoredNetwork

if TYPE_CHECKING:
    from howlkit.network.network import Network

__all__ = ["EMPHASIS", "PARTS", "emphasis_of", "emphasised"]

EMPHASIS = "emphasis"
"""The name of the emphases among the facts of a run: by part, a factor."""

PARTS = ("votes", "sounding")
"""What can be emphasised, each by the name of the option of heads that brings it."""

MOST = 10
"""The largest factor: far beyond where music loops."""


def emphasis_of(value: object, heads: HeadOptions | None = None) -> dict[str, float]:
    """Return emphases by part, of a mapping or of text: "votes=1.2,sounding=1.1".

    heads: the options of the network that they are for. Raises ArgumentError for what is no part,
    or none of that network, and for a factor that is not in 0..10.

    >>> emphasis_of("votes=1.2,sounding=1.1")
    {'votes': 1.2, 'sounding': 1.1}
    """
    if isinstance(value, str):
        pairs = [part.partition("=") for part in value.split(",")]
        value = {name.strip(): _number_of(text) for name, _, text in pairs}
    if not isinstance(value, Mapping):
        raise ArgumentError(f"emphasis is {value!r}; a factor by part is needed: {{'votes': 1.2}}")
    found = {}
    for name, factor in value.items():
        if name not in PARTS:
            raise ArgumentError(f"nothing to emphasise is called {name!r}: {', '.join(PARTS)}")
        if heads is not None and not getattr(heads, name):
            raise ArgumentError(
                f"this model has no {name} to emphasise, as heads.{name}=true gives: leave it out"
            )
        is_number = isinstance(factor, int | float) and not isinstance(factor, bool)
        if not is_number or not 0 <= factor <= MOST:  # also not if it is NaN
            raise ArgumentError(f"the emphasis of {name} is {factor!r}; it is in 0..{MOST}")
        found[str(name)] = float(factor)
    return found


def _number_of(text: str) -> float | str:
    """Return the number that a text says, or the text if it says none."""
    try:
        return float(text)
    except ValueError:
        return text


def emphasised(
    held: Network | StoredNetwork, heads: HeadOptions, emphasis: Mapping[str, float]
) -> Network | StoredNetwork:
    """Return a network of which some parts count for more, or less; the one given is not changed.

    heads: its options. emphasis: by the names in `PARTS`, 1 leaves a part as it is; parts that the
    network lacks are ignored.
    """
    factors = {
        name: emphasis[name]
        for name in PARTS
        if getattr(heads, name) and emphasis.get(name, 1.0) != 1.0
    }
    if not factors:
        return held
    if isinstance(held, StoredNetwork):
        weights, load = dict(held.weights), held.load
        for name, rows, factor in _scaled(weights, factors):
            weights[name] = weights[name].copy()
            weights[name][rows] *= factor
        return StoredNetwork(held.schema, held.heads, weights, lambda: _scale(load(), factors))
    return _scale(copy.deepcopy(held), factors)


def _scale(network: Network, factors: Mapping[str, float]) -> Network:
    """Change the weights of a network, and return it."""
    weights = {name: weight.detach() for name, weight in network.named_parameters()}
    for name, rows, factor in _scaled(weights, factors):
        weights[name][rows] *= factor
    return network


def _scaled(
    names: Iterable[str], factors: Mapping[str, float]
) -> Iterator[tuple[str, slice, float]]:
    """Yield the name of each weight that is multiplied, which of its rows, and the factor."""
    sounding = slice(-SOUNDING_PROFILES * CLASSES, None)  # behind the other profiles
    for name in names:
        if "votes" in factors and name.startswith("out.") and ".gain." in name:
            yield name, slice(None), factors["votes"]
        if "sounding" in factors and name.endswith(".intervals.weight"):
            yield name, sounding, factors["sounding"]
