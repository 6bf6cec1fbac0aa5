"""A network loaded from stored weights, which must have the shapes that its model asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from howlkit.errors import CheckpointError, printable
from howlkit.head_options import HeadOptions
from howlkit.network import validate
from howlkit.network.network import Network
from howlkit.protocols import Model
from howlkit.schema import Schema

__all__ = ["build_shapes", "check_weights", "first_difference", "load_network"]


def load_network(
    model: Model,
    schema: Schema,
    heads: HeadOptions,
    weights: Mapping[str, Tensor],
    source: Path,
) -> Network:
    """Return the network that a model builds, with these weights, on the CPU, in evaluation mode.

    source: the file of the weights, for messages. Raises CheckpointError if they do not fit.
    """
    # First the shapes alone, without memory, so that a damaged config cannot ask for gigabytes.
    check_weights(build_shapes(model, schema, heads), weights, source)
    with _WithoutInitialWeights():
        network: Network = validate.new_network(model, schema, heads)
    network.load_state_dict(dict(weights))
    validate.validate_network(model, network, schema)
    return network.eval()


def build_shapes(model: Model, schema: Schema, heads: HeadOptions) -> Network:
    """Return a new network on the device "meta": its weights have shapes, and take no memory.

    A network of a plugin may raise any error here if it makes tensors on a device of its own.
    """
    with torch.device("meta"), _WithoutInitialWeights():
        network: Network = validate.new_network(model, schema, heads)
    return network


class _WithoutInitialWeights(TorchFunctionMode):
    """Modules made inside this context draw no initial weights, since others are loaded next.

    Drawing on the device "meta" would also import torch's compiler, which takes longer than torch.
    """

    DRAW = frozenset({"normal_", "uniform_", "kaiming_uniform_", "xavier_uniform_", "orthogonal_"})

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever `func` returns
        """Call `func`; if it would draw weights, return its tensor as it is instead."""
        if getattr(func, "__name__", "") in self.DRAW:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def check_weights(network: Network, tensors: Mapping[str, Tensor], source: Path) -> None:
    """Raise CheckpointError, with the first difference, if `tensors` do not fit `network`."""
    if difference := first_difference(network, tensors):
        raise CheckpointError(
            f"{printable(source)}: its weights do not fit this network: {difference}. "
            "Encoder, model and heads must have the options that the weights were trained with"
        )


def first_difference(network: Network, tensors: Mapping[str, Tensor]) -> str:
    """Return in words the first weight that `tensors` have otherwise than `network`; "": none."""
    expected = network.state_dict()
    odd = sorted(set(expected) ^ set(tensors))
    odd += [n for n in expected if n in tensors and _kind(expected[n]) != _kind(tensors[n])]
    if not odd:
        return ""
    name = odd[0]
    have = _kind(tensors[name]) if name in tensors else "nothing"
    want = _kind(expected[name]) if name in expected else "nothing"
    return f"{name} is {have}, {want} is needed"


def _kind(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
