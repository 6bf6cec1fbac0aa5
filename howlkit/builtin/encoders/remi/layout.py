"""Which events the encoder `remi` writes of notes, bars and tempi, and in which order.

A **token** is an event and its value as one number: 0 is a bar, then come the values of each other
family in a row. All is laid out as tokens first, and each token looked up as a row of steps.

A **place** is a grid position at which anything is written: an onset, a new tempo, a new metre. At
each place there come, as far as they are needed: bars, (where the metre cuts a bar: a position, and
a bar,) a metre, a position, a tempo, then the notes. All is counted before anything is written, so
that numpy can write a family at a time. The **opening** is what leads to position 0, where most
files say their only metre and tempo: a few tokens. P places, N notes, T rows of steps.
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

__all__ = ["Tokens", "lay"]

Column = NDArray[np.int64]
Mask = NDArray[np.bool_]

FEW = 20  # changes, up to which it is quicker to write one after the other


class Tokens(NamedTuple):
    """The tokens of some families of events, bar first.

    first: the token of value 0 of each family. start, end: those of the rows that are no events.
    initial: what stands before the first event. rows: all as steps, with that standing.
    """

    first: Mapping[str, int]
    start: int
    end: int
    initial: Mapping[str, int]
    rows: Steps

    @classmethod
    def of(cls, schema: Schema, events: tuple[str, ...], initial: Mapping[str, int]) -> Tokens:
        """Return the tokens for steps of a schema."""
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
        """Return the token of each event that leads to position 0; notes: whether any begin there.

        None, where the metre and the tempo are the usual ones and no note begins.
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

    notes: (P + 1,) the first note that begins here or later, and how many notes there are. bar,
    position: the number of the bar, and where in it. metres, tempi: at which places the changes of
    each stand. metre, tempo: what holds from there. cuts: where the metre cuts the bar before it,
    0: nowhere. bare: whether it stands where no note begins and no tempo changes.
    """

    notes: NDArray[np.intp]
    bar: Column
    position: Column
    metres: NDArray[np.intp]
    metre: Column
    cuts: Column
    bare: Mask
    tempi: NDArray[np.intp]
    tempo: Column

    @classmethod
    def of(cls, onsets: Column, bars: Bars, stretches: Changes, tempi: Changes) -> Places:
        """Return the places of onsets, one or more, and of changes up to the last of them."""
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
        bare = notes[1:] == notes[:-1]
        bare[of_tempi] = False
        return cls(
            notes,
            *bars.locate(at),
            of_metres,
            bars.metre.take(stretches.values),
            bars.cut.take(stretches.values),
            bare.take(of_metres),
            of_tempi,
            tempi.values,
        )

    def leads(self, longest_rest: int, *, before: int) -> Column:
        """Return (P,): how many events lead to the notes of each place; before: the bar before."""
        leads = differences(self.bar, before)
        if len(self.metres):
            leads[self.metres] -= self.cuts > 0  # the bar behind the cut
        np.minimum(leads, longest_rest + 1, out=leads)
        leads += 1  # a position
        if len(self.metres):
            leads[self.metres] += np.where(self.cuts > 0, 3, 1) - self.bare
        if len(self.tempi):
            leads[self.tempi] += 1
        return leads


class Rows(NamedTuple):
    """In which rows of steps events stand; row 0 is that of the start.

    notes: (N,) of the first event of each note. programs: (N,) which notes begin with a program;
    None: none does. places: (P,) of the last event that leads to the notes of each. lengths: (P,)
    how many rows belong to each place, that of the end to the last. total: T.
    """

    notes: Column
    programs: Mask | None
    places: Column
    lengths: Column
    total: int

    @classmethod
    def of(cls, notes: Mapping[str, Column], places: Places, leads: Column, begin: int) -> Rows:
        """Return the rows, from one on, where so many events `lead` to the notes of each place."""
        events = len(notes) - ("program" in notes)
        # First of each note and of the end, as if nothing led there.
        rows = np.arange(begin, begin + events * int(places.notes[-1]) + 1, events)
        programs = None
        if "program" in notes:
            programs = differences(notes["program"], 0) != 0
            rows[1:] += programs.cumsum()
        led = leads.cumsum()
        of_notes = rows[:-1] + led.repeat(places.notes[1:] - places.notes[:-1])
        rows = rows.take(places.notes)
        total = int(rows[-1] + led[-1]) + 1
        lengths = leads + (rows[1:] - rows[:-1])
        lengths[-1] += 1
        led += rows[:-1]
        led -= 1
        return cls(of_notes, programs, led, lengths, total)


def lay(
    tokens: Tokens,
    onsets: Column,
    notes: Mapping[str, Column],
    bars: Bars,
    tempi: Changes,
    *,
    known: bool,
    longest_rest: int,
) -> Steps:
    """Return (T,) the steps of one or more notes, the start before and the end behind them.

    onsets: (N,) where notes begin. notes: (N,) their fields, without those that are not written.
    known: the first note is known, with all that leads to it: its last step is the first row.
    """
    first, last = int(onsets[0]), int(onsets[-1])
    since = first if known else 0
    stretches, tempi = bars.changes.between(since, last), tempi.between(since, last)
    metre = int(bars.metre[stretches.initial])
    opening = tokens.opening(metre, tempi.initial, notes=first == 0)
    places = Places.of(onsets, bars, stretches, tempi)
    leads = places.leads(longest_rest, before=0 if opening else -1)
    if first == 0:
        leads[0] = 0  # all that leads there is in the opening
    rows = Rows.of(notes, places, leads, 1 + len(opening))
    line = _Line(tokens, opening, places, rows)
    line.write_places(begin=int(first == 0))
    stop = line.write_notes(notes)
    steps = line.steps()
    return steps[stop - 1 :] if known else steps


class _Line:
    """A line of tokens (T,): the start, the opening, bars but for what is written, the end."""

    def __init__(
        self, tokens: Tokens, opening: Mapping[str, int], places: Places, rows: Rows
    ) -> None:
        self._first, self._table, self._opening = tokens.first, tokens.rows, opening
        self._places, self._rows, self._begin = places, rows, 1 + len(opening)
        self._line = np.zeros(rows.total, np.int64)  # token 0 is a bar
        self._line[: self._begin] = tokens.start, *opening.values()
        self._line[-1] = tokens.end
        # Which positions stand behind the opening, and what else changes, in which rows.
        positions = places.position.astype(tokens.rows["at_position"].dtype)
        self._positions = positions.repeat(rows.lengths)
        self._changes: list[tuple[str, Column, Column]] = []

    def write_places(self, *, begin: int) -> None:
        """Write metres, tempi, and positions from place `begin` on."""
        places, at, position = self._places, self._rows.places, self._first["position"]
        if len(places.tempi):
            self._change("tempo", at.take(places.tempi), places.tempo)
            at[places.tempi] -= 1
        # A position everywhere: where none is needed, a metre is written over it.
        self._line[at[begin:]] = places.position[begin:] + position
        if len(places.metres):
            at = at.take(places.metres) - 1 + places.bare
            self._change("metre", at, places.metre)
            cut = places.cuts > 0
            at, cuts = at.compress(cut) - 2, places.cuts.compress(cut)
            self._line[at] = cuts + position
            self._positions[at - self._begin] = cuts

    def write_notes(self, notes: Mapping[str, Column]) -> int:
        """Write programs, pitches, velocities, durations; return the row behind the first note."""
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
        """Return the line as steps, and in each of them what stands after it."""
        steps = self._table.take(self._line)
        self._positions *= self._line[self._begin :] > 0  # a bar begins at 0
        steps["at_position"][self._begin :] = self._positions
        for row, (event, token) in enumerate(self._opening.items(), start=1):
            if event in ("metre", "tempo"):
                steps[f"at_{event}"][row:] = token - self._first[event]
        for event, at, values in self._changes:
            _hold(steps[f"at_{event}"], at, values)
        return steps


def _hold(column: NDArray[Any], at: Column, values: Column) -> None:
    """Set a column to values (K,) from their rows on, which rise, each up to the next."""
    if len(at) > FEW:
        stops = np.append(at[1:], len(column))
        column[at[0] :] = values.astype(column.dtype).repeat(stops - at)
        return
    rows = at.tolist()
    for first, stop, value in zip(rows, [*rows, None][1:], values.tolist(), strict=True):
        column[first:stop] = value
