"""Which events of encoder `event` may follow which.

Positions are on a uniform grid. K is the number of keys (pitches of all programs), P of programs, B
of rows, n of events. With few rows the number of numpy calls decides the time of a step, not their
size: so tables hold what the options settle, and one array holds the state of all rows.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.encoders.event.vocabulary import (
    AFTER_VELOCITY,
    BITS,
    LOWEST_OFF,
    LOWEST_ON,
    OFF,
    PEDAL_DOWN,
    PITCHES,
    POSITION,
    SHIFT,
    SINCE_EVENT,
    SOUNDING,
    VELOCITY,
    Vocabulary,
)
from howlkit.note_choices import QUANTITIES, NoteChoices, NoteTables, choices_from_tables
from howlkit.schema import END, STEP, STEP_ARRAY, Field, Schema, Steps

__all__ = ["EventGrammar"]

MOST_UNITS = 45_000  # beats or seconds: where sampling ends, well below MAX_TICK

MARKS = np.array([[mark in marks for mark in range(3)] for marks in ((STEP, END), (STEP,))])
ONE = np.array([1], np.uint8)

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]


class EventGrammar:
    """Events in the one order in which `Event.encode` writes them.

    A row that is MOST_UNITS long may begin no more notes: it releases every key as soon as the
    order allows, and ends.
    """

    alone = False

    def __init__(
        self, vocabulary: Vocabulary, rows: int, *, schema: Schema, tables: NoteTables
    ) -> None:
        self._vocabulary = vocabulary
        self._schema, self.note_tables, self.divisions = schema, tables, vocabulary.grid
        self._bases = np.zeros((rows, len(QUANTITIES)), np.int64)
        self._moves = vocabulary.moves
        self._state = vocabulary.initial_state[:, None].repeat(rows, axis=1)  # (STATE_SIZE, B)
        # (L, B, 128): 1 + each program in which a pitch sounds, in any of L layers; 0: an empty
        # place. Layers are added when they are needed.
        self._sounding = np.zeros((1, rows, PITCHES), np.uint8)
        self._few_left_from = vocabulary.few_left_from(1)
        self._first = np.arange(rows) * PITCHES  # the first cell of each row in a layer
        self._shifts = np.arange(1, vocabulary.shifts + 1)
        self._last = MOST_UNITS * vocabulary.grid  # position
        self._pushes_inside = -1  # pushes until a row can come near `_last`; below 0: unknown

    @property
    def now(self) -> NDArray[np.float64]:
        """The position of each row, in seconds or beats."""
        return np.asarray(self._state[POSITION] / self._vocabulary.grid)

    # What sounds --------------------------------------------------------------------------------

    @property
    def note_bases(self) -> NDArray[np.int64]:
        """(B, Q): notes begin at the position of each row; `TabledGrammar.note_bases`."""
        self._bases[:, 0] = self._state[POSITION]
        return self._bases

    def note_choices(self, field: Field, given: Steps) -> NoteChoices | None:
        """Return what the choices of a field mean in notes, as `NoteGrammar.note_choices`."""
        return choices_from_tables(self._schema, self.note_tables, self.note_bases, field, given)

    # What is allowed ----------------------------------------------------------------------------

    def allowed(self, field: Field, given: Steps) -> Mask:
        """Return (B, n): the values that the order allows and after which a piece can go on."""
        if field.name == "mark":
            return self._marks()
        if field.name == "event":
            return self._events()
        return self._programs(given["event"].astype(np.intp))

    def _marks(self) -> Mask:
        """Return (B, 3): a row may end where nothing sounds and the last step was no shift."""
        state = self._state
        pending = state[SOUNDING] + state[PEDAL_DOWN] + state[SINCE_EVENT] + state[AFTER_VELOCITY]
        mask: Mask = MARKS.take(pending, axis=0, mode="clip")
        if self._is_late():
            mask[:, STEP] = (state[POSITION] < self._last) | self._must_close()
        return mask

    def _events(self) -> Mask:
        """Return (B, n): the events that may come next."""
        v, state = self._vocabulary, self._state
        mask = np.zeros((state.shape[1], v.n), bool)
        mask[:, :OFF] = state[VELOCITY][:, None]  # no note-on before the first velocity
        mask[:, OFF:SHIFT] = (self._sounding >= self._lowest(state[LOWEST_OFF])).any(axis=0)
        mask[:, SHIFT : v.velocity] = self._shifts <= self._longest_shift()[:, None]
        if v.velocities > 1:
            mask[:, v.velocity : v.pedal] = v.other_velocities.take(state[VELOCITY], axis=0)
        if v.pedals:
            mask[:, v.pedal] = (state[PEDAL_DOWN] > 0) & (state[LOWEST_OFF] <= v.keys)
            mask[:, v.pedal + 1] = (state[PEDAL_DOWN] == 0) & (state[LOWEST_OFF] <= v.keys + 1)
        # Only near the last programs of a pitch can all of them sound or come too early.
        few_left = state[LOWEST_ON] >= self._few_left_from
        if number := np.count_nonzero(few_left):
            # A slice of all rows is twice as fast as indices, and with one instrument it is all.
            rows = few_left.nonzero()[0] if number < len(few_left) else slice(None)
            self._forbid_used_up(mask, rows)
        told = state[AFTER_VELOCITY].nonzero()[0]
        if len(told):  # a velocity is followed by a note-on
            mask[told, OFF:] = False
        if self._is_late():
            self._allow_closing_only(mask)
        return mask

    def _lowest(self, key: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return (B, 128): 1 + the lowest program in which a pitch is no lower than a key (B,)."""
        return ((key[:, None] + self._vocabulary.next_program) >> BITS).astype(np.uint8)

    def _longest_shift(self) -> NDArray[np.int64]:
        """Return (B,): the longest shift that may come next; 0: no shift."""
        state = self._state
        longest: NDArray[np.int64]
        longest = self._vocabulary.longest_shifts.take(state[SINCE_EVENT], mode="clip")
        if self._is_late():
            # No piece ends with a rest: only a release may need a shift beyond the last position.
            inside = np.minimum(longest, self._last - 1 - state[POSITION])
            longest = np.where(self._must_close(), longest, inside)
        return longest

    def _forbid_used_up(self, mask: Mask, rows: Rows | slice) -> None:
        """Forbid in mask (B, n), in some rows, note-ons of pitches that have no program left."""
        v, lowest = self._vocabulary, self._lowest(self._state[LOWEST_ON][rows])
        sounding = self._sounding[:, rows] >= lowest
        taken = sounding[0] if len(sounding) == 1 else sounding.sum(axis=0, dtype=np.uint8)
        free = v.programs_left.take(lowest) > taken
        mask[rows, :OFF] &= free
        if v.velocities > 1:  # a velocity comes only before a note-on
            mask[rows, v.velocity : v.pedal] &= free.any(axis=1)[:, None]

    def _programs(self, event: Rows) -> Mask:
        """Return (B, P): the programs that a note-on or note-off (B,) may have."""
        v, state = self._vocabulary, self._state
        pitch, ends = event & (PITCHES - 1), event >> BITS
        key = np.where(ends, state[LOWEST_OFF], state[LOWEST_ON])
        lowest = (key + v.next_program.take(pitch)) >> BITS  # 1 + the program
        # Programs that sound may be released; all other instruments may be struck.
        lowest_silent = lowest + ends * v.programs_of_a_pitch
        mask: Mask = v.programs_from.take(lowest_silent, axis=0, mode="clip")
        sounding = self._programs_in(self._first + pitch)
        layer, row = (sounding >= lowest).nonzero()
        mask[row, sounding[layer, row] - ONE] = ends[row]
        return mask

    # Near the end -------------------------------------------------------------------------------

    def _is_late(self) -> bool:
        """Return whether a row may be within one shift of the last position, or beyond it."""
        if self._pushes_inside < 0:
            left = self._last - int(self._state[POSITION].max())
            self._pushes_inside = (left - 1) // self._vocabulary.shifts - 1
        return self._pushes_inside < 0

    def _must_close(self) -> Mask:
        """Return (B,): whether a key that sounds, or the pedal, must still be released."""
        return np.asarray(self._state[SOUNDING] + self._state[PEDAL_DOWN] > 0)

    def _allow_closing_only(self, mask: Mask) -> None:
        """Allow rows beyond the last position only releases, or else a shift, in mask (B, n)."""
        v = self._vocabulary
        late = (self._state[POSITION] >= self._last).nonzero()[0]
        closing = mask[late]
        closing[:, :OFF] = closing[:, SHIFT : v.pedal] = closing[:, v.pedal + 1 :] = False
        closing[:, SHIFT] = ~closing.any(axis=1)
        mask[late] = closing

    # Going on -----------------------------------------------------------------------------------

    def push(self, step: Steps, rows: Mask) -> NDArray[np.int64]:
        """Move on to `step` (B,) where `rows` says so; return (B,) the notes begun, 1 or 0."""
        v, state = self._vocabulary, self._state
        event = step["event"].astype(np.intp)
        event[~(rows & (step["mark"] == STEP_ARRAY))] = v.n  # no event
        program = step["program"] if v.programs else np.zeros(len(step), np.uint8)
        keeps, adds, adds_by_program = self._moves.take(event, axis=2)
        state *= keeps
        state += adds
        adds_by_program *= program
        state += adds_by_program
        notes, begins = (event < SHIFT).nonzero()[0], event < OFF
        if len(notes):
            column = (self._first + (event & (PITCHES - 1))).take(notes)
            self._strike_and_release(column, program.take(notes) + ONE, begins.take(notes))
        self._pushes_inside -= 1
        return begins.astype(np.int64)

    def _programs_in(self, column: Rows) -> NDArray[np.uint8]:
        """Return (L, N): the programs (+ 1) that sound in columns (N,): row * 128 + pitch."""
        layers = self._sounding.reshape(len(self._sounding), -1)
        return layers.take(column, axis=1)

    def _strike_and_release(self, column: Rows, program: NDArray[np.uint8], begins: Mask) -> None:
        """Strike programs (N,), given as 1 + each, in columns (N,) where `begins`, else release."""
        new = program * begins
        old = program - new
        found = self._programs_in(column) == old
        cell = found.argmax(axis=0) * (len(self._first) * PITCHES) + column
        lacking = self._sounding.take(cell) != old
        if lacking.any():
            self._strike_after_growing(lacking, column, program, begins)
        else:
            self._sounding.put(cell, new)

    def _strike_after_growing(
        self, lacking: Mask, column: Rows, program: NDArray[np.uint8], begins: Mask
    ) -> None:
        """Do the same where `lacking` columns have no empty layer or no program to release."""
        if (lacking & begins).any():  # the layers are doubled, so this is rare
            self._sounding = np.concatenate((self._sounding, np.zeros_like(self._sounding)))
            self._few_left_from = self._vocabulary.few_left_from(len(self._sounding))
        silent = lacking & ~begins  # as at the start of an excerpt
        self._state[SOUNDING, column[silent] // PITCHES] += 1
        self._strike_and_release(column[~silent], program[~silent], begins[~silent])

    def select(self, rows: Rows) -> EventGrammar:
        """Return a copy that holds `rows`."""
        chosen = copy.copy(self)
        rows = np.asarray(rows, np.intp)
        chosen._state = self._state.take(rows, axis=1)
        chosen._sounding = self._sounding.take(rows, axis=1)
        chosen._first = np.arange(len(rows)) * PITCHES
        chosen._bases = self._bases.take(rows, axis=0)
        return chosen
