"""Which events the encoder `remi` writes of notes, bars and tempi, and in which order.

A **place** is a grid position at which anything is written: an onset, a new tempo, a new metre. At
each place there come, as far as they are needed: bars, (where the metre cuts a bar: a position, and
a bar,) a metre, a position, a tempo, then the notes. All is counted before anything is written, so
that numpy can write a family at a time. P places, N notes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.bars import Bars
from howlkit.builtin.runs import differences, run_begins
from howlkit.schema import Schema, Steps

__all__ = ["Changes", "Places", "lay"]

Column = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Changes:
    """Values (K,) that hold from positions at (K,), rising, on; the first from before any on."""

    at: Column
    values: Column

    @classmethod
    def of(cls, at: Column, values: Column, initial: int) -> Changes:
        """Return the changes to values at positions, and what there is before the first."""
        return cls(np.concatenate(([-1], at)), np.concatenate(([initial], values)))

    def holds(self, positions: Column) -> tuple[Column, Mask]:
        """Return the value that holds at each position, and whether it does from there on."""
        last = self.at.searchsorted(positions, side="right") - 1
        return self.values.take(last), self.at.take(last) == positions


@dataclass(frozen=True)
class Places:
    """The places (P,) of some music, by rising grid position `at`.

    first_note: the first note that begins here or later. bar, position: the number of the bar, and
    where in it. cut: where the bar before is cut short, 0: nowhere. metre, tempo: what holds here;
    new_metre, new_tempo: and has to be written here.
    """

    at: Column
    first_note: Column
    bar: Column
    position: Column
    cut: Column
    metre: Column
    new_metre: Mask
    tempo: Column
    new_tempo: Mask

    @classmethod
    def of(cls, onsets: Column, bars: Bars, tempi: Changes, *, known: bool) -> Places:
        """Return the places up to the last onset; if `known`, from the first onset on.

        known: what stands at the first onset is known, so what leads there does not matter.
        """
        news = np.concatenate((bars.start.compress(bars.news), tempi.at[1:]))
        since = onsets[0] if known else -1
        until = onsets[-1] if len(onsets) else -1
        news = np.sort(news[(news > since) & (news <= until)])
        merged = np.concatenate((onsets, news))
        merged.sort(kind="stable")  # quick: it nearly is
        begins = run_begins(merged).nonzero()[0]
        at = merged.take(begins)
        first_note = begins - news.searchsorted(at)
        stretch = bars.stretch(at)
        bar, position = bars.locate(at, stretch)
        new_metre = bars.news.take(stretch) & (bars.start.take(stretch) == at)
        cut = bars.cut.take(stretch) * new_metre
        metre = bars.metre.take(stretch)
        return cls(at, first_note, bar, position, cut, metre, new_metre, *tempi.holds(at))

    def bars(self, longest_rest: int) -> Column:
        """Return how many bars are written to come to each place (or to the one that it cuts)."""
        further = differences(self.bar, -1) - (self.cut > 0)
        return np.minimum(further, longest_rest + 1)


def lay(
    schema: Schema,
    events: tuple[str, ...],
    places: Places,
    onsets: Column,
    notes: Mapping[str, NDArray[Any]],
    *,
    longest_rest: int,
) -> tuple[Steps, Column]:
    """Return the events (T,), and (N,) how many of them there are up to the end of each note.

    events: the families there are, bar first. notes: (N,) by field, onsets: where they begin.
    The events as `Schema.blank` has them.
    """
    place_of = np.bincount(places.first_note, minlength=len(onsets)).cumsum() - 1
    bars, cuts = places.bars(longest_rest), places.cut > 0
    positions = places.new_tempo.copy()  # a new metre alone needs no position
    positions[place_of] = True
    program = notes["program"].astype(np.int64) if "program" in notes else np.zeros_like(onsets)
    new_program = differences(program, 0) != 0
    leads = bars + 2 * cuts + places.new_metre + positions + places.new_tempo  # (P,) events
    values = [name for name in ("pitch", "velocity", "duration") if name in events]
    spans = new_program + np.int64(len(values))  # (N,) events
    led = leads.cumsum()
    ends = spans.cumsum()
    begins = ends - spans  # among the events of notes
    before = begins.take(places.first_note) + led - leads
    led = led.take(place_of)
    ends += led
    begins += led

    rows = schema.blank(int(ends[-1]) if len(ends) else 0)
    steps = rows[1:-1]
    pen = _Pen(steps, events, before + bars)  # bar is event 0: zeros are bars already
    pen.write("position", cuts, places.cut)
    pen.write("bar", cuts)
    pen.write("metre", places.new_metre, places.metre)
    pen.write("position", positions, places.position)
    pen.write("tempo", places.new_tempo, places.tempo)
    pen = _Pen(steps, events, begins)
    pen.write("program", new_program, program)
    for name in values:
        pen.write_all(name, notes[name])
    return rows, ends


class _Pen:
    """Writes steps a family at a time, at places (or notes) whose next step is `at`."""

    def __init__(self, steps: Steps, events: tuple[str, ...], at: Column) -> None:
        self.steps, self.events, self.at = steps, events, at

    def write(self, event: str, where: Mask, values: Any = None) -> None:  # noqa: ANN401 - an array
        """Write an event of `values` where it is wanted, and move on there."""
        count = np.count_nonzero(where)
        if count == 0:  # also of families that this schema does not have
            return
        if count == len(where):
            self.write_all(event, values)
            return
        here = self.at.compress(where)
        self.steps["event"][here] = self.events.index(event)
        if values is not None:
            self.steps[event][here] = values.compress(where)
        self.at += where

    def write_all(self, event: str, values: Any = None) -> None:  # noqa: ANN401 - an array
        """Write an event of `values` everywhere, and move on."""
        self.steps["event"][self.at] = self.events.index(event)
        if values is not None:
            self.steps[event][self.at] = values
        self.at += 1
