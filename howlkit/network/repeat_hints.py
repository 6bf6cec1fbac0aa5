"""Hints from earlier passages: what a network makes of the matches that a search finds.

The search is `repeats.Repeats` or `repeats_by_beats.RepeatsByBeats`.

A match is an input to the backbone, and a bonus on the logit of the value that followed then. The
numbers of a match are appended to the hidden vector, so whoever holds the vector can take the hint.
With `heads.votes` that has, before them, what votes are counted from (lag_votes.py).

Shapes: B rows, T steps, N of both, F fields that get hints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from howlkit.network.heads import HeadHint
from howlkit.network.lag_votes import LagVotes, StepVotes
from howlkit.network.repeat_scores import SCORES
from howlkit.network.repeats import RepeatMatch, Repeats
from howlkit.network.repeats_by_beats import RepeatsByBeats
from howlkit.schema import Field, Schema

if TYPE_CHECKING:
    from howlkit.head_options import HeadOptions

__all__ = ["RepeatHints", "StepHints"]

Columns = dict[str, Tensor]


class RepeatHints(nn.Module):
    """The weights of hints: embeddings of score classes, and the bonus of each field.

    The bonus depends on how good the passage is, and on how many fields of the step, decided
    already, were as the hint says. `heads.Softmax` adds its own trust in the hint at that moment.
    """

    def __init__(self, schema: Schema, heads: HeadOptions) -> None:
        super().__init__()
        self.schema, self.chained = schema, heads.chained
        self.votes = LagVotes(schema, heads) if heads.votes else None
        self.search: Repeats | RepeatsByBeats
        searched = schema, heads.repeats, heads.repeats_lag
        if heads.repeats_by == "beats":
            votes = None if self.votes is None else self.votes.fields
            self.search = RepeatsByBeats(*searched, votes=votes)
        else:
            self.search = Repeats(*searched)
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

    def suffix(self, match: RepeatMatch) -> tuple[Tensor, ...]:
        """Return a match as numbers, (B, T, .) each, to append to hidden vectors.

        They are what votes are counted from, if there are any, the score class, and the value of
        each field, -1 where there is no hint.
        """
        matched = match.score_class > 0
        values = [
            match.steps[f.name].where(matched & self.schema.active(f, match.steps), -1)
            for f in self.fields
        ]
        return *match.heard, torch.stack((match.score_class, *values), -1).float()

    def begin(self, numbers: Tensor) -> StepHints:
        """Return the hints at a step of N rows; numbers: (N, .), which end with a `suffix`."""
        first = numbers.shape[1] - 1 - len(self.fields)
        votes = None
        if self.votes is not None:
            votes = self.votes.begin(numbers, first - self.votes.fields.width)
        return StepHints(self, numbers[:, first:].long(), votes)


class StepHints:
    """The hints at one step of N rows, while it is decided field by field.

    suffix: (N, 1 + F), the last of `RepeatHints.suffix`, in integers. votes: None: there are none.
    """

    def __init__(self, hints: RepeatHints, suffix: Tensor, votes: StepVotes | None) -> None:
        self._hints, self._votes = hints, votes
        self._score_class, self._values = suffix[:, 0], suffix[:, 1:]
        self._agreed = torch.zeros_like(self._score_class)
        self._index = {field.name: k for k, field in enumerate(hints.fields)}

    def of(self, field: Field, decided: Columns) -> HeadHint | None:
        """Return the hint at a field; None for a field that gets none.

        decided: (N,) by name, the fields decided before it.
        """
        k = self._index.get(field.name)
        if k is None:
            return None
        votes = None if self._votes is None else self._votes.of(field, decided)
        bonus = self._hints.bonus[k][self._score_class, self._agreed]
        return HeadHint(self._values[:, k], bonus, votes=votes)

    def decide(self, field: Field, values: Tensor, active: Tensor) -> None:
        """Count the rows in which values (N,) of an active field are as hinted.

        Independent heads do not look at decided fields, so they do not count.
        """
        k = self._index.get(field.name)
        if k is not None and self._hints.chained:
            self._agreed = self._agreed + ((values == self._values[:, k]) & active)
