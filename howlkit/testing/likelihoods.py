"""The laws of a network's likelihoods: they sum to 1, and its stepper draws from the same ones.

B rows, T steps, N different steps, D the width of hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from howlkit.protocols import Model
from howlkit.schema import Field, Schema, Steps
from howlkit.testing.checks import given, require
from howlkit.testing.networks import build_network, nats_per_step, stir_weights
from howlkit.testing.schemas import CONDITIONAL, MIXED, every_step, random_steps, step_tensors

__all__ = [
    "deciding_equals_pricing",
    "likelihood_is_normalised",
    "starts_at_the_unigram_model",
    "step_entropy",
    "value_counts",
]

SMALL = {"conditional": CONDITIONAL, "mixed": MIXED}
CLOSE = 1e-3


def value_counts(schema: Schema, steps: Steps) -> dict[str, NDArray[np.int64]]:
    """Return how often each value occurs in steps (B, T), in the form that `start_at` takes."""
    rows, found = steps[:, 1:].reshape(-1), {}
    for field in schema.decisions:
        values = rows[field.name][schema.active(field, rows)]
        if field.kind == "bits":
            found[field.name] = np.append(values.sum(0, dtype=np.int64), len(values))
        else:
            found[field.name] = np.bincount(values, minlength=field.n)
    return found


def step_entropy(steps: Steps) -> float:
    """Return the entropy of the distribution of whole steps in `steps` (B, T), in nats a step."""
    share = np.unique(steps[:, 1:], return_counts=True)[1] / steps[:, 1:].size
    return float(-(share * np.log(share)).sum())


def _networks_and_steps(model: Model) -> Iterator[tuple[str, Any, Schema, Steps, Tensor]]:
    """Yield a name for people, a stirred network, its schema, all its steps, and a hidden.

    The steps are (N,). The hidden is (1, N, D), the same for each step.
    """
    for (name, schema), chained, inputs in product(SMALL.items(), (True, False), (False, True)):
        what = f"schema {name!r}, heads.chained={str(chained).lower()}"
        what += ", every input of the heads" * inputs
        with given(what), torch.no_grad():
            network = stir_weights(build_network(model, schema, chained=chained, inputs=inputs))
            rows = every_step(schema)
            hidden, _ = network.advance(step_tensors(random_steps(schema, 9, rows=1)), None)
        yield what, network, schema, rows, hidden[:, -1:].expand(1, len(rows), -1)


def likelihood_is_normalised(model: Model) -> None:
    """The probabilities of all possible steps add up to 1."""
    for name, network, schema, rows, hidden in _networks_and_steps(model):
        with given(name), torch.no_grad():
            costs = network.nats(hidden, step_tensors(rows[None]))
            finite = all(bool(torch.isfinite(cost).all()) for cost in costs.values())
            require(finite, expected="finite nats", got="NaN or infinity", look="`nats`")
            if not all(network.is_likelihood(field) for field in schema.decisions):
                continue
            total = float(torch.exp(-sum(costs.values()).double()).sum())
            require(
                abs(total - 1) < CLOSE,
                expected=f"1 over all {len(rows)} steps",
                got=f"{total:.5f}",
                look="`nats`: a softmax over a wrong axis, a field given itself, one priced where "
                "it is not active",
            )


def deciding_equals_pricing(model: Model) -> None:
    """The stepper draws from the probabilities that `nats` computes."""
    for name, network, schema, rows, hidden in _networks_and_steps(model):
        with given(name), torch.no_grad():
            targets = step_tensors(rows)
            priced = network.nats(hidden, {name: column[None] for name, column in targets.items()})
            stepper = network.stepper()
            stepper.begin(hidden[0])
            for field in schema.decisions:
                active = torch.from_numpy(np.asarray(schema.active(field, rows)))
                cost = _decided(stepper, field, targets[field.name], active)
                gap = float((cost.where(active, 0) - priced[field.name][0]).abs().max())
                require(
                    gap < CLOSE,
                    expected=f"the nats of {field.name!r} from `stepper` as from `nats`",
                    got=f"a difference of {gap:.3g}",
                    look="`stepper().logits`, and what `decide` adds",
                )


def _decided(stepper: Any, field: Field, values: Tensor, active: Tensor) -> Tensor:  # noqa: ANN401
    """Decide values (N,), or bits (N, n), with the stepper; return the nats of the choices (N,)."""
    if field.kind != "bits":
        cost = -torch.log_softmax(stepper.logits(field), -1).gather(1, values[:, None])[:, 0]
        stepper.decide(field, values, active)
        return cost
    cost = torch.zeros(len(values))
    last = torch.full((len(values),), -1)
    for bit in range(field.n + 1):
        is_none = bit == field.n
        on = torch.ones(len(values), dtype=torch.bool) if is_none else values[:, bit] > 0
        passed = torch.arange(field.n + 1) <= last[:, None]
        logits = stepper.logits(field).masked_fill(passed, -torch.inf)
        cost = cost - torch.log_softmax(logits, -1)[:, bit].where(on, 0)
        if not is_none:
            stepper.decide(field, torch.full_like(last, bit), on & active)
            last = torch.where(on, bit, last)
    return cost


def starts_at_the_unigram_model(model: Model) -> None:
    """`start_at` takes the counts of every field; common values then cost less."""
    for name, schema in SMALL.items():
        with given(f"schema {name!r}"):
            network = build_network(model, schema)
            common = np.repeat(random_steps(schema, 10, rows=1, length=4), 12, axis=1)
            common = common[:, 11:]  # one start row, then three steps, many times each
            costs = []
            for some in (random_steps(schema, 11, rows=1, length=200), common):
                network.start_at(value_counts(schema, some))
                with torch.no_grad():
                    costs.append(float(nats_per_step(network, common)))
            require(
                np.isfinite(costs).all() and costs[1] < costs[0],
                expected=f"less than {costs[0]:.3f} nats a step, which other counts give",
                got=f"{costs[1]:.3f}",
                look="`start_at`",
            )
