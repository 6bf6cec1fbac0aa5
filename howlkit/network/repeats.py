"""Music repeats itself: where a passage like the present one was before, and what came next there.

After every step, the search looks for the earlier passage most like the last few steps: each lag d
has a score, which grows by one where the step equals the one d before it, and shrinks by a factor
where it does not, so that a passage with one note changed is still found. What followed the best
passage is a hint at the next step: an input to the network, and, for values among n, a bonus on the
logit of the value (repeat_hints.py). The likelihood stays exact, since a hint depends on the past
alone.

This is the longest-match prediction of PPM (Cleary and Witten 1984), given to a recurrent network
as a cache or a pointer is (Grave et al. 2017; Merity et al. 2017), by passages instead of words.

Shapes: B rows, T steps, R = REACH lags, the longest first: index r is lag R - r.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from howlkit.network.repeat_scores import (
    DECAY,
    FACTOR,
    MOST,
    PREFIX,
    REACH,
    SCORES,
    SHIFT,
    compared_fields,
)
from howlkit.schema import Field, Schema

__all__ = ["RepeatMatch", "Repeats", "step_keys", "take"]

Columns = dict[str, Tensor]
State = dict[str, Tensor]


@dataclass(frozen=True)
class RepeatMatch:
    """The steps that followed the best passages, and how good those passages were.

    steps: (B, T) by column. score_class: (B, T), of `SCORES` from 1 on; where it is 0 there is no
    match, and the steps mean nothing. heard: (B, T, .) each, what votes are counted from, side by
    side (vote_fields.py); empty: there are no votes.
    """

    steps: Columns
    score_class: Tensor
    heard: tuple[Tensor, ...] = ()


class Repeats:
    """The search for earlier passages.

    names: the fields in which two steps must be equal to count as alike; "all": every decided one.
    lag: the smallest lag that is searched, in steps. Raises OptionError for an unknown field.
    """

    def __init__(self, schema: Schema, names: Sequence[str], lag: int) -> None:
        self.columns = schema.columns
        self.compared = compared_fields(schema, names)
        self.lag = min(lag, REACH)

    def __call__(
        self, steps: Columns, state: State | None, lengths: Tensor | None
    ) -> tuple[RepeatMatch, State]:
        """Read steps (B, T) after `state`; return the match after each step, and the new state.

        lengths: (B,) how many steps of each row count; None: all.
        """
        keys = step_keys(steps, self.compared)
        if state is None or PREFIX + "key" not in state:
            state = self._empty(keys, steps)
        past = {f.name: torch.cat((state[PREFIX + f.name], steps[f.name]), 1) for f in self.columns}
        keys = torch.cat((state[PREFIX + "key"], keys), 1)  # (B, R + T)
        scores = self._scores(keys, state[PREFIX + "score"])  # (B, T + 1, R)
        # Flipped, so that the nearest of equally good passages wins.
        score, index = scores[:, 1:, : REACH - self.lag + 1].flip(-1).max(-1)
        span = scores.shape[1] - 1
        now = torch.arange(span, device=keys.device)
        # The best lag is `lag + index`; what followed stands one step after where it leads.
        following = now + (REACH - self.lag - index) + 1
        matched = {name: take(column, following) for name, column in past.items()}
        classes = score.new_tensor(SCORES["steps"])
        score_class = torch.bucketize(score, classes, right=True)
        ends = keys.new_full((len(keys),), span) if lengths is None else lengths
        after = take(scores, ends[:, None])[:, 0]
        kept = ends[:, None] + torch.arange(REACH, device=keys.device)
        new = {PREFIX + name: take(column, kept) for name, column in past.items()}
        new |= {PREFIX + "key": take(keys, kept), PREFIX + "score": after}
        return RepeatMatch(matched, score_class), new

    def _empty(self, keys: Tensor, steps: Columns) -> State:
        """Return the state before the first step: nothing to find."""
        rows = len(keys)
        state = {
            PREFIX + f.name: steps[f.name].new_zeros(rows, REACH, *steps[f.name].shape[2:])
            for f in self.columns
        }
        state[PREFIX + "key"] = keys.new_full((rows, REACH), -1)  # equals no step
        state[PREFIX + "score"] = torch.zeros(rows, REACH, device=keys.device)
        return state

    @staticmethod
    def _scores(keys: Tensor, score: Tensor) -> Tensor:
        """Return (B, T + 1, R): the scores of all lags before the first step and after each one."""
        scores = [score]
        for t in range(keys.shape[1] - REACH):
            same = keys[:, t : t + REACH] == keys[:, t + REACH, None]
            grown = (score + 1).clamp(max=MOST)
            score = torch.where(same, grown, score * DECAY)
            scores.append(score)
        return torch.stack(scores, 1)


def step_keys(steps: Columns, compared: Sequence[Field]) -> Tensor:
    """Return (B, T): a hash of each step's mark and its values in the compared columns."""
    key = steps["mark"].long()
    for field in compared:
        values = steps[field.name].long()
        if field.kind == "bits":
            factors = torch.arange(1, field.n + 1, device=values.device) * FACTOR
            values = (values * factors).sum(-1)
        key = (key ^ values) * FACTOR
        key = key ^ (key >> SHIFT)
    return key & (2**62 - 1)


def take(column: Tensor, index: Tensor) -> Tensor:
    """Return the elements of column (B, N, ...) at index (B, M) or (M,) of its second axis."""
    rows = torch.arange(len(column), device=column.device)[:, None]
    return column[rows, index.expand(len(column), -1)]
