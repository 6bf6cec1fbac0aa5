"""Inputs that are counted from step to step, for a compiled runner (running_kernels.py).

They are `heads.elapsed`, `heads.intervals`, and the profiles of pitch classes
(`heads.pitch_classes`, `heads.scale`, `heads.harmony`, `heads.sounding`), and `heads.pulse`;
howlkit.network.elapsed, .pitch_classes, .sounding, .pulse and .last_pitch say what they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.head_options import SOUNDING_PROFILES, HeadOptions
from howlkit.network.input_state import CLASSES, EDGES_AT, KEPT
from howlkit.network.note_places import NotePlaces
from howlkit.network.note_spans import NoteSpans
from howlkit.note_pitches import NotePitches, notes_of
from howlkit.sampling.compiled_fields import FieldArrays
from howlkit.sampling.stored_network import NamedWeights, UnsuitedError
from howlkit.schema import Schema

__all__ = ["RunningInputs", "begun_pitches"]

State = dict[str, NDArray[Any]]

RUNNING = "running"
"""The name of their part of a state (B, .), as running_kernels.py has it."""

LAST, HEARD = 2, 3 + 2 * CLASSES
PULSE = HEARD + 2 * KEPT
"""Where that has the pitch begun last, what sounds, and the pulse (running_kernels.py)."""


def begun_pitches(schema: Schema) -> NotePitches:
    """Return which notes the values of a schema begin; UnsuitedError if it does not say."""
    notes = notes_of(schema)
    if notes is None:
        raise UnsuitedError("its encoder does not say which notes its values begin")
    return notes


class RunningInputs:
    """The inputs that the options ask for, and their state.

    width: the numbers that they have beside a hidden vector. rows: (., D in) what their rows of the
    tables stand for, as inputs of a backbone.
    """

    def __init__(
        self,
        schema: Schema,
        heads: HeadOptions,
        weights: NamedWeights,
        fields: FieldArrays,
        first: int,
    ) -> None:
        """Take their weights. first: the first row that is free in the tables."""
        entering, rows = heads.width_in(schema), [np.zeros((0, heads.width_in(schema)), np.float32)]
        numbers = [
            *(-1, -1, int(heads.intervals)),
            *(heads.profiles, heads.pitch_classes, int(heads.scale), heads.harmony),
            *(int(heads.sounding), -1, heads.pulse, 0, int(heads.held)),
        ]
        if heads.elapsed:
            steps = weights.take("elapsed.weight", len(EDGES_AT), entering)
            sums = np.cumsum(steps, 0) * np.float32(heads.elapsed_scale)
            rows.append(np.concatenate((np.zeros_like(steps[:1]), sums)))
            numbers[0] = first
        if heads.profiles:
            numbers[1] = first + sum(map(len, rows))
            rows.append(weights.take("pitch_classes.weight", entering, CLASSES * heads.profiles).T)
        adds = np.zeros((2, fields.rows), np.int64)
        if heads.sounding:
            numbers[1] = first + sum(map(len, rows)) if numbers[1] < 0 else numbers[1]
            size = SOUNDING_PROFILES * CLASSES
            rows.append(weights.take("sounding.weight", entering, size).T)
            spans = NoteSpans(schema, "heads.sounding")
            for own, by_name in zip(adds, (spans.shifts, spans.lengths), strict=True):
                for name, values in by_name.items():
                    own[fields.first_row[name] :][: len(values)] = values
        if heads.pulse:
            places = NotePlaces(schema, "heads.pulse")
            numbers[8], numbers[10] = first + sum(map(len, rows)), places.period
            rows.append(weights.take("pulse.weight", entering, places.period).T)
            for name, values in places.shifts.items():
                adds[0, fields.first_row[name] :][: len(values)] = values
        self._period = numbers[10]
        self.rows = np.concatenate(rows)
        self.width = CLASSES * heads.scored_profiles + int(heads.intervals)
        self.width += 2 * KEPT * heads.sounding + self._period
        pitch_of = np.full(fields.rows, -1)
        drum_of = np.full(fields.rows, -1)
        if self.width:
            notes = begun_pitches(schema)
            for name, pitches in notes.pitches.items():
                pitch_of[fields.first_row[name] :][: len(pitches)] = pitches
            for name, drums in notes.drums.items():
                drum_of[fields.first_row[name] :][: len(drums)] = drums
        self._fixed = (
            np.array(numbers),
            pitch_of,
            drum_of,
            adds,
        )

    @classmethod
    def of(
        cls,
        schema: Schema,
        heads: HeadOptions,
        weights: NamedWeights,
        fields: FieldArrays,
        first: int,
    ) -> RunningInputs | None:
        """Return the inputs; None if the options ask for none."""
        if not (heads.elapsed or heads.scored_profiles or heads.intervals or heads.pulse):
            return None
        return cls(schema, heads, weights, fields, first)

    def start(self, rows: int) -> State:
        """Return the state of B rows before their first step."""
        state = np.zeros((rows, PULSE + 1 + self._period))
        state[:, LAST] = -1
        state[:, HEARD : HEARD + KEPT] = -1
        return {RUNNING: state}

    def next(self, state: State) -> tuple[State, tuple[NDArray[Any], ...]]:
        """Return the next state, which the kernel writes, and what it is given."""
        before = state[RUNNING]
        after = np.empty_like(before)
        return {RUNNING: after}, (*self._fixed, before, after)
