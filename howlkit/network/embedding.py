"""From a step to a vector: the embeddings of its columns, side by side.

Shapes: E the width of an embedded step; leading shapes such as (B, T) are written as `...`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from howlkit.head_options import OCTAVES, HeadOptions
from howlkit.schema import Field, Schema

__all__ = ["Embedding", "key_of"]

Columns = dict[str, Tensor]

LOOKED_UP = 1024
"""Class fields of at most this many values are projected by a table; `mark` has three values."""


def key_of(field: Field) -> str:
    """Return a field's key in a ModuleDict, with a prefix since it has a method called "keys"."""
    return f"of_{field.name}"


class Embedding(nn.Module):
    """The embeddings of all columns, side by side; a column that is not active gives zeros.

    Class fields share one table, so that one operation looks all of them up; they come first.
    """

    def __init__(self, schema: Schema, heads: HeadOptions) -> None:
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
            self.linear[key_of(field)] = nn.Linear(width_in, heads.width_of(field), bias=False)
        widths = [heads.width_of(field) for field in (*self.classes, *self.others)]
        begins = accumulate(widths, initial=0)
        fields = (*self.classes, *self.others)
        self.slices = {
            field.name: slice(begin, begin + width)
            for field, begin, width in zip(fields, begins, widths, strict=False)
        }

    def forward(self, steps: Columns) -> Tensor:
        """Return steps embedded, (..., E); their columns are (...), of bits (..., n)."""
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

    def project(self, fields: Sequence[Field], steps: Columns, weight: Tensor) -> Tensor:
        """Return (N, W): the embeddings of `fields` in steps (N,), multiplied by weight (W, E).

        The same as `F.linear(self(steps), weight)` where `weight` is zero for all other fields, but
        what a value adds is a row of a table that is made first. So each step costs one look-up a
        field, which is several times cheaper than the product, forwards and backwards.
        """
        rows, indices, others, begin = [weight.new_zeros(1, len(weight))], [], [], 1
        for field in fields:
            part = weight[:, self.slices[field.name]]
            values, active = steps[field.name], self.schema.active(field, steps)
            if field.kind == "class" and field.n <= LOOKED_UP:
                rows.append(F.linear(self.all_values(field), part))
                indices.append((values + begin).where(active, 0))
                begin += field.n
            else:
                embedded = self._one(field, values).where(active[:, None], 0)
                others.append(F.linear(embedded, part))
        summed = F.embedding_bag(torch.stack(indices, -1), torch.cat(rows), mode="sum")
        return summed + sum(others) if others else summed

    def _one(self, field: Field, values: Tensor) -> Tensor:
        """Return (..., width): the embedding of one field."""
        if field.kind == "class":
            return torch.as_tensor(self.table(values + self.offsets[field.name]))
        return self._linear(field, values)

    def _linear(self, field: Field, values: Tensor) -> Tensor:
        weight = self.linear[key_of(field)].get_parameter("weight")
        if field.kind == "bits":
            return F.linear(values.to(weight.dtype), weight)
        number = values.to(weight.dtype) / max(field.n - 1, 1)  # 0..1
        rates = torch.pi * 2.0 ** torch.arange(OCTAVES, device=weight.device)
        angles = number[..., None] * rates
        return F.linear(torch.cat((number[..., None], angles.sin(), angles.cos()), -1), weight)

    def all_values(self, field: Field) -> Tensor:
        """Return (n, width): the embedding of each value of a field; of bits, of each bit."""
        if field.kind == "class":
            begin = self.offsets[field.name]
            return self.table.weight[begin : begin + field.n]
        if field.kind == "bits":
            return self.linear[key_of(field)].get_parameter("weight").T
        return self._linear(field, torch.arange(field.n, device=self.table.weight.device))
