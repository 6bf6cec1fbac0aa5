"""Write ordered events as steps of encoder `event`: shifts, a velocity, the event itself.

A row of steps is made as one whole number whose bytes are those of `ROW`: numpy copies numbers many
times as fast as rows of several columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import differences, run_begins
from howlkit.builtin.encoders.event.vocabulary import OFF, PITCHES, SHIFT, Vocabulary
from howlkit.builtin.encoders.shared.notes import velocity_classes
from howlkit.schema import Schema, Steps

__all__ = ["NOTE_OFF", "NUMBER", "ROW", "Column", "Rows", "StepWriter"]

ROW = np.dtype([("mark", "u1"), ("event", "<u2"), ("program", "u1")])
"""The columns of steps; without programs the last one is left out."""

NUMBER = np.dtype("<u4")
"""A row as a number."""

NOTE_OFF = OFF << 8
"""The row of a key's note-off minus the row of its note-on."""

Column = NDArray[np.int64]
Rows = NDArray[np.uint32]
"""Rows of the steps, each one number."""


@dataclass(frozen=True)
class StepWriter:
    """The rows of a vocabulary as numbers, and the writer of steps of its schema."""

    vocabulary: Vocabulary
    schema: Schema

    @cached_property
    def note_ons(self) -> Rows:
        """(K,): the row of the note-on of each key."""
        key = np.arange(self.vocabulary.keys)
        return _rows(key % PITCHES, key // PITCHES)

    def pedals(self, ups: int, downs: int) -> Rows:
        """Return (2, ups + downs): rows of pedal up, then of pedal down; velocities 0."""
        rows = np.zeros((2, ups + downs), NUMBER)
        rows[0] = _rows(self.vocabulary.pedal + np.arange(2)).repeat((ups, downs))
        return rows

    @cached_property
    def velocities(self) -> Rows:
        """(128,): the row of the velocity event for each MIDI velocity, from 1."""
        bins = velocity_classes(np.arange(128), self.vocabulary.velocities)
        return _rows(self.vocabulary.velocity + bins)

    @cached_property
    def _lengths(self) -> Column:
        """(rest + 1,): by positions since the event before, the rows that an event takes."""
        gaps = np.arange(self.vocabulary.rest + 1)
        return 1 + -(-gaps // self.vocabulary.shifts)

    @cached_property
    def _last_shifts(self) -> Rows:
        """(rest + 1,): by positions, the row of the last shift over them; 0: the longest shift."""
        gaps = np.arange(self.vocabulary.rest + 1)
        return _rows(SHIFT + (gaps - 1) % self.vocabulary.shifts)

    def write(self, positions: Column, rows: Rows) -> tuple[Steps, Column]:
        """Return the steps, as `Schema.blank` has them, and (N,) the index of each event in them.

        positions: (N,) of the events, rising or equal. rows: (2, N): the row of each event, and the
        row of its velocity, or 0.
        """
        events, velocities = rows[0], rows[1]
        gaps = differences(positions, 0)
        lengths = self._lengths.take(gaps, mode="clip")  # longer rests are shortened
        note_ons = (velocities != 0).nonzero()[0]
        velocities = velocities.take(note_ons)
        changes = run_begins(velocities)
        changes[:1] = self.vocabulary.velocities > 1
        changed = changes.nonzero()[0]
        loud = note_ons.take(changed)  # note-ons with a velocity event before them
        lengths[loud] = lengths.take(loud) + 1
        stops = lengths.cumsum()
        written = np.empty(int(stops[-1]) + 2 if len(stops) else 2, NUMBER)
        written.fill(self._last_shifts[0])  # longest shifts, wherever nothing else is written
        before = stops - 1
        velocity_at = before.take(loud)
        written[velocity_at] = velocities.take(changed)
        before[loud] = velocity_at - 1
        # Without a shift this is the row of the event before, which is written afterwards.
        written[before] = self._last_shifts.take(gaps, mode="clip")
        written[stops] = events
        written[0] = written[-1] = 0
        return self._steps(written), stops

    def _steps(self, rows: Rows) -> Steps:
        if self.vocabulary.programs:
            return rows.view(self.schema.dtype)
        steps = self.schema.steps(len(rows))
        steps["event"] = rows.view(ROW)["event"]
        return steps


def _rows(event: Column, program: Column | int = 0) -> Rows:
    return (event << 8 | program << 24).astype(NUMBER)
