"""The grammar of the encoder `remi`: the one order of events that it writes, step by step.

What the next step may be is kept for every row and changed by what is pushed: an event changes it
for the few families that may follow, so that nothing is found out anew at each step. B rows, R of
them that one event has come to, N the choices of all decisions side by side. Columns of state are
(B, 1), to be held against values (n,).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, compress

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.encoders.shared.bars import Metres
from howlkit.protocols import StepMask
from howlkit.schema import END, STEP, STEP_ARRAY, Field, Schema, Steps

__all__ = ["RemiGrammar", "Rules"]

MOST_BEATS = 65_000  # of a piece: at the finest resolution still below MAX_TICK

Column = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rows = slice | NDArray[np.intp]
"""All rows, or the indices of some: of one row, a slice takes numpy half the time."""

BAR, POSITION, PROGRAM, CUT = 1, 2, 4, 8
"""Flags of what there is room for: a bar, a later position in this one, a higher program; and that
the bar before was cut short, which leaves a metre only."""

NO_PITCH = -1  # before the first note of a position or program, which is in no order with another

STATE = (
    "last",  # the last event, its index; that behind the last one at the start
    "bars",  # how many bars there were since anything else
    "bar",  # the grid position at which the bar began
    "length",  # how long the bar is, if it is not cut short; 0 before the first
    "since",  # the grid position at which the tempo last changed
    *("metre", "position", "tempo", "program"),  # what stands
    "room",  # flags BAR and POSITION, as they are behind a note or a tempo
    "higher",  # flag PROGRAM, as it is behind a note
    "tied",  # the pitch of the note below, if one stands here in this program; else NO_PITCH
    *("velocity", "duration"),  # of that note
    "softest",  # the least velocity of a unison: of two longest ones the louder comes last
    *("next_pitch", "next_velocity"),  # of the note begun
    "unison",  # 1: its pitch is that of the note below
)
"""Where a row stands, but for the seconds."""


@dataclass(frozen=True)
class Rules:
    """What all grammars of an encoder share: the order of its events, as tables.

    events: the families there are, bar first. initial: what stands before the first. beats: how
    many microseconds a beat lasts at each tempo. longest_rest: how many empty bars in a row.
    """

    schema: Schema
    events: tuple[str, ...]
    initial: Mapping[str, int]
    metres: Metres
    beats: Column
    longest_rest: int

    @cached_property
    def last_position(self) -> int:
        """The grid position from which on a piece may not go on."""
        return MOST_BEATS * self.metres.grid

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Where the choices of each decision stand among those of all."""
        stops = list(accumulate(field.n for field in self.schema.decisions))
        names = [field.name for field in self.schema.decisions]
        return dict(zip(names, map(slice, [0, *stops], stops), strict=False))

    @property
    def kinds(self) -> slice:
        """Where the choices of `mark` and `event` stand, which come first."""
        return slice(0, self.columns["event"].stop)

    @cached_property
    def values(self) -> dict[str, Column]:
        """(n,): the values of each decision."""
        return {field.name: np.arange(field.n) for field in self.schema.decisions}

    @cached_property
    def follows(self) -> tuple[Mask, ...]:
        """For each event, (16, choices of mark and event): what may follow it, by flags.

        Behind those of the events comes what may be first. A piece may end behind a note only,
        since what follows the last note is not written; and it must where no bar may begin.
        """
        follows = _follows(self.events) | {"": {"bar"}}
        table = np.zeros((len(self.events) + 1, 16, self.kinds.stop), bool)
        for rows, last in zip(table, (*self.events, ""), strict=True):
            for flags, row in enumerate(rows):
                row[STEP] = last != "duration" or flags & BAR
                row[END] = last in ("duration", "")
                followers = {"metre"} if flags & CUT else follows[last] - _without(flags)
                row[self.columns["event"]] = [event in followers for event in self.events]
        return tuple(table)


def _follows(events: tuple[str, ...]) -> dict[str, set[str]]:
    """Return by name of an event which may follow it, if there is room for each."""
    at_position = {"position", "bar", "program", "pitch"}
    return {
        "bar": {"bar", "metre", "position"},
        "metre": {"bar", "position"},
        "position": {"bar", "tempo", "program", "pitch"},
        "tempo": at_position,
        "program": {"pitch"},
        "pitch": {"velocity"} if "velocity" in events else {"duration"},
        "velocity": {"duration"},
        "duration": at_position,
    }


