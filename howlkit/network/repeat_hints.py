"""Hints from earlier passages: what a network makes of the matches that a search finds.

The search is `repeats.Repeats` or `repeats_by_beats.RepeatsByBeats`.

A match is an input to the backbone, and a bonus on the logit of the value that followed then. The
numbers of a match are appended to the hidden vector, so whoever holds the vector can take the hint.

Shapes: B rows, T steps, N of both, F fields that get hints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from howlkit.network.heads import HeadHint
from howlkit.network.repeat_scores import SCORES
from howlkit.network.repeats import RepeatMatch, Repeats
from howlkit.network.repeats_by_beats import RepeatsByBeats
from howlkit.schema import Field, Schema

if TYPE_CHECKING:
    from howlkit.head_options import HeadOptions

__all__ = ["RepeatHints", "StepHints"]


class RepeatHints(nn.Module):
    """The weights of hints: embeddings of score classes, and the bonus of each field.

    The bonus depends on how good the passage is, and on how many fields of the step, decided
    already, were as the hint says. `heads.Softmax` adds its own trust in the hint at that moment.
    """

    def __init__(self, schema: Schema, heads: HeadOptions) -> None:
        super().__init__()
        self.schema, self.chained = schema, heads.chained
        search = RepeatsByBeats if heads.repeats_by == "beats" else Repeats
        self.search = search(schema, heads.repeats, heads.repeats_lag)
        self.fields = heads.hinted(schema)
        classes = len(SCORES[heads.repeats_by]) + 1
        self.scores = nn.Embedding(classes, heads.embedding)
        agreed = len(self.fields) + 1
        self.bonus = nn.Parameter(torch.zeros(len(self.fields), classes, agreed))

    def forward(self, embedded: Tensor, match: RepeatMatch) -> Tensor:
        """Return (B, T, width): the backbone's input from a match.

        embedded: the match's steps, embedded. The result has them, and an embedding of the score.
        """
        matched = (match.score_class > 0)[..., None]
        return torch.cat((embedded.where(matched, 0), self.scores(match.score_class)), -1)

    def suffix(self, match: RepeatMatch) -> Tensor:
        """Return (B, T, 1 + F): a match as numbers, to append to hidden vectors.

        They are the score class, and the value of each field, -1 where there is no hint.
        """
        matched = match.score_class > 0
        values = [
            match.steps[f.name].where(matched & self.schema.active(f, match.steps), -1)
            for f in self.fields
        ]
        return torch.stack((match.score_class, *values), -1).float()

    def begin(self, hidden: Tensor) -> StepHints:
        """Return the hints at a step after hidden (N, D), which ends with a `suffix`."""
        return StepHints(self, hidden[:, -1 - len(self.fields) :].long())


class StepHints:
    """The hints at one step of N rows, while it is decided field by field.

    suffix: (N, 1 + F), as `RepeatHints.suffix`, in integers.
    """

    def __init__(self, hints: RepeatHints, suffix: Tensor) -> None:
        self._hints = hints
        self._score_class, self._values = suffix[:, 0], suffix[:, 1:]
        self._agreed = torch.zeros_like(self._score_class)
        self._index = {field.name: k for k, field in enumerate(hints.fields)}

    def of(self, field: Field) -> HeadHint | None:
        """Return the hint at a field; None for a field that gets none."""
        k = self._index.get(field.name)
        if k is None:
            return None
        return HeadHint(self._values[:, k], self._hints.bonus[k][self._score_class, self._agreed])

    def decide(self, field: Field, values: Tensor, active: Tensor) -> None:
        """Count the rows in which values (N,) of an active field are as hinted.

        Independent heads do not look at decided fields, so they do not count.
        """
        k = self._index.get(field.name)
        if k is not None and self._hints.chained:
            self._agreed = self._agreed + ((values == self._values[:, k]) & active)
