"""Which weights of a network are matrices between hidden vectors, and the blocks of their rows.

Muon updates a matrix as a whole, so it is for matrices that map one hidden vector to another. A
weight may hold several of them, one below the other: the gates of an LSTM, or queries, keys and
values. Each is a block of rows, and is updated by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from howlkit.errors import PluginError
from howlkit.protocols import BlockedWeights

__all__ = ["hidden_matrices"]

NOT_HIDDEN = ("embed.", "out.", "hints.")
"""The parts of a `Network` whose matrices look values up, or end in logits."""

GATES = {"LSTM": 4, "GRU": 3}


def hidden_matrices(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return, by the name of each weight that is hidden, the number of rows of each of its blocks.

    Hidden are the weights of linear and recurrent layers, without embeddings and last layers, and
    what `BlockedWeights.row_blocks` names. Raises PluginError if those do not fit the weights.

    >>> hidden_matrices(nn.LSTM(8, 6))
    {'weight_ih_l0': (6, 6, 6, 6), 'weight_hh_l0': (6, 6, 6, 6)}
    """
    shapes = {name: tuple(weight.shape) for name, weight in network.named_parameters()}
    found: dict[str, tuple[int, ...]] = {}
    for prefix, module in network.named_modules():
        for name, rows in _of_layer(module).items():
            found[f"{prefix}.{name}" if prefix else name] = rows
    for prefix, module in (("", network), ("backbone.", getattr(network, "backbone", None))):
        declared = module.row_blocks if isinstance(module, BlockedWeights) else {}
        for name, numbers in declared.items():
            _check(f"{prefix}{name}", tuple(numbers), shapes)
            found[f"{prefix}{name}"] = tuple(numbers)
    return {
        name: rows
        for name, rows in found.items()
        if rows and name in shapes and not name.startswith(NOT_HIDDEN)  # shared ones have one name
    }


def _of_layer(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the blocks of the weights of one of torch's own layers; none of another module."""
    if isinstance(module, nn.Linear):
        return {"weight": (module.out_features,)}
    if isinstance(module, nn.RNNBase):
        gates = GATES.get(module.mode, 1)
        return {
            name: (len(weight),)
            if name.startswith("weight_hr")
            else (len(weight) // gates,) * gates
            for name, weight in module.named_parameters()
            if weight.ndim == 2
        }
    return {}


def _check(name: str, rows: tuple[int, ...], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise PluginError unless a weight of that name has so many rows, and two dimensions."""
    shape = shapes.get(name)
    if shape is None or (rows and (len(shape) != 2 or sum(rows) != shape[0])):
        what = f"a shape of {shape}" if shape else "no such weight"
        raise PluginError(
            f"row_blocks says that {name!r} has blocks of {list(rows)} rows, but the network has "
            f"{what}. The rows of a matrix must add up; it is for the model's author to mend"
        )