def _without(flags: int) -> set[str]:
    """Return the events for which there is no room."""
    needs = {"bar": BAR, "position": POSITION, "program": PROGRAM}
    return {event for event, flag in needs.items() if not flags & flag}


class RemiGrammar:
    """B rows of events, each at its start."""

    def __init__(self, rules: Rules, *, rows: int) -> None:
        self._rules = rules
        choices = sum(field.n for field in rules.schema.decisions)
        state = np.zeros((len(STATE), rows, 1), np.int64)
        self._hold(state, np.zeros(rows), np.ones((rows, choices), bool))
        begin = {"last": len(rules.events), "higher": PROGRAM, "tied": NO_PITCH}
        for name, value in {**begin, **rules.initial}.items():
            self._at[name][:] = value
        self._kinds[:] = rules.follows[-1][BAR]
        self._may_be_new("tempo", slice(None))

    def _hold(self, state: Column, seconds: NDArray[np.float64], allowed: Mask) -> None:
        """Keep where rows stand, (S, B, 1) and (B,), what they allow, (B, N), and views of both."""
        rules = self._rules
        self._state, self._seconds, self._allowed = state, seconds, allowed
        self._at = dict(zip(STATE, state, strict=True))
        self._may = {name: allowed[:, where] for name, where in rules.columns.items()}
        self._kinds = allowed[:, None, rules.kinds]  # (B, 1, .), as flags (R, 1) look them up

    @property
    def now(self) -> NDArray[np.float64]:
        """Where each row stands, in beats."""
        return np.asarray((self._at["bar"] + self._at["position"])[:, 0] / self._rules.metres.grid)

    def seconds(self, clock: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (B,): when positions in beats (B,) sound.

        Positions before the last change of tempo are taken in the tempo since then.
        """
        since = self._at["since"][:, 0] / self._rules.metres.grid
        beat = self._rules.beats[self._at["tempo"][:, 0]] / 1e6
        return np.asarray(self._seconds + (clock - since) * beat)

    def derived(self, field: Field) -> Column:
        """Return (B,): what stands, as the field's name says."""
        return np.asarray(self._at[field.name.removeprefix("at_")][:, 0].copy())

    def select(self, rows: NDArray[np.intp]) -> RemiGrammar:
        """Return a copy that holds `rows`."""
        twin = copy.copy(self)
        twin._hold(self._state.take(rows, axis=1), self._seconds[rows], self._allowed[rows])
        return twin

    def allowed(self, field: Field, given: Steps) -> Mask:
        """Return (B, field.choices): what goes on in the one spelling, whatever is given.

        It says nothing of the values of an event that is not allowed.
        """
        return self._may[field.name].copy()

    def step_mask(self) -> StepMask:
        """Return what a whole step may be: one event has one value, which depends on no other."""
        least = np.zeros((len(self._allowed), len(self._may)), np.int64)
        return StepMask(self._allowed.copy(), least)

    def push(self, step: Steps, rows: Mask) -> Column:
        """Move on to `step` where `rows` says so; a note has begun when its last event has come."""
        going = rows & (step["mark"] == STEP_ARRAY)
        begun = np.zeros(len(going), np.int64)
        for event, here in _by_event(step["event"], going):
            name = self._rules.events[event]
            values = step["event" if name == "bar" else name]  # a bar has none
            room = TAKEN_IN[name](self, here, values[here, None].astype(np.int64))
            self._kinds[here] = self._rules.follows[event].take(room, axis=0)
            self._at["last"][here] = event
            if name == "duration":
                begun[here] = 1
        return begun

    # What an event changes, in the rows it has come to, here, with values (R, 1). Each of these
    # returns flags of what there is room for behind it.

    def _bar(self, here: Rows, _: Column) -> Column:
        at, may, rules = self._at, self._may, self._rules
        cut = at["last"][here] == rules.events.index("position")
        bar = at["bar"][here] + np.where(cut, at["position"][here], at["length"][here])
        bars = at["bars"][here] + 1
        length = rules.metres.lengths[at["metre"][here]]
        at["bar"][here], at["bars"][here], at["position"][here] = bar, bars, 0
        at["length"][here] = length
        may["position"][here] = rules.values["position"] < length
        self._may_be_new("metre", here)
        may["metre"][here] |= cut  # a bar that is cut may be followed by one of its kind
        more = (bars <= rules.longest_rest) & (bar < rules.last_position)
        return np.asarray(POSITION + BAR * more + CUT * cut)

    def _metre(self, here: Rows, values: Column) -> Column:
        at, rules = self._at, self._rules
        length = rules.metres.lengths[values]
        at["metre"][here], at["length"][here], at["bars"][here] = values, length, 0
        self._may["position"][here] = rules.values["position"] < length
        return np.asarray(POSITION + BAR * (at["bar"][here] < rules.last_position))

    def _position(self, here: Rows, values: Column) -> Column:
        at, may, rules = self._at, self._may, self._rules
        at["position"][here], at["bars"][here], at["tied"][here] = values, 0, NO_PITCH
        length, position = at["length"][here], rules.values["position"]
        more = BAR * (at["bar"][here] + values < rules.last_position)
        at["room"][here] = more + POSITION * (values + 1 < length)
        may["position"][here] = (position > values) & (position < length)
        may["pitch"][here] = True
        self._may_be_new("program", here)
        return np.asarray(more * (values > 0) + PROGRAM)  # no bar is cut at its start

    def _tempo(self, here: Rows, values: Column) -> Column:
        at = self._at
        self._seconds[here] = self.seconds(self.now)[here]
        at["since"][here] = at["bar"][here] + at["position"][here]
        at["tempo"][here] = values
        self._may_be_new("tempo", here)
        return np.asarray(at["room"][here] | PROGRAM)

    def _program(self, here: Rows, values: Column) -> int:
        at = self._at
        at["program"][here], at["tied"][here] = values, NO_PITCH
        at["higher"][here] = PROGRAM * (values < self._rules.values["program"][-1])
        self._may["pitch"][here] = True
        return 0

    def _pitch(self, here: Rows, values: Column) -> int:
        at = self._at
        unison = values == at["tied"][here]
        at["next_pitch"][here], at["unison"][here] = values, unison
        if "velocity" in self._may:
            self._may_be_from("velocity", unison * at["softest"][here], here)
        else:
            self._may_be_from("duration", unison * at["duration"][here], here)
        return 0

    def _velocity(self, here: Rows, values: Column) -> int:
        at = self._at
        longer = at["duration"][here] + (values < at["velocity"][here])
        at["next_velocity"][here] = values
        self._may_be_from("duration", at["unison"][here] * longer, here)
        return 0

    def _duration(self, here: Rows, values: Column) -> Column:
        at = self._at
        pitch, velocity = at["next_pitch"][here], at["next_velocity"][here]
        at["tied"][here], at["velocity"][here], at["duration"][here] = pitch, velocity, values
        at["softest"][here] = velocity * (values == self._rules.values["duration"][-1])
        self._may_be_from("pitch", pitch, here)
        if "program" in self._may:
            self._may_be_from("program", at["program"][here] + 1, here)
        return np.asarray(at["room"][here] | at["higher"][here])

    def _may_be_from(self, name: str, least: Column, here: Rows) -> None:
        """Allow an event the values from the least one on, (R, 1)."""
        self._may[name][here] = self._rules.values[name] >= least

    def _may_be_new(self, name: str, here: Rows) -> None:
        """Allow an event, if there are such, any value but the one that stands."""
        if name in self._may:
            self._may[name][here] = self._rules.values[name] != self._at[name][here]


TAKEN_IN: dict[str, Callable[[RemiGrammar, Rows, Column], int | Column]] = {
    "bar": RemiGrammar._bar,
    "metre": RemiGrammar._metre,
    "position": RemiGrammar._position,
    "tempo": RemiGrammar._tempo,
    "program": RemiGrammar._program,
    "pitch": RemiGrammar._pitch,
    "velocity": RemiGrammar._velocity,
    "duration": RemiGrammar._duration,
}


def _by_event(events: NDArray[np.uint8], going: Mask) -> Iterator[tuple[int, Rows]]:
    """Yield each event (B,) that there is in rows that are going (B,), and those rows."""
    which = going.tolist()
    found = set(compress(events.tolist(), which))
    if len(found) == 1 and all(which):  # as with one row
        yield found.pop(), slice(None)
        return
    for event in found:
        yield event, (going & (events == event)).nonzero()[0]
