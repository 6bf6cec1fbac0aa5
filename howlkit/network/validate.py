"""The network of a model, made and tried once: its calls must return what contracts say.

`validate_network` runs a new network over a few steps, so that a mistake in a plugin is one line
that names the plugin, and not an error in the middle of training.

Shapes: B rows, T steps, D width.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from howlkit.errors import PluginError
from howlkit.head_options import HeadOptions
from howlkit.plugins.attribution import owner_of
from howlkit.plugins.contracts import advice, contract_error
from howlkit.protocols import Model
from howlkit.schema import START, Schema

__all__ = ["new_network", "validate_network"]

NEEDED = ("start_at", "advance", "nats", "is_likelihood", "stepper")
"""The methods that a `protocols.Network` must have."""


def new_network(model: Model, schema: Schema, heads: HeadOptions) -> Any:  # noqa: ANN401 - a module, a Network
    """Return a new network of the model; PluginError if what `build` returned is no Network."""
    network = model.build(schema, heads)
    if not isinstance(network, nn.Module):
        raise contract_error(model, "build", network, "a torch module that is a Network")
    lacks = [name for name in NEEDED if not hasattr(network, name)]
    if lacks:
        raise contract_error(model, "build", network, f"a Network, with {', '.join(lacks)},")
    return network


def validate_network(model: Model, network: Any, schema: Schema) -> None:  # noqa: ANN401 - as `new_network` has it
    """Run a network over two rows of four steps; PluginError if what it returns is wrong.

    Torch's random numbers and the network are afterwards as they were.
    """
    _check_dtypes(model, network)
    device = next(network.parameters()).device
    steps = schema.steps(8).reshape(2, 4)
    steps["mark"][:, 0] = START
    columns = {f.name: torch.from_numpy(steps[f.name].astype(np.int64)) for f in schema.columns}
    batch = {name: column.to(device) for name, column in columns.items()}
    first, last = ({n: c[:, part] for n, c in batch.items()} for part in (slice(3), slice(3, 4)))
    training = network.training
    with (
        torch.inference_mode(),
        torch.random.fork_rng(devices=[]),
        _checking_backbone(model, network),
    ):
        network.eval()
        try:
            _, state = _checked(model, "advance", network.advance(first, None), (2, 3))
            hidden, _ = _checked(model, "advance", network.advance(last, state), (2, 1))
            nats = network.nats(hidden, last)
        finally:
            network.train(training)
    for field in schema.decisions:
        cost = nats.get(field.name) if isinstance(nats, dict) else None
        if not isinstance(cost, Tensor) or cost.shape != (2, 1):
            raise contract_error(model, f"nats of {field.name!r}", cost, "a tensor of shape (2, 1)")


def _check_dtypes(model: Model, network: nn.Module) -> None:
    """Raise PluginError unless all floating-point parameters have torch's default dtype."""
    wanted = torch.get_default_dtype()
    for name, parameter in network.named_parameters():
        if parameter.is_floating_point() and parameter.dtype != wanted:
            raise contract_error(
                model, f"the parameter {name}", parameter, f"dtype {wanted}", verb="is"
            )


@contextlib.contextmanager
def _checking_backbone(model: Model, network: nn.Module) -> Iterator[None]:
    """Check what the backbone of a network, if it has one, returns inside this context."""
    backbone = getattr(network, "backbone", None)
    if backbone is None:
        yield
        return
    if not isinstance(backbone, nn.Module):
        raise contract_error(model, "the backbone", backbone, "a torch module", verb="is")

    def check(backbone: nn.Module, inputs: tuple[Any, ...], output: object) -> None:
        x = inputs[0]
        _checked(model, "the backbone", output, tuple(x.shape[:2]), backbone.width, dtype=x.dtype)

    hook = backbone.register_forward_hook(check)
    try:
        yield
    finally:
        hook.remove()


def _checked(
    model: Model,
    call: str,
    output: object,
    shape: tuple[int, ...],
    width: object = None,
    *,
    dtype: torch.dtype | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return hidden (B, T, D) and state if `output` is such a pair; PluginError if not.

    call: what returned it, for messages. shape: (B, T). width: D; None: any. dtype: of hidden;
    None: torch's default.
    """
    dtype = dtype or torch.get_default_dtype()
    if not isinstance(output, tuple) or len(output) != 2:
        raise contract_error(model, call, output, "a pair, hidden (B, T, width) and state,")
    hidden, state = output
    if not isinstance(hidden, Tensor) or hidden.ndim != 3 or hidden.shape[:2] != shape:
        raise contract_error(model, call, hidden, f"hidden of shape {(*shape, width or 'D')}")
    if width not in (None, hidden.shape[2]):
        raise contract_error(
            model, call, hidden, f"hidden of shape {(*shape, width)}, as its width says,"
        )
    if hidden.dtype != dtype:
        raise contract_error(model, call, hidden, f"hidden of dtype {dtype}, as its input has,")
    if not torch.isfinite(hidden).all():
        raise PluginError(
            f"{owner_of(model)}: {call} returned NaN or infinity; finite numbers are needed"
            f"{advice(model)}"
        )
    if not isinstance(state, dict) or not all(_is_part(part, shape[0]) for part in state.values()):
        raise contract_error(
            model, f"{call}, as the state,", state, "a dict of tensors, batch first,"
        )
    return hidden, state


def _is_part(part: object, rows: int) -> bool:
    return isinstance(part, Tensor) and part.ndim > 0 and part.shape[0] == rows
