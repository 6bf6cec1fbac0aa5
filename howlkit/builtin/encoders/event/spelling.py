"""How encoder `event` writes events that are in order: shifts, a velocity, the event itself.

A row of the steps is made as one whole number, its bytes those of `ROW`: numpy copies such numbers
many times as fast as rows of several columns.
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

__all__ = ["NOTE_OFF", "NUMBER", "ROW", "Column", "Rows", "Spelling"]

ROW = np.dtype([("mark", "u1"), ("event", "<u2"), ("program", "u1")])
"""The columns of the steps; where there are no programs, without the last."""

NUMBER = np.dtype("<u4")
"""A row as a number."""

NOTE_OFF = OFF << 8
"""How far the row of a note-off is above that of the note-on of its key."""

Column = NDArray[np.int64]
Rows = NDArray[np.uint32]
"""Rows of the steps, each one number."""


@dataclass(frozen=True)
class Spelling:
    """The rows of a vocabulary, and the steps of its schema that they make up."""

    vocabulary: Vocabulary
    schema: Schema

    @cached_property
    def note_ons(self) -> Rows:
        """(K,): the row of the note-on of each key."""
        key = np.arange(self.vocabulary.keys)
        return _rows(key % PITCHES, key // PITCHES)

    def pedals(self, ups: int, downs: int) -> Rows:
        """Return (2, ups + downs): so many rows of pedal up, then of pedal down, no velocities."""
        rows = np.zeros((2, ups + downs), NUMBER)
        rows[0] = _rows(self.vocabulary.pedal + np.arange(2)).repeat((ups, downs))
        return rows

    @cached_property
    def velocities(self) -> Rows:
        """(128,): the row that tells each MIDI velocity, from 1."""
        bins = velocity_classes(np.arange(128), self.vocabulary.velocities)
        return _rows(self.vocabulary.velocity + bins)

    @cached_property
    def _lengths(self) -> Column:
        """(rest + 1,): how many rows an event takes so many positions after another."""
        gaps = np.arange(self.vocabulary.rest + 1)
        return 1 + -(-gaps // self.vocabulary.shifts)

    @cached_property
    def _last_shifts(self) -> Rows:
        """(rest + 1,): the row of the last shift of so many positions; of 0, the longest shift."""
        gaps = np.arange(self.vocabulary.rest + 1)
        return _rows(SHIFT + (gaps - 1) % self.vocabulary.shifts)

    def spell(self, positions: Column, rows: Rows) -> tuple[Steps, Column]:
        """Return the steps (as `Schema.blank` has them), and in which of them each event stands.

        positions: (N,) of the events, in order. rows: (2, N), of each event, and of what tells its
        velocity; 0 where it has none.
        """
        events, velocities = rows[0], rows[1]
        gaps = differences(positions, 0)
        lengths = self._lengths.take(gaps, mode="clip")  # a rest that is too long is shortened
        note_ons = (velocities != 0).nonzero()[0]
        velocities = velocities.take(note_ons)
        told = run_begins(velocities)
        told[:1] = self.vocabulary.velocities > 1
        news = told.nonzero()[0]
        loud = note_ons.take(news)  # events with a velocity before them
        lengths[loud] = lengths.take(loud) + 1
        stops = lengths.cumsum()
        written = np.empty(int(stops[-1]) + 2 if len(stops) else 2, NUMBER)
        written.fill(self._last_shifts[0])  # where nothing else is written: before a last shift
        before = stops - 1
        velocity_at = before.take(loud)
        written[velocity_at] = velocities.take(news)
        before[loud] = velocity_at - 1
        # Where there is no shift the event before stands here; it is written after this.
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
