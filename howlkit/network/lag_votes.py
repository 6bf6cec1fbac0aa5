"""Earlier notes vote for what the next one is: what was played whole half beats before it.

A hint (repeat_hints.py) is one note, of the one passage that is most like the present. Music comes
back in less orderly ways too: a pattern of which the chords change, a bass that stays. So every
note that is remembered, and began a whole number of half beats before the next one, votes for its
own pitch, and once the pitch is decided, notes of that pitch vote for their durations and
velocities (vote_fields.py). A vote weighs as its lag d is good and long:

    v_x  the sum of exp(a[score class of d] + b[d]) over the notes with value x, d before the next
    logit of x += g ln(1 + v_x)

with a and b learnt, others for details than for pitches, and g what the head makes of its input
(`heads.Softmax.gain`), 0 at first. repeats_by_beats.py says what the score of a lag is.

This is attention to what lies whole half beats back, by scores that nothing has to learn; like the
cache of Grave et al. 2017 (Improving neural language models with a continuous cache) it gives
logits to what has been there. The likelihood stays exact: votes depend on the past, and on what was
decided of the step before.

Shapes: N steps, R = REACH steps remembered, L = LAGS lags, the shortest first, D details, M votes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from howlkit.head_options import HeadOptions
from howlkit.network.note_places import LAGS
from howlkit.network.repeat_scores import REACH, SCORES, class_of_scores
from howlkit.network.vote_fields import VoteFields
from howlkit.schema import Field, Schema

__all__ = ["LagVotes", "StepVotes"]

Columns = dict[str, Tensor]


class LagVotes(nn.Module):
    """The weights of votes. Raises OptionError for an encoder whose notes have no places."""

    by_score: nn.Parameter
    by_lag: nn.Parameter
    classes: Tensor

    def __init__(self, schema: Schema, heads: HeadOptions) -> None:
        super().__init__()
        self.fields = VoteFields(schema, heads)
        self.lag = min(heads.repeats_lag, LAGS)
        # At first a lag that fits weighs more than one that does not, and near and far ones alike.
        scores = torch.linspace(-2.0, 1.0, len(SCORES["beats"]) + 1)
        self.by_score = nn.Parameter(scores.repeat(2, 1))  # for ranks, for details
        self.by_lag = nn.Parameter(torch.zeros(2, LAGS))
        self.register_buffer("classes", torch.tensor(class_of_scores("beats")), persistent=False)
        for name, adds in self.fields.places.shifts.items():
            self.register_buffer(f"adds_{name}", torch.tensor(adds.tolist()), persistent=False)

    def begin(self, numbers: Tensor, first: int) -> StepVotes:
        """Return the votes for one step of N rows, which are counted field by field.

        numbers: (N, .), of which `VoteFields.width` from `first` on say what was heard.
        """
        return StepVotes(self, numbers, first)

    def shift(self, decided: Columns) -> Tensor:
        """Return (N,) how many positions after the one before the next note begins."""
        shifts = self.fields.places.shifts
        return torch.stack([self.get_buffer(f"adds_{n}")[decided[n]] for n in shifts]).sum(0)

    def weights(self, scores: Tensor, which: Tensor, *, details: bool) -> Tensor:
        """Return (M,) what votes weigh; scores: (N, L) of the lags, which: (M,) lags among them."""
        of_scores = self.by_score[int(details)].index_select(0, self.classes)
        by_score = of_scores.index_select(0, scores.flatten().long()).view(-1, LAGS)
        return torch.exp(by_score + self.by_lag[int(details)]).flatten().index_select(0, which)


class StepVotes:
    """The votes for one step of N rows, while it is decided field by field.

    Only those of notes whose lag counts are looked at further, each as a number in a flat list.
    """

    def __init__(self, votes: LagVotes, numbers: Tensor, first: int) -> None:
        self._votes, self._numbers, self._first = votes, numbers.contiguous(), first
        self._begun: _Votes | None = None
        self._alike: _Votes | None = None

    def of(self, field: Field, decided: Columns) -> Tensor | None:
        """Return (N, n): ln(1 + v) for each value of a field; None for one without votes.

        decided: (N,) by name, the fields of the step before it.
        """
        fields = self._votes.fields
        if field.name in fields.ranked:
            votes = self._begun = self._begun or self._find(decided)
            value = votes.rank - self._decided_rank(field, decided).index_select(0, votes.row)
            if (divisor := fields.ranked[field.name]) > 1:
                value = torch.floor(value / divisor)
            counts = (value >= 0) & (value < field.n)
        elif field.name in fields.details:
            votes = self._alike = self._alike or self._find_alike(decided)
            value = self._take(1 + fields.details.index(field.name), votes.row, votes.column)
            counts = value >= 0
        else:
            return None
        where = (votes.row * field.n + value.long()).where(counts, 0)
        counted = votes.weight.new_zeros(len(self._numbers) * field.n)
        counted = counted.index_add(0, where, votes.weight.where(counts, 0))
        return torch.log1p(counted).view(-1, field.n)

    def _find(self, decided: Columns) -> _Votes:
        """Return all votes. decided: all shifts at least."""
        votes = self._votes
        scores, ago, rank = self._parts()
        lag = (ago + votes.shift(decided)[:, None]) / votes.fields.places.unit
        counts = (lag >= votes.lag) & (lag <= LAGS) & (lag == lag.round()) & (rank >= 0)
        row, column = counts.nonzero(as_tuple=True)
        which = row * LAGS + lag.flatten().index_select(0, row * REACH + column).long() - 1
        weight = votes.weights(scores, which, details=False)
        return _Votes(row, column, which, self._take(0, row, column), weight)

    def _find_alike(self, decided: Columns) -> _Votes:
        """Return the votes of notes that are ranked as the one decided, for its details."""
        votes = self._begun or self._find(decided)
        alike = votes.rank == self._decided_rank(None, decided).index_select(0, votes.row)
        (which,) = alike.nonzero(as_tuple=True)
        row, column, lag, rank, _ = (part.index_select(0, which) for part in votes)
        weight = self._votes.weights(self._parts()[0], lag, details=True)
        return _Votes(row, column, lag, rank, weight)

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return (N, L) scores, and (N, R) of each step remembered how long ago, and its rank."""
        heard = self._numbers[:, self._first :]
        scores, ago = heard[:, :LAGS], heard[:, LAGS : LAGS + REACH]
        rank = heard[:, LAGS + REACH : LAGS + 2 * REACH]
        return scores, ago, rank

    def _take(self, series: int, row: Tensor, column: Tensor) -> Tensor:
        """Return (M,) of the step of each vote the rank, or else the detail of a number from 1."""
        begin = self._first + LAGS + (1 + series) * REACH
        cells = row * self._numbers.shape[1] + begin + column
        return self._numbers.flatten().index_select(0, cells)

    def _decided_rank(self, field: Field | None, decided: Columns) -> Tensor:
        """Return (N,) what the fields before one, or all, give to the rank of the note."""
        rank = torch.zeros(len(self._numbers), device=self._numbers.device)
        for name, factor in self._votes.fields.places.ranked.items():
            if field is not None and name == field.name:
                break
            rank = rank + decided[name] * factor
        return rank


class _Votes(NamedTuple):
    """M votes.

    row, column: of each the row, and which of the steps remembered it is of. lag: its lag in a flat
    (N, L). rank: of its note. weight: what it weighs.
    """

    row: Tensor
    column: Tensor
    lag: Tensor
    rank: Tensor
    weight: Tensor
