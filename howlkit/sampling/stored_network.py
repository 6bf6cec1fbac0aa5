"""A network as it lies on disk: its weights as arrays, and torch's modules once they are needed.

compiled_runner.py needs the arrays alone, so that music can be made without torch, whose
import takes longer than most pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.head_options import HeadOptions
from howlkit.schema import Field, Schema

if TYPE_CHECKING:
    from howlkit.builtin.models.lstm_gru import Gru, Lstm
    from howlkit.network.network import Network

__all__ = ["StoredNetwork", "Cell", "block_stage", "head", "shapes"]

Cell = Literal["lstm", "gru"]


@dataclass(frozen=True)
class StoredNetwork:
    """What a network is made of; `network` is the network.

    cell: of its backbone, if that is builtin/recurrent.py; None of any other.
    weights: as its state_dict; None if they are not in float32 on the CPU.
    """

    schema: Schema
    heads: HeadOptions
    cell: Cell | None
    weights: Mapping[str, NDArray[np.float32]] | None
    wake: Callable[[], Network]

    @cached_property
    def network(self) -> Network:
        """The network, on the CPU, made when it is first asked for."""
        return self.wake()

    @classmethod
    def of(cls, network: object) -> StoredNetwork | None:
        """Return what a network is made of, not copied; None of one that a plugin wrote whole."""
        import torch

        from howlkit.builtin.models.recurrent import Recurrent
        from howlkit.network.network import Network

        if type(network) is not Network:
            return None
        backbone, tensors = network.backbone, network.state_dict()
        cell: Cell | None = None
        if type(backbone) is Recurrent:
            cell = "lstm" if "c" in backbone.parts else "gru"
        weights = None
        if all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors.values()):
            weights = {name: t.detach().contiguous().numpy() for name, t in tensors.items()}
        return cls(network.schema, network.heads, cell, weights, lambda: network)


def shapes(model: Lstm | Gru, schema: Schema, heads: HeadOptions) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights of model.build(schema, heads).

    Only for what compiled code can step (`compiled.unsuited`): fields that are classes, heads that
    are softmax.
    """
    fields, hidden = schema.decisions, model.hidden
    gates = hidden * {"lstm": 4, "gru": 3}[model.name]
    step, heads_in = heads.width_of_step(schema), len(fields) * heads.width
    found: dict[str, tuple[int, ...]] = {
        "embed.table.weight": (1 + sum(field.n for field in schema.columns), heads.embedding)
    }
    if heads.input:
        found |= _linear("narrow", heads.input, step)
    if heads.chained:
        found["from_fields"] = heads_in, step
    for layer in range(model.layers):
        width = hidden if layer else heads.width_in(schema)
        for kind, of in (("ih", width), ("hh", hidden)):
            found[f"backbone.layers.{layer}.weight_{kind}_l0"] = gates, of
            found[f"backbone.layers.{layer}.bias_{kind}_l0"] = (gates,)
    for stage in range(model.block):
        width = model.block_width if stage else hidden
        found |= _linear(block_stage(stage), model.block_width, width)
    width = hidden + (model.block_width if model.block else 0)
    found |= _linear("from_hidden", heads_in, width)
    for field in fields:
        found |= _linear(head(field), field.n, heads.width)
    return found


def block_stage(stage: int) -> str:
    """Return the name of a linear layer of the processing block; SELU and dropout follow each."""
    return f"backbone.block.{3 * stage}"


def head(field: Field) -> str:
    """Return the name of the last layer of a field's head (with embedding.key_of)."""
    return f"out.of_{field.name}.out"


def _linear(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
