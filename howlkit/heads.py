"""From steps to vectors and back: the embedding of a step, the chain of its heads, the stepper.

Heads belong to the core, so a model only has to be a backbone, (B, T, D in) to (B, T, D out); what
one field's head computes is in choices.py. Shapes: B rows, T steps, D the backbone's width, K
decisions a step (`mark` and the fields that are not derived), E the width of an embedded step, H
the width of a head.

Chained heads write the likelihood of a step as a product in which each field is given those decided
before it, p(v1) p(v2 | v1) ... (NADE, Larochelle and Murray 2011). All K of them are one masked
matrix product (as in MADE, Germain et al. 2015), so training needs no loop over fields or notes.
Independent heads, as Howl had them, are the same network with that mask all zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional as F

from howlkit.choices import BitsChained, BitsIndependent, Head, Logistics, Softmax, Squared
from howlkit.options import option
from howlkit.protocols import Backbone
from howlkit.schema import Field, Schema

__all__ = ["Heads", "Network", "Stepper"]

Batch = dict[str, Tensor]
State = dict[str, Tensor]

OCTAVES = 6
"""A real number is embedded from itself and its sines and cosines at so many doubling rates."""


@dataclass(frozen=True)
class Heads:
    """Options of the embedding and the heads, the same for every model."""

    chained: bool = option(
        True, "each field, and each bit, given those before it; false: independent, as Howl"
    )
    ordered: Literal["softmax", "logistics"] = option(
        "softmax", "ordered values: a number each, or a mixture of logistics"
    )
    real: Literal["logistics", "squared"] = option(
        "logistics", "real numbers: a mixture of logistics, or squared error, as Howl"
    )
    components: int = option(8, "logistics in a mixture", low=1, high=256)
    embedding: int = option(32, "width of each field's embedding; of bits 4 x", low=1, high=4096)
    width: int = option(128, "width of each field's head", low=1, high=8192)

    name: ClassVar[str] = "heads"

    def width_of(self, field: Field) -> int:
        """Return the width of a field's embedding."""
        return self.embedding * (4 if field.kind == "bits" else 1)

    def width_in(self, schema: Schema) -> int:
        """Return the width of an embedded step: what a backbone takes in."""
        return sum(map(self.width_of, schema.columns))

    def head(self, field: Field) -> Head:
        """Return a new head for a field."""
        if field.kind == "bits":
            return (BitsChained if self.chained else BitsIndependent)(field, self.width)
        if field.kind == "real" and self.real == "squared":
            return Squared(field, self.width)
        if field.kind == "real" or (field.ordered and self.ordered == "logistics"):
            return Logistics(field, self.width, self.components)
        return Softmax(field, self.width)


def _key(field: Field) -> str:
    """Return what a field's part of a ModuleDict is called: "keys" alone is a method of it."""
    return f"of_{field.name}"


class Embedding(nn.Module):
    """Steps to vectors: the embeddings of all columns side by side, zeros where one is not active.

    Class fields share one table, so that their look-up is one operation; they come first.
    """

    def __init__(self, schema: Schema, heads: Heads) -> None:
        super().__init__()
        self.schema = schema
        self.classes = [field for field in schema.columns if field.kind == "class"]
        self.others = [field for field in schema.columns if field.kind != "class"]
        ends = list(accumulate((field.n for field in self.classes), initial=1))
        # Row 0 stays zero: the embedding of a field that is not active.
        self.offsets = {f.name: end for f, end in zip(self.classes, ends, strict=False)}
        self.table = nn.Embedding(ends[-1], heads.embedding, padding_idx=0)
        self.linear = nn.ModuleDict()
        for field in self.others:
            width_in = field.n if field.kind == "bits" else 1 + 2 * OCTAVES
            self.linear[_key(field)] = nn.Linear(width_in, heads.width_of(field), bias=False)
        widths = [heads.width_of(field) for field in (*self.classes, *self.others)]
        begins = accumulate(widths, initial=0)
        fields = (*self.classes, *self.others)
        self.slices = {
            field.name: slice(begin, begin + width)
            for field, begin, width in zip(fields, begins, widths, strict=False)
        }

    def forward(self, steps: Batch) -> Tensor:
        """Return (..., E) of columns (...), of bits (..., n)."""
        indices = []
        for field in self.classes:
            index = steps[field.name] + self.offsets[field.name]
            if field.name != "mark" and not field.derived:
                index = index.where(self.schema.active(field, steps), 0)
            indices.append(index)
        parts = [self.table(torch.stack(indices, -1)).flatten(-2)]
        for field in self.others:
            active = self.schema.active(field, steps)[..., None]
            parts.append(self._linear(field, steps[field.name]).where(active, 0))
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]

    def _linear(self, field: Field, values: Tensor) -> Tensor:
        weight = self.linear[_key(field)].get_parameter("weight")
        if field.kind == "bits":
            return F.linear(values.to(weight.dtype), weight)
        place = values.to(weight.dtype) / max(field.n - 1, 1)  # 0..1
        rates = torch.pi * 2.0 ** torch.arange(OCTAVES, device=weight.device)
        angles = place[..., None] * rates
        return F.linear(torch.cat((place[..., None], angles.sin(), angles.cos()), -1), weight)

    def every(self, field: Field) -> Tensor:
        """Return (n, width): the embedding of each value of a field, of bits of each bit."""
        if field.kind == "class":
            begin = self.offsets[field.name]
            return self.table.weight[begin : begin + field.n]
        if field.kind == "bits":
            return self.linear[_key(field)].get_parameter("weight").T
        return self._linear(field, torch.arange(field.n, device=self.table.weight.device))


