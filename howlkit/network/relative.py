"""The values that a field is relative to (`schema.Field.relative_to`), looked up for its head.

A reference is a value of the row before, or of a field decided earlier in the same step. Those of
the row before are appended to the hidden vector, so whoever holds the vector knows them; those of
the same step are given field by field.

Shapes: B rows, T steps, N of both, R references of one field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from howlkit.network.references import References
from howlkit.schema import Field, Schema

__all__ = ["RelativeLookup"]

Columns = Mapping[str, Tensor]


class RelativeLookup:
    """The look-up for `fields`; `suffix` makes the `width` numbers that hidden vectors end with.

    chained: whether fields decided earlier in the same step are references; if not, only the row
    before has some.
    """

    def __init__(self, schema: Schema, fields: Sequence[Field], *, chained: bool) -> None:
        self._references = References(schema, fields, chained=chained)
        self.fields, self.count = self._references.fields, self._references.count
        self.width = len(self._references.in_suffix) if self.fields else 0

    def suffix(self, steps: Columns) -> Tensor:
        """Return (B, T, width): values of steps (B, T), to append to hidden vectors, as floats.

        They are the references of the fields in the next rows; -1 where there is no value.
        """
        columns = [
            (steps[name] + offset).where(steps[name] > 0, -1)
            for name, offset in self._references.in_suffix
        ]
        return torch.stack(columns, -1).float()

    def references(self, field: Field, suffix: Tensor, decided: Columns) -> Tensor:
        """Return (N, R): the values that a field is relative to, -1 where there is none.

        suffix: (N, width). decided: (N,) by name, at least the fields before this one.
        """
        columns = [suffix[:, k].long() for k in self._references.before[field.name]]
        for name, offset in self._references.in_step[field.name]:
            value = decided[name]
            before = self._references.before[name]
            # Where that field is 0, the first value of the row before that it is relative to.
            otherwise = suffix[:, before[0]].long() if before else torch.full_like(value, -1)
            columns.append((value + offset).where(value > 0, otherwise))
        return torch.stack(columns, -1)
