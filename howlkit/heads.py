"""From steps to vectors and back: the embedding of a step, the heads, the likelihood.

Heads belong to the core, so a model only has to be a backbone, (B, T, D in) to (B, T, D out).
Shapes: B rows, T steps, D the backbone's width, K decisions a step (`mark` and the fields), E the
width of a field's embedding, H the width of a head.

Chained heads write the likelihood of a step as a product in which each field is given those decided
before it, p(v1) p(v2 | v1) ... (NADE, Larochelle and Murray 2011). All K of them are one masked
matrix product (as in MADE, Germain et al. 2015), so training needs no loop over fields or notes.
Independent heads, as Howl had them, are the same network with that mask all zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional as F

from howlkit.options import option
from howlkit.protocols import Backbone
from howlkit.schema import MARK, START, Field, Schema

__all__ = ["Heads", "Network", "Stepper"]

Batch = dict[str, Tensor]
State = dict[str, Tensor]


@dataclass(frozen=True)
class Heads:
    """Options of the embedding and the heads, the same for every model."""

    chained: bool = option(True, "each field given those before it; false: independent, as Howl")
    embedding: int = option(32, "width of each field's embedding", low=1, high=4096)
    width: int = option(128, "width of each field's head", low=1, high=8192)

    name: ClassVar[str] = "heads"

    def width_in(self, schema: Schema) -> int:
        """Return the width of an embedded step: what a backbone takes in."""
        return len(schema.decisions) * self.embedding


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
        fields = schema.decisions
        self._position = {field.name: k for k, field in enumerate(fields)}
        # One table for all fields, so that a step is one look-up. Row 0 stays zero: the embedding
        # of a field that is not active.
        ends = list(accumulate((field.n for field in fields), initial=1))
        self._offsets = dict(zip(self._position, ends, strict=False))
        self.table = nn.Embedding(ends[-1], heads.embedding, padding_idx=0)
        self.from_hidden = nn.Linear(backbone.width, len(fields) * heads.width)
        if heads.chained:
            self.from_fields = nn.Parameter(self._field_weights(len(fields)))
            self.register_buffer("head_mask", self._mask(len(fields)), persistent=False)
        self.out = nn.ModuleDict({field.name: nn.Linear(heads.width, field.n) for field in fields})

    def _field_weights(self, decisions: int) -> Tensor:
        fan_in = decisions * self.heads.embedding
        weights = torch.empty(decisions * self.heads.width, fan_in)
        return nn.init.uniform_(weights, -(fan_in**-0.5), fan_in**-0.5)

    def _mask(self, decisions: int) -> Tensor:
        """Return (K H, K E): ones where head k looks at a field before it, and zeros elsewhere."""
        before = torch.ones(decisions, decisions).tril(-1)
        return before.repeat_interleave(self.heads.width, 0).repeat_interleave(
            self.heads.embedding, 1
        )

    def start_at(self, counts: Mapping[str, ArrayLike]) -> None:
        """Set the biases of the heads so that training begins at the unigram model of `counts`.

        counts: how often each value of each field was decided (`evaluate.unigram`). Otherwise the
        first minutes go into learning which values occur at all.
        """
        with torch.no_grad():
            for name, seen in counts.items():
                frequency = torch.from_numpy(np.asarray(seen, np.float64)) + 1
                self.out[name].get_parameter("bias").copy_(torch.log(frequency / frequency.sum()))

    def embed(self, steps: Batch) -> Tensor:
        """Return (..., K E), the embeddings of the fields side by side."""
        indices = []
        for field in self.schema.decisions:
            index = steps[field.name] + self._offsets[field.name]
            if field is not MARK:
                index = index.where(self.schema.active(field, steps), 0)
            indices.append(index)
        embedded: Tensor = self.table(torch.stack(indices, -1))  # (..., K, E)
        return embedded.flatten(-2)

    def advance(
        self, batch: Batch, state: State | None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Read steps (B, T) by field name after `state`; return hidden (B, T, D) and the state."""
        return self.backbone(self.embed(batch), state, lengths)

    def nats(self, hidden: Tensor, targets: Batch) -> Batch:
        """Return by field (B, T) nats of `targets`, each field given those before it in its step.

        hidden: (B, T, D), what `advance` returned for the step before each target. A field costs
        nothing where it is not active. Exact and normalised: exp(-nats) sums to 1 over a field.
        """
        mixed = self.from_hidden(hidden)  # (B, T, K H)
        if self.heads.chained:
            mixed = mixed + F.linear(self.embed(targets), self.from_fields * self.head_mask)
        parts = torch.split(F.gelu(mixed), self.heads.width, -1)  # K of (B, T, H)
        costs = {}
        for field, part in zip(self.schema.decisions, parts, strict=True):
            logits = self._out(field, part)  # (B, T, n)
            target = targets[field.name]
            cost = F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none")
            active = self.schema.active(field, targets)
            costs[field.name] = cost.view_as(target).where(active, 0)
        return costs

    def _out(self, field: Field, mixed: Tensor) -> Tensor:
        logits: Tensor = self.out[field.name](mixed)
        if field is MARK:  # a start is never predicted
            logits = torch.cat((logits[..., :START], logits[..., START:] - torch.inf), -1)
        return logits

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
    """Decides a step field by field, for B rows: the same numbers as `Network.nats`.

    What a decided value adds to all heads after it is a row of a table that is made once, so that a
    decision costs a look-up and one product instead of a run through the embedding.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._added: dict[str, Tensor] = {}  # by field (n, K H)
        if network.heads.chained:
            width = network.heads.embedding
            weights = torch.split(
                network.from_fields * network.head_mask, width, 1
            )  # K of (K H, E)
            for field, part in zip(network.schema.decisions, weights, strict=True):
                begin = network._offsets[field.name]
                self._added[field.name] = network.table.weight[begin : begin + field.n] @ part.T

    def begin(self, hidden: Tensor) -> None:
        """Begin a step after hidden (B, D), the last of `Network.advance`."""
        self._mixed = self._network.from_hidden(hidden)  # (B, K H)

    def logits(self, field: Field) -> Tensor:
        """Return (B, n), the logits of `field`, given what `decide` was told of this step."""
        network = self._network
        begin = network._position[field.name] * network.heads.width
        return network._out(field, F.gelu(self._mixed[:, begin : begin + network.heads.width]))

    def decide(self, field: Field, values: Tensor, active: Tensor) -> None:
        """Go on from `values` (B,) of `field`, in the rows where it is active (B,)."""
        if self._added:
            added = self._added[field.name][values]
            self._mixed = self._mixed + added.where(active[:, None], 0)
