"""The laws of a model, each a function that raises CheckFailed where it is broken.

Networks are built for four small schemas, with small heads. Give the model small options: the
checks build about eighty networks, and train some of them. B rows, T steps, D the width of hidden.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from howlkit import options
from howlkit.network.build import check_weights
from howlkit.protocols import Model
from howlkit.testing import likelihoods
from howlkit.testing.checks import Check, given, require, run_all
from howlkit.testing.networks import build_network, nats_per_step, stir_weights, train
from howlkit.testing.options import LAWS as OPTION_LAWS
from howlkit.testing.schemas import MIXED, NOTES, SCHEMAS, random_steps, step_tensors
from howlkit.training.weights import read_tensors, write_tensors

__all__ = ["check_model", "model_checks"]

CLOSE = 1e-4
ENOUGH = 0.2  # of the unigram model's nats: what a piece known by heart costs at most
MOST_UPDATES = 300

State = dict[str, Tensor]
Batch = dict[str, Tensor]


def model_checks(model: Model) -> tuple[Check, ...]:
    """Return the checks of a model, one for each law."""
    return tuple(Check("model", model, law) for law in LAWS)


def check_model(model: Model) -> None:
    """Raise CheckFailed, saying what is wrong, unless `model` keeps to its contract."""
    run_all(model_checks(model))


def stirred_networks(model: Model) -> Iterator[tuple[str, Any, Batch]]:
    """Yield, for each schema, a name for people, a stirred network and a batch (3, 16).

    Each comes twice, the second time with all that a network may be told besides the last step.
    """
    for (name, schema), inputs in product(SCHEMAS.items(), (False, True)):
        what = f"schema {name!r}" + ", every input of the heads" * inputs
        with given(what):
            network = stir_weights(build_network(model, schema, inputs=inputs))
        yield what, network, step_tensors(random_steps(schema, 5))


def steps_of(batch: Batch, begin: int, stop: int, rows: list[int] | None = None) -> Batch:
    """Return the steps from `begin` up to `stop` of a batch, in these rows (None: all)."""
    chosen = slice(None) if rows is None else torch.tensor(rows)
    return {name: column[chosen, begin:stop] for name, column in batch.items()}


def require_close(got: Tensor, expected: Tensor, *, what: str, look: str) -> None:
    """Raise CheckFailed unless two tensors agree to 1e-4."""
    gap = float((got - expected).abs().max()) if got.numel() else 0.0
    require(
        gap <= CLOSE,  # false for NaN too
        expected=f"{what}: the same to {CLOSE:g}",
        got=f"a difference of {gap:.3g}",
        look=look,
    )


def builds_from_seed(model: Model) -> None:
    """The same seed gives the same weights, another seed gives others, and all are finite."""
    for name, schema in SCHEMAS.items():
        with given(f"schema {name!r}"):
            first, second, other = (
                build_network(model, schema, seed=seed).state_dict() for seed in (1, 1, 2)
            )
            require(
                first.keys() == second.keys()
                and all(torch.equal(first[key], second[key]) for key in first),
                expected="equal weights after torch.manual_seed(1)",
                got="others",
                look="`build`: random numbers come from torch's global generator alone",
            )
            require(
                any(not torch.equal(first[key], other[key]) for key in first),
                expected="other weights after torch.manual_seed(2)",
                got="the same",
                look="`build`: it may not seed the generator itself",
            )
            bad = [key for key, value in first.items() if not torch.isfinite(value).all()]
            require(not bad, expected="finite weights", got=f"NaN or infinity in {bad[:1]}")


def state_is_batch_first(model: Model) -> None:
    """The state is a dict of tensors, batch first: selected rows of it can go on."""
    for name, network, batch in stirred_networks(model):
        with given(name):
            with torch.no_grad():
                _, state = network.advance(steps_of(batch, 0, 7), None)
                is_dict = isinstance(state, dict) and all(
                    isinstance(value, Tensor) and value.ndim and value.shape[0] == 3
                    for value in state.values()
                )
                require(
                    is_dict,
                    expected="a dict of tensors (B, ...)",
                    got=state
                    if not isinstance(state, dict)
                    else {
                        key: getattr(value, "shape", type(value)) for key, value in state.items()
                    },
                    look="what the backbone returns as its state",
                )
                order = [2, 0, 2]
                picked = {key: value[torch.tensor(order)] for key, value in state.items()}
                again, _ = network.advance(steps_of(batch, 7, 12, order), picked)
                whole, _ = network.advance(batch, None)
            require_close(
                again,
                whole[torch.tensor(order), 7:12],
                what=f"hidden of rows {order} that go on from their rows of the state",
                look="that nothing of a row is kept outside of its state",
            )


def steps_equal_the_whole(model: Model) -> None:
    """Steps one by one, with the state carried, give the same as one pass: nothing looks ahead."""
    look = "what is carried from call to call, and what a step sees of those after it"
    for name, network, batch in stirred_networks(model):
        with given(name):
            with torch.no_grad():
                whole, end = network.advance(batch, None)
                for size in (1, 5, 16):
                    state, parts = None, []
                    for begin in range(0, 16, size):
                        hidden, state = network.advance(steps_of(batch, begin, begin + size), state)
                        parts.append(hidden)
                    what = f"hidden of 16 steps, {size} at a time"
                    require_close(torch.cat(parts, 1), whole, what=what, look=look)
                    more = [network.advance(steps_of(batch, 3, 8), of)[0] for of in (state, end)]
                    require_close(
                        more[0], more[1], what=f"hidden after 16 steps, {size} at a time", look=look
                    )


def each_row_has_its_length(model: Model) -> None:
    """A row moves on by its own length, and a row of length 0 keeps its state."""
    look = "what the backbone does with `lengths`"
    for name, network, batch in stirred_networks(model):
        with given(name):
            lengths = [9, 0, 4]
            with torch.no_grad():
                _, before = network.advance(steps_of(batch, 0, 5), None)
                rest = steps_of(batch, 5, 14)
                hidden, state = network.advance(rest, before, torch.tensor(lengths))
                for row, length in enumerate(lengths):
                    alone, after = network.advance(steps_of(batch, 0, 5 + length, [row]), None)
                    what = f"hidden of row {row}, which has {length} of 9 steps"
                    together = hidden[row : row + 1, :length]
                    require_close(together, alone[:, 5:], what=what, look=look)
                    own = {key: value[row : row + 1] for key, value in state.items()}
                    then = steps_of(batch, 2, 6, [row])
                    more = [network.advance(then, of)[0] for of in (own, after)]
                    what = f"hidden after row {row}, which had {length} of 9 steps"
                    require_close(more[0], more[1], what=what, look=look)


def rows_are_independent(model: Model) -> None:
    """The result of a row does not depend on the other rows."""
    for name, network, batch in stirred_networks(model):
        with given(name):
            with torch.no_grad():
                together, _ = network.advance(batch, None)
                for row in range(3):
                    alone, _ = network.advance(steps_of(batch, 0, 16, [row]), None)
                    require_close(
                        alone,
                        together[row : row + 1],
                        what=f"hidden of row {row}, alone and among three",
                        look="what mixes rows: normalisation over the batch, a wrong axis",
                    )


def evaluation_is_sure(model: Model) -> None:
    """In evaluation mode the same steps give the same numbers: no dropout, nothing kept."""
    for name, network, batch in stirred_networks(model):
        with given(name):
            with torch.no_grad():
                first, second = (network.advance(batch, None)[0] for _ in range(2))
            require_close(
                second, first, what="hidden of the same steps, twice", look="dropout in `eval` mode"
            )


def gradients_reach_every_parameter(model: Model) -> None:
    """After three updates, every parameter has a gradient that is not zero."""
    for name, schema in SCHEMAS.items():
        for chained in (True, False):
            with given(f"schema {name!r}, heads.chained={str(chained).lower()}"):
                network = build_network(model, schema, chained=chained)
                steps = random_steps(schema, 6, rows=4, length=41)
                # More than once, since a part may begin at zero on purpose.
                for _ in train(network, steps, rate=1e-3, most=3):
                    pass
                network.zero_grad()
                torch.autograd.backward(nats_per_step(network, steps))
                unused = [
                    parameter
                    for parameter, value in network.named_parameters()
                    if value.requires_grad and (value.grad is None or not value.grad.any())
                ]
                require(
                    not unused,
                    expected="a gradient for every parameter",
                    got=f"none for {', '.join(unused[:4])}",
                    look="whether it is used at all, or a tensor is detached on the way",
                )


def learns_a_piece_by_heart(model: Model) -> None:
    """After training on one short phrase, it costs less than 20 % of the unigram model, no NaN.

    The phrase has four different notes, and the last note alone does not determine the next. The
    heads get no `skip` here, or they would see the last step without the model.
    """
    steps = _phrase()
    network = build_network(model, NOTES, skip=False)
    network.start_at(likelihoods.value_counts(NOTES, steps))
    unigram = likelihoods.step_entropy(steps)
    reached, number = float("inf"), 0
    training = train(network, steps, rate=4e-3, most=MOST_UPDATES)
    for number, cost in enumerate(training, 1):
        require(np.isfinite(cost), expected="a finite loss", got=f"{cost} at update {number}")
        if number % 10 == 0:
            with torch.no_grad():
                reached = float(nats_per_step(network.eval(), steps))
            network.train()
            if reached < ENOUGH * unigram:
                break
    require(
        reached < ENOUGH * unigram,
        expected=f"at most {ENOUGH:.0%} of {unigram:.2f} nats a step after {number} updates",
        got=f"{reached:.2f} nats a step",
        look="whether it sees the steps before at all; its initial weights; its options",
    )
    bad = [name for name, value in network.state_dict().items() if not torch.isfinite(value).all()]
    require(not bad, expected="finite weights after training", got=f"NaN or infinity in {bad[:1]}")


def _phrase() -> Any:  # noqa: ANN401 - steps (1, T)
    """Return (1, 49): a start, then a phrase of sixteen notes three times, with four pitches."""
    notes = random_steps(NOTES, 7, rows=1, length=5)
    order = np.array([0, 0, 1, 0, 2, 2, 0, 3, 1, 1, 3, 3, 2, 1, 2, 3])
    return np.concatenate((notes[:, :1], *[notes[:, 1 + order]] * 3), axis=1)


def weights_are_stored(model: Model) -> None:
    """Weights from a file, loaded into a newly built network, give the same numbers."""
    for name, network, batch in stirred_networks(model):
        with given(name):
            rebuilt = options.build(type(model), options.to_json(model))
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.safetensors"
                write_tensors(path, network.state_dict())
                weights = read_tensors(path)
            with torch.device("meta"):  # as `Trained.from_pretrained`: shapes first, without memory
                check_weights(
                    rebuilt.build(network.schema, network.heads), weights, Path("the file")
                )
            again = rebuilt.build(network.schema, network.heads).eval()
            again.load_state_dict(weights)
            with torch.no_grad():
                hidden = [each.advance(batch, None)[0] for each in (network, again)]
            look = "buffers that are not stored, or parts made at random outside of parameters"
            require_close(hidden[1], hidden[0], what="hidden from the stored weights", look=look)


def computes_in_bfloat16(model: Model) -> None:
    """Training works in bfloat16 too (`--precision bf16`)."""
    network = build_network(model, MIXED).train()
    with torch.autocast("cpu", torch.bfloat16):
        cost = nats_per_step(network, random_steps(MIXED, 8), carried=True)
    torch.autograd.backward(cost)
    require(np.isfinite(cost.item()), expected="a finite loss", got=cost.item())


LAWS = (
    *OPTION_LAWS,
    builds_from_seed,
    state_is_batch_first,
    steps_equal_the_whole,
    each_row_has_its_length,
    rows_are_independent,
    evaluation_is_sure,
    likelihoods.likelihood_is_normalised,
    likelihoods.deciding_equals_pricing,
    likelihoods.starts_at_the_unigram_model,
    gradients_reach_every_parameter,
    learns_a_piece_by_heart,
    weights_are_stored,
    computes_in_bfloat16,
)
