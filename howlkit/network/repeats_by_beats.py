"""Music repeats itself in time: what was played some beats ago, and what came next there.

As repeats.py, but a lag is a time in half beats, not a number of steps. The score of a lag grows by
one with a note that was played a lag ago too, and shrinks by a factor with one that was not. So a
passage goes on being followed where a note was added or left out, which moves all the steps after
it but no onset. What is hinted at is the first note that comes after the place of the present one,
a lag ago (note_places.py), at a shift that brings it a lag later.

Shapes: B rows, T steps, R = REACH steps kept, L = LAGS lags, the shortest first.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from howlkit.network.note_places import LAGS, NotePlaces
from howlkit.network.repeat_scores import (
    DECAY,
    MOST,
    NO_KEY,
    NOWHERE,
    PREFIX,
    REACH,
    SCORES,
    compared_fields,
)
from howlkit.network.repeats import RepeatMatch, step_keys, take
from howlkit.network.vote_fields import VoteFields
from howlkit.schema import STEP, Schema

__all__ = ["RepeatsByBeats"]

Columns = dict[str, Tensor]
State = dict[str, Tensor]

AT_ONCE = 32
"""Steps that are compared with those before them in one go; bounds memory."""

KEY, PLACE, ONSET, SCORE = (PREFIX + name for name in ("key", "place", "onset", "score"))


class RepeatsByBeats:
    """The search for what was played some beats ago.

    names: the fields in which two notes must be equal to count as alike, shifts left out; "all":
    every decided one. lag: the smallest that is searched, in half beats. votes: what votes are for;
    matches then say what they are counted from. Raises OptionError for an unknown field, and for an
    encoder whose notes have no places.
    """

    def __init__(
        self, schema: Schema, names: Sequence[str], lag: int, *, votes: VoteFields | None = None
    ) -> None:
        self.schema, self.columns, self.votes = schema, schema.columns, votes
        self.places = NotePlaces(schema, "heads.repeats_by=beats")
        shifts = self.places.shifts
        self.compared = [f for f in compared_fields(schema, names) if f.name not in shifts]
        self.lag = min(lag, LAGS)
        self._tables: dict[torch.device, Columns] = {}

    def __call__(
        self, steps: Columns, state: State | None, lengths: Tensor | None
    ) -> tuple[RepeatMatch, State]:
        """Read steps (B, T) after `state`; return the match after each step, and the new state.

        lengths: (B,) how many steps of each row count; None: all.
        """
        is_note = steps["mark"] == STEP
        rows, span = is_note.shape
        if state is None or KEY not in state:
            state = self._empty(is_note, steps)
        past = {f.name: torch.cat((state[PREFIX + f.name], steps[f.name]), 1) for f in self.columns}
        keys = step_keys(steps, self.compared).where(is_note, NO_KEY)
        keys = torch.cat((state[KEY], keys), 1)  # (B, R + T), as all that follow
        onsets = torch.cat((state[ONSET], state[ONSET][:, -1:] + self._shift(steps).cumsum(1)), 1)
        now = onsets[:, REACH:] * self.places.span + self._rank(steps)
        places = torch.cat((state[PLACE], now), 1).cummax(1).values
        scores = self._scores(keys, onsets, state[SCORE])  # (B, T + 1, L)
        score, index = scores[:, 1:, self.lag - 1 :].max(-1)
        best = (index + self.lag) * self.places.unit  # positions
        following = torch.searchsorted(
            places, places[:, REACH:] - best * self.places.span, right=True
        ).clamp(max=REACH + span - 1)
        matched = {name: take(column, following) for name, column in past.items()}
        shift = take(onsets, following) + best - onsets[:, REACH:]
        there = (take(keys, following) != NO_KEY) & (shift >= 0)
        matched |= self._as_shifts(shift, steps)
        classes = score.new_tensor(SCORES["beats"])
        score_class = torch.bucketize(score, classes, right=True)
        is_known = keys != NO_KEY
        heard = () if self.votes is None else self._heard(scores[:, 1:], onsets, past, is_known)
        ends = keys.new_full((rows,), span) if lengths is None else lengths
        kept = ends[:, None] + torch.arange(REACH, device=keys.device)
        new = {PREFIX + name: take(column, kept) for name, column in past.items()}
        new |= {name: take(x, kept) for name, x in ((KEY, keys), (PLACE, places), (ONSET, onsets))}
        new[SCORE] = take(scores, ends[:, None])[:, 0]
        return RepeatMatch(matched, score_class.where(there, 0), heard), new

    def _heard(
        self, scores: Tensor, onsets: Tensor, past: Columns, is_note: Tensor
    ) -> tuple[Tensor, ...]:
        """Return what votes are counted from after each step, (B, T, .) side by side.

        scores: (B, T, L). onsets, past, is_note: (B, R + T).
        """
        assert self.votes is not None
        begun = (onsets - onsets[:, REACH:][:, :1]).float()  # small, so that floats are exact
        series = [begun, self._rank(past).where(is_note, -1).float()]
        for name in self.votes.details:
            active = is_note & self.schema.active(self.schema[name], past)
            series.append(past[name].where(active, -1).float())
        # After step t the last R ones are those that stand t + 1 .. t + R.
        onset, *others = (each[:, 1:].unfold(1, REACH, 1) for each in series)
        far = (LAGS + 1) * self.places.unit  # out of reach of every lag
        ago = (begun[:, REACH:, None] - onset).clamp(max=far)
        return (scores, ago, *others)

    def _shift(self, steps: Columns) -> Tensor:
        """Return (B, T): how many positions after the note before the note of a step begins."""
        total = torch.zeros_like(steps["mark"], dtype=torch.int64)
        for name, adds in self._adds(total.device).items():
            total = total + adds[steps[name]]
        return total.where(steps["mark"] == STEP, 0)

    def _adds(self, device: torch.device) -> Columns:
        """Return what each value of the shifts adds, on a device; it is moved there once."""
        if device not in self._tables:
            shifts = self.places.shifts.items()
            self._tables[device] = {n: torch.as_tensor(adds, device=device) for n, adds in shifts}
        return self._tables[device]

    def _rank(self, steps: Columns) -> Tensor:
        """Return (B, T): the rank of each step's note."""
        total = torch.zeros_like(steps["mark"], dtype=torch.int64)
        for name, factor in self.places.ranked.items():
            total = total + steps[name].long() * factor
        return total

    def _as_shifts(self, shift: Tensor, steps: Columns) -> Columns:
        """Return the values that add up to shift (B, T) or, where none do, to a little less."""
        found = {}
        for name, adds in self._adds(shift.device).items():
            value = torch.searchsorted(adds, shift.clamp(min=0), right=True) - 1
            shift = shift - adds[value]
            found[name] = value.to(steps[name].dtype)
        return found

    def _empty(self, is_note: Tensor, steps: Columns) -> State:
        """Return the state before the first step: nothing to find."""
        rows, device = len(is_note), is_note.device
        state = {
            PREFIX + f.name: steps[f.name].new_zeros(rows, REACH, *steps[f.name].shape[2:])
            for f in self.columns
        }
        state[KEY] = torch.full((rows, REACH), NO_KEY, device=device)
        state[PLACE] = torch.full((rows, REACH), NOWHERE, device=device)
        state[ONSET] = torch.zeros((rows, REACH), dtype=torch.int64, device=device)
        state[SCORE] = torch.zeros(rows, LAGS, device=device)
        return state

    def _scores(self, keys: Tensor, onsets: Tensor, score: Tensor) -> Tensor:
        """Return (B, T + 1, L): the scores of all lags before the first step and after each one."""
        scores = [score]
        for begin in range(0, keys.shape[1] - REACH, AT_ONCE):
            stop = min(begin + AT_ONCE, keys.shape[1] - REACH)
            now = keys[:, REACH + begin : REACH + stop]
            played = self._played(keys, onsets, begin, stop)
            grown_less = torch.where(now[..., None] == NO_KEY, 1.0, DECAY).to(score.dtype)
            for t in range(stop - begin):
                grown = (score + 1).clamp(max=MOST)
                score = torch.where(played[:, t], grown, score * grown_less[:, t])
                scores.append(score)
        return torch.stack(scores, 1)

    def _played(self, keys: Tensor, onsets: Tensor, begin: int, stop: int) -> Tensor:
        """Return (B, S, L): at which lags the notes of steps begin .. stop - 1 were played too."""
        before = slice(begin, stop + REACH - 1)
        alike = keys[:, before].unfold(1, REACH, 1) == keys[:, begin + REACH : stop + REACH, None]
        ago = onsets[:, begin + REACH : stop + REACH, None] - onsets[:, before].unfold(1, REACH, 1)
        lag = ago.div(self.places.unit, rounding_mode="floor")
        counts = alike & (ago == lag * self.places.unit) & (lag >= 1) & (lag <= LAGS)
        counts &= keys[:, begin + REACH : stop + REACH, None] != NO_KEY
        played = torch.zeros(*lag.shape[:2], LAGS + 1, dtype=torch.bool, device=keys.device)
        return played.scatter_(2, lag.where(counts, 0), True)[..., 1:]
