"""The grammar of encoder `remi`: the one order of events that it writes, step by step.

The masks of every row are kept from step to step. An event changes them only for the few families
that may follow, so that little is computed at each step.

B rows, R of them with the same event, N choices of all decisions side by side. Columns of state are
(B, 1), to be compared with values (n,).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, compress

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.encoders.remi.notes import BAR_BEGINS, BASES
from howlkit.builtin.encoders.shared.bars import Metres
from howlkit.note_choices import QUANTITIES, NoteChoices, NoteTables, choices_from_tables
from howlkit.protocols import StepMask
from howlkit.schema import END, STEP, STEP_ARRAY, Field, Schema, Steps

__all__ = ["RemiGrammar", "Rules"]

MOST_BEATS = 65_000  # in a piece: below MAX_TICK at the finest resolution

Column = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rows = slice | NDArray[np.intp]
"""All rows as a slice, or the indices of some: with one row a slice takes half the time."""

BAR, POSITION, PROGRAM, CUT = 1, 2, 4, 8
"""Flags of what may follow: a bar, a later position in the bar, a higher program; and CUT: the bar
before was cut short, so only a metre may follow."""

NO_PITCH = -1  # before the first note of a position or program: any pitch may come

STATE = (
    "last",  # the index of the last event; at the start the number of events
    "bars",  # number of bars since any other event
    "length",  # the length of the bar, if it is not cut short; 0 before the first
    "since",  # the grid position at which the tempo last changed
    *("metre", "position", "tempo"),  # what is in force
    "room",  # flags BAR and POSITION, as they are after a note or a tempo
    "higher",  # flag PROGRAM, as it is after a note
    "tied",  # the pitch of the last note at this position and program; else NO_PITCH
    *("velocity", "duration"),  # of that note
    "softest",  # the least velocity of a unison: of two of the longest duration the louder is last
    "next_velocity",  # of the note begun
    "unison",  # 1: its pitch is that of the last note
)
"""The state of a row, but for the seconds and what stands in `note_bases`."""

IN_BASES = {
    "onset": QUANTITIES.index("onset"),  # the grid position of the row: of bar and position
    "next_pitch": QUANTITIES.index("pitch"),  # of the note begun
    "program": QUANTITIES.index("program"),  # in force
    "bar": BAR_BEGINS,  # the grid position at which the bar began
}
"""The rest of the state, by its column of `note_bases`."""


@dataclass(frozen=True)
class Rules:
    """What all grammars of an encoder share: the order of its events, as tables.

    events: the families, bar first. initial: what is in force before the first event. beats: the
    microseconds of a beat at each tempo. longest_rest: the most empty bars in a row. notes: what
    the values mean in notes.
    """

    schema: Schema
    events: tuple[str, ...]
    initial: Mapping[str, int]
    metres: Metres
    beats: Column
    longest_rest: int
    notes: NoteTables

    @cached_property
    def last_position(self) -> int:
        """The first grid position at which a piece may not go on."""
        return MOST_BEATS * self.metres.grid

    @cached_property
    def columns(self) -> dict[str, slice]:
        """The columns of each decision among the choices of all decisions."""
        stops = list(accumulate(field.n for field in self.schema.decisions))
        names = [field.name for field in self.schema.decisions]
        return dict(zip(names, map(slice, [0, *stops], stops), strict=False))

    @property
    def kinds(self) -> slice:
        """The columns of `mark` and `event`, which come first."""
        return slice(0, self.columns["event"].stop)

    @cached_property
    def values(self) -> dict[str, Column]:
        """(n,): the values of each decision."""
        return {field.name: np.arange(field.n) for field in self.schema.decisions}

    @cached_property
    def follows(self) -> tuple[Mask, ...]:
        """For each event (16, choices of mark and event): what may follow it, by flags.

        The last table is for the first event of a piece. A piece may end only after a note, since
        no event is written after the last note; and it must end where no bar may begin.
        """
        follows = _follows(self.events) | {"": {"bar"}}
        table = np.zeros((len(self.events) + 1, 16, self.kinds.stop), bool)
        for rows, last in zip(table, (*self.events, ""), strict=True):
            for flags, row in enumerate(rows):
                row[STEP] = last != "duration" or flags & BAR
                row[END] = last in ("duration", "")
                followers = {"metre"} if flags & CUT else follows[last] - _without_room(flags)
                row[self.columns["event"]] = [event in followers for event in self.events]
        return tuple(table)


def _follows(events: tuple[str, ...]) -> dict[str, set[str]]:
    """Return the events that may follow each event, if there is room for them."""
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


def _without_room(flags: int) -> set[str]:
    """Return the events for which the flags leave no room."""
    needs = {"bar": BAR, "position": POSITION, "program": PROGRAM}
    return {event for event, flag in needs.items() if not flags & flag}


class RemiGrammar:
    """B rows of events, in the one order that the encoder writes."""

    alone = False

    def __init__(self, rules: Rules, *, rows: int) -> None:
        self._rules = rules
        self.note_tables, self.divisions = rules.notes, rules.metres.grid
        choices = sum(field.n for field in rules.schema.decisions)
        state = np.zeros((len(STATE), rows, 1), np.int64)
        bases = np.zeros((rows, BASES), np.int64)
        self._set_state(state, bases, np.zeros(rows), np.ones((rows, choices), bool))
        begin = {"last": len(rules.events), "higher": PROGRAM, "tied": NO_PITCH}
        for name, value in {**begin, **rules.initial}.items():
            self._at[name][:] = value
        self._allowed_kinds[:] = rules.follows[-1][BAR]
        self._may_be_new("tempo", slice(None))

    def _set_state(
        self, state: Column, bases: Column, seconds: NDArray[np.float64], allowed: Mask
    ) -> None:
        """Set the state (S, B, 1), bases, seconds (B,) and masks (B, N) of rows, and their views.

        bases: (B, BASES), as `note_bases`.
        """
        rules = self._rules
        self._state, self._seconds, self._allowed = state, seconds, allowed
        self.note_bases = bases
        self._at = dict(zip(STATE, state, strict=True))
        self._at |= {name: bases[:, at : at + 1] for name, at in IN_BASES.items()}
        self._allowed_by_name = {name: allowed[:, where] for name, where in rules.columns.items()}
        # (B, 1, choices), the shape that `follows` has at flags (R, 1).
        self._allowed_kinds = allowed[:, None, rules.kinds]

    @property
    def now(self) -> NDArray[np.float64]:
        """The position of each row, in beats."""
        return np.asarray(self._at["onset"][:, 0] / self._rules.metres.grid)

    def note_choices(self, field: Field, given: Steps) -> NoteChoices | None:
        """Return what the choices of a field mean in notes, as `NoteGrammar.note_choices`."""
        rules = self._rules
        return choices_from_tables(rules.schema, rules.notes, self.note_bases, field, given)

    def seconds(self, clock: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (B,): the seconds of positions in beats (B,).

        The last tempo is taken for positions before it, too.
        """
        since = self._at["since"][:, 0] / self._rules.metres.grid
        beat = self._rules.beats[self._at["tempo"][:, 0]] / 1e6
        return np.asarray(self._seconds + (clock - since) * beat)

    def derived(self, field: Field) -> Column:
        """Return (B,): what is in force: metre, position, tempo or program."""
        return np.asarray(self._at[field.name.removeprefix("at_")][:, 0].copy())

    def select(self, rows: NDArray[np.intp]) -> RemiGrammar:
        """Return a copy that holds `rows`."""
        twin = copy.copy(self)
        twin._set_state(
            self._state.take(rows, axis=1),
            self.note_bases.take(rows, axis=0),
            self._seconds[rows],
            self._allowed[rows],
        )
        return twin

    def allowed(self, field: Field, given: Steps) -> Mask:
        """Return (B, field.choices): the values that may come next, whatever is given.

        The mask of an event that is itself not allowed means nothing.
        """
        return self._allowed_by_name[field.name].copy()

    def step_mask(self) -> StepMask:
        """Return the mask of a whole step: the value of an event depends on no other value."""
        least = np.zeros((len(self._allowed), len(self._allowed_by_name)), np.int64)
        return StepMask(self._allowed.copy(), least)

    def push(self, step: Steps, rows: Mask) -> Column:
        """Move on to `step` (B,) where `rows` says so; return (B,) 1 where a note is complete."""
        going = rows & (step["mark"] == STEP_ARRAY)
        begun = np.zeros(len(going), np.int64)
        for event, here in _by_event(step["event"], going):
            name = self._rules.events[event]
            values = step["event" if name == "bar" else name]  # a bar has no value
            room = UPDATES[name](self, here, values[here, None].astype(np.int64))
            self._allowed_kinds[here] = self._rules.follows[event].take(room, axis=0)
            self._at["last"][here] = event
            if name == "duration":
                begun[here] = 1
        return begun

    # Each of these updates the state and masks of the rows `here` after an event with values
    # (R, 1), and returns flags of what may follow it.

    def _bar(self, here: Rows, _: Column) -> Column:
        at, may, rules = self._at, self._allowed_by_name, self._rules
        cut = at["last"][here] == rules.events.index("position")
        bar = at["bar"][here] + np.where(cut, at["position"][here], at["length"][here])
        bars = at["bars"][here] + 1
        length = rules.metres.lengths[at["metre"][here]]
        at["bar"][here], at["bars"][here], at["position"][here] = bar, bars, 0
        at["onset"][here] = bar
        at["length"][here] = length
        may["position"][here] = rules.values["position"] < length
        self._may_be_new("metre", here)
        may["metre"][here] |= cut  # after a bar that is cut, the same metre may begin again
        more = (bars <= rules.longest_rest) & (bar < rules.last_position)
        return np.asarray(POSITION + BAR * more + CUT * cut)

    def _metre(self, here: Rows, values: Column) -> Column:
        at, rules = self._at, self._rules
        length = rules.metres.lengths[values]
        at["metre"][here], at["length"][here], at["bars"][here] = values, length, 0
        self._allowed_by_name["position"][here] = rules.values["position"] < length
        return np.asarray(POSITION + BAR * (at["bar"][here] < rules.last_position))

    def _position(self, here: Rows, values: Column) -> Column:
        at, may, rules = self._at, self._allowed_by_name, self._rules
        at["position"][here], at["bars"][here], at["tied"][here] = values, 0, NO_PITCH
        length, position = at["length"][here], rules.values["position"]
        onset = at["bar"][here] + values
        at["onset"][here] = onset
        more = BAR * (onset < rules.last_position)
        at["room"][here] = more + POSITION * (values + 1 < length)
        may["position"][here] = (position > values) & (position < length)
        may["pitch"][here] = True
        self._may_be_new("program", here)
        return np.asarray(more * (values > 0) + PROGRAM)  # no bar is cut at its start

    def _tempo(self, here: Rows, values: Column) -> Column:
        at = self._at
        self._seconds[here] = self.seconds(self.now)[here]
        at["since"][here] = at["onset"][here]
        at["tempo"][here] = values
        self._may_be_new("tempo", here)
        return np.asarray(at["room"][here] | PROGRAM)

    def _program(self, here: Rows, values: Column) -> int:
        at = self._at
        at["program"][here], at["tied"][here] = values, NO_PITCH
        at["higher"][here] = PROGRAM * (values < self._rules.values["program"][-1])
        self._allowed_by_name["pitch"][here] = True
        return 0

    def _pitch(self, here: Rows, values: Column) -> int:
        at = self._at
        unison = values == at["tied"][here]
        at["next_pitch"][here], at["unison"][here] = values, unison
        if "velocity" in self._allowed_by_name:
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
        if "program" in self._allowed_by_name:
            self._may_be_from("program", at["program"][here] + 1, here)
        return np.asarray(at["room"][here] | at["higher"][here])

    def _may_be_from(self, name: str, least: Column, here: Rows) -> None:
        """Allow an event the values from `least` (R, 1) on."""
        self._allowed_by_name[name][here] = self._rules.values[name] >= least

    def _may_be_new(self, name: str, here: Rows) -> None:
        """Allow an event, if the schema has it, any value but the one in force."""
        if name in self._allowed_by_name:
            self._allowed_by_name[name][here] = self._rules.values[name] != self._at[name][here]


UPDATES: dict[str, Callable[[RemiGrammar, Rows, Column], int | Column]] = {
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
    """Yield each event that occurs in the rows that are going (B,), and those rows."""
    which = going.tolist()
    found = set(compress(events.tolist(), which))
    if len(found) == 1 and all(which):  # as is usual with one row
        yield found.pop(), slice(None)
        return
    for event in found:
        yield event, (going & (events == event)).nonzero()[0]