class Network(nn.Module):
    """A backbone between the embedding of steps and one head a field.

    A parameter's shape never depends on the data, only on the schema and the options.
    """

    head_mask: Tensor

    def __init__(self, schema: Schema, heads: Heads, backbone: Backbone) -> None:
        super().__init__()
        self.schema = schema
        self.heads = heads
        self.backbone = backbone
        self.embed = Embedding(schema, heads)
        fields = schema.decisions
        self._position = {field.name: k for k, field in enumerate(fields)}
        self.from_hidden = nn.Linear(backbone.width, len(fields) * heads.width)
        if heads.chained:
            fan_in = heads.width_in(schema)
            weights = torch.empty(len(fields) * heads.width, fan_in)
            self.from_fields = nn.Parameter(
                nn.init.uniform_(weights, -(fan_in**-0.5), fan_in**-0.5)
            )
            self.register_buffer("head_mask", self._mask(), persistent=False)
        self.out = nn.ModuleDict({_key(field): heads.head(field) for field in fields})

    def _mask(self) -> Tensor:
        """Return (K H, E): ones where head k looks at a field before it, and zeros elsewhere."""
        fields, width = self.schema.decisions, self.heads.width
        mask = torch.zeros(len(fields), width, self.heads.width_in(self.schema))
        for k in range(len(fields)):
            for before in fields[:k]:
                mask[k, :, self.embed.slices[before.name]] = 1
        return mask.flatten(0, 1)

    def head(self, field: Field) -> Head:
        """Return the head of a field."""
        head = self.out[_key(field)]
        assert isinstance(head, Head)  # for mypy: a ModuleDict forgets what it holds
        return head

    def is_likelihood(self, field: Field) -> bool:
        """Say whether the nats of this field are -ln of a probability, or a squared error."""
        return self.head(field).is_likelihood

    def start_at(self, counts: Mapping[str, ArrayLike]) -> None:
        """Set the biases of the heads so that training begins at the unigram model of `counts`.

        counts: how often each value of each field was decided (`evaluate.unigram`). Otherwise the
        first minutes go into learning which values occur at all.
        """
        with torch.no_grad():
            for field in self.schema.decisions:
                seen = torch.from_numpy(np.asarray(counts[field.name], np.float64))
                self.head(field).start_at(seen)

    def advance(
        self, batch: Batch, state: State | None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Read steps (B, T) by field name after `state`; return hidden (B, T, D) and the state."""
        return self.backbone(self.embed(batch), state, lengths)

    def nats(self, hidden: Tensor, targets: Batch) -> Batch:
        """Return by field (B, T) nats of `targets`, each field given those before it in its step.

        hidden: (B, T, D), what `advance` returned for the step before each target. A field costs
        nothing where it is not active. Exact and normalised, unless `is_likelihood` says no:
        exp(-nats) sums to 1 over all values of a field.
        """
        mixed = self.from_hidden(hidden)  # (B, T, K H)
        if self.heads.chained:
            mixed = mixed + F.linear(self.embed(targets), self.from_fields * self.head_mask)
        parts = torch.split(mixed, self.heads.width, -1)  # K of (B, T, H)
        costs = {}
        for field, part in zip(self.schema.decisions, parts, strict=True):
            target = targets[field.name].flatten(0, 1)  # (B T,), of bits (B T, n)
            cost = self.head(field).nats(part.flatten(0, 1), target).view(hidden.shape[:2])
            costs[field.name] = cost.where(self.schema.active(field, targets), 0)
        return costs

    def stepper(self) -> Stepper:
        """Return what decides steps field by field, as long as the weights stay what they are."""
        return Stepper(self)

    def forward(
        self, inputs: Batch, targets: Batch, lengths: Tensor, state: State | None
    ) -> tuple[Tensor, State]:
        """Return (K,) nats by decision, summed over the steps that count, and the state after.

        The whole of training goes through here, as torch's data-parallel wrappers need it to.
        inputs, targets: (B, T) by name; targets[t] follows inputs[t]. lengths: (B,) steps that
        count.
        """
        hidden, state = self.advance(inputs, state)
        counted = torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]
        costs = self.nats(hidden, targets)
        # Costs past a row's length mean nothing and may be anything: `where`, not a product.
        sums = [cost.where(counted, 0).sum() for cost in costs.values()]
        return torch.stack(sums), state


class Stepper:
    """Decides a step choice by choice, for B rows: the same numbers as `Network.nats`.

    What a decided value adds to all heads after it is a row of a table that is made once, so that a
    decision costs a look-up and one product instead of a run through the embedding. A bit that is
    on also adds to its own head, where the next bit is decided.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._added: dict[str, Tensor] = {}  # by field (n, K H)
        if network.heads.chained:
            weights = network.from_fields * network.head_mask  # (K H, E)
            for field in network.schema.decisions:
                part = weights[:, network.embed.slices[field.name]]
                added = network.embed.every(field) @ part.T
                head = network.head(field)
                if isinstance(head, BitsChained):
                    added[:, self._slice(field)] = head.on
                self._added[field.name] = added

    def _slice(self, field: Field) -> slice:
        width = self._network.heads.width
        begin = self._network._position[field.name] * width
        return slice(begin, begin + width)

    def begin(self, hidden: Tensor) -> None:
        """Begin a step after hidden (B, D), the last of `Network.advance`."""
        self._mixed = self._network.from_hidden(hidden)  # (B, K H)

    def logits(self, field: Field) -> Tensor:
        """Return (B, C), the logits of `field`, given what `decide` was told of this step."""
        return self._network.head(field).logits(self._mixed[:, self._slice(field)])

    def decide(self, field: Field, values: Tensor, active: Tensor) -> None:
        """Go on from `values` (B,) of `field`, in the rows where it is active (B,)."""
        if self._added:
            added = self._added[field.name][values.where(active, 0)]
            self._mixed = self._mixed + added.where(active[:, None], 0)
