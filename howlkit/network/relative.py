"""What a value is near to (`schema.Field.relative_to`), looked up for the heads that heed it.

Values of the row before are numbers behind a hidden vector, so that whoever holds the vector knows
them; those of fields decided before in the same step are told field by field.

Shapes: B rows, T steps, N of both, R values that one field is near to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from howlkit.schema import Field, Schema

__all__ = ["RelativeLookup"]

Columns = Mapping[str, Tensor]


class RelativeLookup:
    """The look-up for `fields`; `written` adds `width` numbers to a hidden vector.

    chained: fields decided before in the same step count; if not, only the row before does.
    """

    def __init__(self, schema: Schema, fields: Sequence[Field], *, chained: bool) -> None:
        decided = [field.name for field in schema.decisions]
        self._inside: dict[str, list[tuple[str, int]]] = {}  # of the same step
        self._behind: dict[str, list[int]] = {}  # of the row before: numbers of `self._written`
        self._written: list[tuple[str, int]] = []
        for field in schema.decisions:
            earlier = decided[: decided.index(field.name)]
            self._inside[field.name] = [r for r in field.relative_to if r[0] in earlier and chained]
            self._behind[field.name] = []
            for reference in field.relative_to:
                if reference[0] not in earlier:
                    self._behind[field.name].append(len(self._written))
                    self._written.append(reference)
        self.fields = tuple(f for f in fields if self._behind[f.name] or self._inside[f.name])
        self.width = len(self._written) if self.fields else 0

    def count(self, field: Field) -> int:
        """Return R, 0 for a field that is none of these."""
        if field not in self.fields:
            return 0
        return len(self._behind[field.name]) + len(self._inside[field.name])

    def written(self, steps: Columns) -> Tensor:
        """Return (B, T, width) of steps (B, T) by column: values of these rows, or -1, as floats.

        They are what the fields of the next rows are near to.
        """
        columns = [(steps[name] + more).where(steps[name] > 0, -1) for name, more in self._written]
        return torch.stack(columns, -1).float()

    def of(self, field: Field, written: Tensor, decided: Columns) -> Tensor:
        """Return (N, R): what a field is near to, -1 for nothing.

        written: (N, width). decided: (N,) by name, at least the fields before this one.
        """
        columns = [written[:, k].long() for k in self._behind[field.name]]
        for name, more in self._inside[field.name]:
            value = decided[name]
            behind = self._behind[name]
            otherwise = written[:, behind[0]].long() if behind else torch.full_like(value, -1)
            columns.append((value + more).where(value > 0, otherwise))
        return torch.stack(columns, -1)
