"""Music repeats itself: where a passage like the present one was before, and what came next there.

After every step, the steps before are searched for the passage most like the last few: each lag d
has a score, which grows by one where the step equals the one d before it, and shrinks by a factor
where it does not, so that a passage with one note changed is still found. What followed the best
one is a hint at the next step: an input to the network, and, for values among n, a bonus on the
logit of the value (network.py). The likelihood stays exact, since a hint depends on the past alone.

It is the longest-match prediction of PPM (Cleary and Witten 1984) put to a recurrent network the
way a cache or a pointer is (Grave et al. 2017; Merity et al. 2017), by passages instead of words.

Shapes: B rows, T steps, R = REACH lags, the longest first: place r is lag R - r.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from howlkit.errors import OptionError, did_you_mean
from howlkit.schema import Field, Schema

__all__ = ["PREFIX", "REACH", "SCORES", "Found", "Repeats"]

REACH = 512  # steps
FORGET = 0.7  # what a step that differs leaves of a score
LEAST, MOST = 4.0, 64.0  # scores below the one are no hint, and none is above the other
SCORES = (4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)
"""Where the classes of scores begin; class 0 is no hint."""

PREFIX = "repeats_"
"""Of the names of its part of a state."""

Batch = dict[str, Tensor]
State = dict[str, Tensor]


@dataclass(frozen=True)
class Found:
    """What followed the best passage: steps, (B, T) by column, and the class of its score (B, T).

    Where the class is 0 there is none, and the steps mean nothing.
    """

    steps: Batch
    score: Tensor


class Repeats:
    """The search, by some columns of the steps; `lag` is the least there is."""

    def __init__(self, schema: Schema, names: Sequence[str], lag: int) -> None:
        self.columns = schema.columns
        self.by = _columns(schema, names)
        self.lag = min(lag, REACH)

    def __call__(
        self, steps: Batch, state: State | None, lengths: Tensor | None
    ) -> tuple[Found, State]:
        """Read steps (B, T); lengths (B,) of them count in each row, None: all."""
        keys = self._keys(steps)
        state = self._empty(keys, steps) if state is None else state
        past = {f.name: torch.cat((state[PREFIX + f.name], steps[f.name]), 1) for f in self.columns}
        keys = torch.cat((state[PREFIX + "key"], keys), 1)  # (B, R + T)
        scores = self._scores(keys, state[PREFIX + "score"])  # (B, T + 1, R)
        score, at = scores[:, 1:, : REACH - self.lag + 1].flip(-1).max(-1)  # the nearest of equals
        span = scores.shape[1] - 1
        now = torch.arange(span, device=keys.device)
        # The best lag is REACH - r; what followed stands one step after where it leads.
        place = now + (REACH - self.lag - at) + 1
        found = {name: _at(column, place) for name, column in past.items()}
        classes = torch.bucketize(score, score.new_tensor(SCORES), right=True)
        ends = keys.new_full((len(keys),), span) if lengths is None else lengths
        after = _at(scores, ends[:, None])[:, 0]
        kept = ends[:, None] + torch.arange(REACH, device=keys.device)
        new = {PREFIX + name: _at(column, kept) for name, column in past.items()}
        new |= {PREFIX + "key": _at(keys, kept), PREFIX + "score": after}
        return Found(found, classes), new

    def _keys(self, steps: Batch) -> Tensor:
        """Return (B, T): a number for what the steps are in the columns that count."""
        key = steps["mark"].long()
        for field in self.by:
            values = steps[field.name].long()
            if field.kind == "bits":
                factors = torch.arange(1, field.n + 1, device=values.device) * _FACTOR
                values = (values * factors).sum(-1)
            key = (key ^ values) * _FACTOR
            key = key ^ (key >> 29)
        return key & (2**62 - 1)

    def _empty(self, keys: Tensor, steps: Batch) -> State:
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
        """Return (B, T + 1, R): the scores of all lags before the first step and after each."""
        scores = [score]
        for t in range(keys.shape[1] - REACH):
            same = keys[:, t : t + REACH] == keys[:, t + REACH, None]
            grown = (score + 1).clamp(max=MOST)
            score = torch.where(same, grown, score * FORGET)
            scores.append(score)
        return torch.stack(scores, 1)


_FACTOR = 0x2545F4914F6CDD1D  # of a multiplicative hash (Steele and Vigna 2022)


def _columns(schema: Schema, names: Sequence[str]) -> list[Field]:
    """Return the columns that say whether two steps are alike; "all": every field decided."""
    known = {field.name: field for field in schema.fields}
    for name in names:
        if name not in (*known, "all"):
            raise OptionError(
                f"heads.repeats names {name!r}.{did_you_mean(name, known)} The fields of this "
                f"encoder are {', '.join(known)}; all: every field that is decided"
            )
    if "all" in names:
        return list(schema.decisions[1:])
    return [known[name] for name in names]


def _at(column: Tensor, place: Tensor) -> Tensor:
    """Return column (B, N, ...) at place (B, M) or (M,), along its second axis."""
    rows = torch.arange(len(column), device=column.device)[:, None]
    return column[rows, place.expand(len(column), -1)]
