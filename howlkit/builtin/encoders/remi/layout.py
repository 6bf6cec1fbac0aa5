"""The layout of encoder `remi`: its events for notes, bars and tempi, in the order of writing.

A **token** is an event and its value as one number: 0 is a bar, then the values of each other
family follow. The events are laid out as tokens first; each token is then looked up as a row of
steps.

A **place** is a grid position at which events are written: an onset, a new tempo, a new metre. The
events of a place are, as far as they are needed: bars (where the metre cuts a bar: a position and a
bar), a metre, a position, a tempo; these are its **lead-in**, and then come the notes. Everything
is counted before it is written, so that numpy can write a family at a time. The **opening** is the
lead-in of position 0, where most files set their only metre and tempo.

Letters: P places, N notes, T rows of steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import differences, run_begins, run_bounds
from howlkit.builtin.encoders.shared.bars import Bars, Changes
from howlkit.schema import END, START, Schema, Steps

__all__ = ["Tokens", "lay_out"]

Column = NDArray[np.int64]
Mask = NDArray[np.bool_]

FEW = 20  # up to this many changes, writing them one by one is quicker


class Tokens(NamedTuple):
    """The tokens of some families of events, bar first.

    first: the token of value 0 of each family. start, end: the tokens of the start row and the end
    row. initial: the metre, position, tempo and program before the first event. rows: every token
    as a row of steps after which `initial` is in force.
    """

    first: Mapping[str, int]
    start: int
    end: int
    initial: Mapping[str, int]
    rows: Steps

    @classmethod
    def of(cls, schema: Schema, events: tuple[str, ...], initial: Mapping[str, int]) -> Tokens:
        """Return the tokens for the steps of a schema."""
        sizes = [1, *(schema[event].n for event in events[1:])]
        start = sum(sizes)
        first = dict(zip(events, accumulate(sizes, initial=0), strict=False))
        rows = schema.steps(start + 2)
        for index, (event, size) in enumerate(zip(events, sizes, strict=True)):
            family = rows[first[event] : first[event] + size]
            family["event"] = index
            if event != "bar":
                family[event] = np.arange(size)
        rows["mark"][start:] = START, END
        for event, value in initial.items():
            rows[f"at_{event}"] = value
        return cls(first, start, start + 1, initial, rows)

    def opening(self, metre: int, tempo: int, *, notes: bool) -> dict[str, int]:
        """Return the token of each event of the opening; notes: whether a note begins at 0.

        The opening is empty if metre and tempo are the initial ones and no note begins at 0.
        """
        usual = self.initial
        new_metre, new_tempo = metre != usual["metre"], tempo != usual.get("tempo", tempo)
        opening = {"bar": 0} if notes or new_metre or new_tempo else {}
        if new_metre:
            opening["metre"] = self.first["metre"] + metre
        if notes or new_tempo:
            opening["position"] = self.first["position"]
        if new_tempo:
            opening["tempo"] = self.first["tempo"] + tempo
        return opening


class Places(NamedTuple):
    """The places (P,) of some music, by rising grid position.

    notes: (P + 1,) the index of the first note that begins at each place or later, and N. bar,
    position: (P,) the number of the bar, and the position in it. metres, tempi: the indices of the
    places at which the metre and the tempo change. metre, tempo: the new values. cuts: the position
    at which each new metre cuts the bar before it; 0: nowhere. metre_only: whether the metre is all
    that is written there: no note begins and no tempo changes.
    """

    notes: NDArray[np.intp]
    bar: Column
    position: Column
    metres: NDArray[np.intp]
    metre: Column
    cuts: Column
    metre_only: Mask
    tempi: NDArray[np.intp]
    tempo: Column

    @classmethod
    def of(cls, onsets: Column, bars: Bars, stretches: Changes, tempi: Changes) -> Places:
        """Return the places of one or more onsets, and of the changes up to the last onset."""
        notes = run_bounds(onsets)
        at = onsets.take(notes[:-1])
        if len(stretches.at) == len(tempi.at) == 0:  # the usual case
            none = stretches.values
            return cls(notes, *bars.locate(at), none, none, none, none > 0, none, none)
        news = np.concatenate((stretches.at, tempi.at))
        news = news.compress(at.take(at.searchsorted(news)) != news)  # where no note begins
        if len(news):
            news.sort()
            news = news.compress(run_begins(news))
            notes = np.concatenate((notes.take(at.searchsorted(news)), notes))
            at = np.concatenate((news, at))
            for column in (notes, at):  # both rise with the place
                column.sort(kind="stable")  # quick: they nearly are
        of_metres, of_tempi = at.searchsorted(stretches.at), at.searchsorted(tempi.at)
        metre_only = notes[1:] == notes[:-1]
        metre_only[of_tempi] = False
        return cls(
            notes,
            *bars.locate(at),
            of_metres,
            bars.metre.take(stretches.values),
            bars.cut.take(stretches.values),
            metre_only.take(of_metres),
            of_tempi,
            tempi.values,
        )

    def lead_ins(self, longest_rest: int, *, before: int) -> Column:
        """Return (P,): the number of events of each lead-in; before: the bar before the first."""
        lead_ins = differences(self.bar, before)
        if len(self.metres):
            lead_ins[self.metres] -= self.cuts > 0  # the bar after the cut
        np.minimum(lead_ins, longest_rest + 1, out=lead_ins)
        lead_ins += 1  # a position
        if len(self.metres):
            lead_ins[self.metres] += np.where(self.cuts > 0, 3, 1) - self.metre_only
        if len(self.tempi):
            lead_ins[self.tempi] += 1
        return lead_ins


class Rows(NamedTuple):
    """The rows of steps in which events stand; row 0 is the start.

    notes: (N,) the row of the first event of each note. programs: (N,) whether a note begins with a
    program; None: no note does. places: (P,) the row of the last event of each lead-in. lengths:
    (P,) the number of rows of each place; the last place has the end row too. total: T.
    """

    notes: Column
    programs: Mask | None
    places: Column
    lengths: Column
    total: int

    @classmethod
    def of(cls, notes: Mapping[str, Column], places: Places, lead_ins: Column, begin: int) -> Rows:
        """Return the rows from `begin` on, given the number of events of each lead-in."""
        events = len(notes) - ("program" in notes)
        # The rows of the first events of notes and of the end, without lead-ins.
        rows = np.arange(begin, begin + events * int(places.notes[-1]) + 1, events)
        programs = None
        if "program" in notes:
            programs = differences(notes["program"], 0) != 0
            rows[1:] += programs.cumsum()
        lead_in_ends = lead_ins.cumsum()
        of_notes = rows[:-1] + lead_in_ends.repeat(places.notes[1:] - places.notes[:-1])
        rows = rows.take(places.notes)
        total = int(rows[-1] + lead_in_ends[-1]) + 1
        lengths = lead_ins + (rows[1:] - rows[:-1])
        lengths[-1] += 1
        lead_in_ends += rows[:-1]
        lead_in_ends -= 1
        return cls(of_notes, programs, lead_in_ends, lengths, total)


def lay_out(
    tokens: Tokens,
    onsets: Column,
    notes: Mapping[str, Column],
    bars: Bars,
    tempi: Changes,
    *,
    known: bool,
    longest_rest: int,
) -> Steps:
    """Return (T,) the steps of one or more notes, between a start row and an end row.

    onsets: (N,) grid positions, rising or equal. notes: (N,) the fields of notes that are written.
    known: the first note and its lead-in come before the excerpt: the last step of that note is the
    first row.
    """
    first, last = int(onsets[0]), int(onsets[-1])
    since = first if known else 0
    stretches, tempi = bars.changes.between(since, last), tempi.between(since, last)
    metre = int(bars.metre[stretches.initial])
    opening = tokens.opening(metre, tempi.initial, notes=first == 0)
    places = Places.of(onsets, bars, stretches, tempi)
    lead_ins = places.lead_ins(longest_rest, before=0 if opening else -1)
    if first == 0:
        lead_ins[0] = 0  # the opening is its lead-in
    rows = Rows.of(notes, places, lead_ins, 1 + len(opening))
    line = _TokenLine(tokens, opening, places, rows)
    line.write_places(begin=int(first == 0))
    stop = line.write_notes(notes)
    steps = line.steps()
    return steps[stop - 1 :] if known else steps


class _TokenLine:
    """A line of tokens (T,): start, opening, end; bars wherever nothing else is written."""

    def __init__(
        self, tokens: Tokens, opening: Mapping[str, int], places: Places, rows: Rows
    ) -> None:
        self._first, self._table, self._opening = tokens.first, tokens.rows, opening
        self._places, self._rows, self._begin = places, rows, 1 + len(opening)
        self._line = np.zeros(rows.total, np.int64)  # token 0 is a bar
        self._line[: self._begin] = tokens.start, *opening.values()
        self._line[-1] = tokens.end
        # The positions in force after each row behind the opening, and the other changes.
        positions = places.position.astype(tokens.rows["at_position"].dtype)
        self._positions = positions.repeat(rows.lengths)
        self._changes: list[tuple[str, Column, Column]] = []

    def write_places(self, *, begin: int) -> None:
        """Write metres, tempi, and positions from place `begin` on."""
        places, at, position = self._places, self._rows.places, self._first["position"]
        if len(places.tempi):
            self._change("tempo", at.take(places.tempi), places.tempo)
            at[places.tempi] -= 1
        # Every place gets a position; where none is needed, a metre is written over it.
        self._line[at[begin:]] = places.position[begin:] + position
        if len(places.metres):
            at = at.take(places.metres) - 1 + places.metre_only
            self._change("metre", at, places.metre)
            cut = places.cuts > 0
            at, cuts = at.compress(cut) - 2, places.cuts.compress(cut)
            self._line[at] = cuts + position
            self._positions[at - self._begin] = cuts

    def write_notes(self, notes: Mapping[str, Column]) -> int:
        """Write programs, pitches, velocities, durations; return the row after the first note."""
        at, new = self._rows.notes, self._rows.programs
        if new is not None:
            self._change("program", at.compress(new), notes["program"].compress(new))
            at += new
        for name in ("pitch", "velocity", "duration"):
            if name in notes:
                self._line[at] = notes[name] + self._first[name]
                at += 1
        return int(at[0])

    def _change(self, event: str, at: Column, values: Column) -> None:
        self._line[at] = values + self._first[event]
        self._changes.append((event, at, values))

    def steps(self) -> Steps:
        """Return the line as steps, each with what is in force after it."""
        steps = self._table.take(self._line)
        self._positions *= self._line[self._begin :] > 0  # a bar begins at 0
        steps["at_position"][self._begin :] = self._positions
        for row, (event, token) in enumerate(self._opening.items(), start=1):
            if event in ("metre", "tempo"):
                steps[f"at_{event}"][row:] = token - self._first[event]
        for event, at, values in self._changes:
            _fill(steps[f"at_{event}"], at, values)
        return steps


def _fill(column: NDArray[Any], at: Column, values: Column) -> None:
    """Set a column to each of values (K,) from its row of `at` (rising) up to the next one."""
    if len(at) > FEW:
        stops = np.append(at[1:], len(column))
        column[at[0] :] = values.astype(column.dtype).repeat(stops - at)
        return
    rows = at.tolist()
    for first, stop, value in zip(rows, [*rows, None][1:], values.tolist(), strict=True):
        column[first:stop] = value
