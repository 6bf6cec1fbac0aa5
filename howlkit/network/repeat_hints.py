"""What a network makes of what `repeats.Repeats` finds: an input, and a bonus on likely values.

Shapes: B rows, T steps, N of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from howlkit.network.heads import HeadHint
from howlkit.network.repeats import SCORES, Found, Repeats
from howlkit.schema import Field, Schema

if TYPE_CHECKING:
    from howlkit.head_options import HeadOptions

__all__ = ["RepeatHints", "StepHints"]


class RepeatHints(nn.Module):
    """What `repeats.Repeats` finds, for the network: an input, and a bonus on a value's logit.

    The bonus depends on how good the passage is and on how many fields of the step, decided
    already, were as it says; `choices.Softmax` adds what the head itself makes of the moment.
    """

    def __init__(self, schema: Schema, heads: HeadOptions) -> None:
        super().__init__()
        self.schema, self.chained = schema, heads.chained
        self.search = Repeats(schema, heads.repeats, heads.repeats_lag)
        self.hinted = [f for f in schema.decisions[1:] if heads.kind(f) == "softmax"]
        self.scores = nn.Embedding(len(SCORES) + 1, heads.embedding)
        agreed = len(self.hinted) + 1
        self.bonus = nn.Parameter(torch.zeros(len(self.hinted), len(SCORES) + 1, agreed))

    def forward(self, embedded: Tensor, found: Found) -> Tensor:
        """Return (B, T, width): the step that followed, embedded, and how good the passage was."""
        there = (found.score > 0)[..., None]
        return torch.cat((embedded.where(there, 0), self.scores(found.score)), -1)

    def written(self, found: Found) -> Tensor:
        """Return (B, T, 1 + hinted): score and values as numbers, the end of a hidden vector."""
        there = found.score > 0
        values = [
            found.steps[f.name].where(there & self.schema.active(f, found.steps), -1)
            for f in self.hinted
        ]
        return torch.stack((found.score, *values), -1).float()

    def begin(self, hidden: Tensor) -> StepHints:
        """Return what hints at a step after hidden (N, D)."""
        written = hidden[:, -1 - len(self.hinted) :].long()
        return StepHints(self, written)


class StepHints:
    """The hints at one step of N rows, as it is decided field by field."""

    def __init__(self, hints: RepeatHints, written: Tensor) -> None:
        self._hints = hints
        self._score, self._values = written[:, 0], written[:, 1:]
        self._agreed = torch.zeros_like(self._score)
        self._number = {field.name: k for k, field in enumerate(hints.hinted)}

    def hint(self, field: Field) -> HeadHint | None:
        """Return the hint at a field; None for one that gets none."""
        k = self._number.get(field.name)
        if k is None:
            return None
        return HeadHint(self._values[:, k], self._hints.bonus[k][self._score, self._agreed])

    def decide(self, field: Field, values: Tensor, active: Tensor) -> None:
        """Take note of whether values (N,) of a field were as hinted; independent heads do not."""
        k = self._number.get(field.name)
        if k is not None and self._hints.chained:
            self._agreed = self._agreed + ((values == self._values[:, k]) & active)
