"""Which events of encoder `event` may follow which.

Positions are on a uniform grid, K is the number of keys (pitches of all programs), P of programs, B
of rows, n of events. With few rows a step costs as many calls of numpy as it takes, whatever their
size: hence tables of what the options settle, and all numbers of a row in one array.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.encoders.event.vocabulary import (
    AT,
    BITS,
    DOWN,
    LET_GO,
    OFF,
    PITCHES,
    REST,
    SHIFT,
    SOUNDING,
    STRIKE,
    TOLD,
    VELOCITY,
    Vocabulary,
)
from howlkit.schema import END, STEP, STEP_ARRAY, Field, Steps

__all__ = ["EventGrammar"]

MOST_UNITS = 45_000  # beats or seconds: where sampling comes to an end, well below MAX_TICK

MARKS = np.array([[mark in marks for mark in range(3)] for marks in ((STEP, END), (STEP,))])
ONE = np.array([1], np.uint8)

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]


class EventGrammar:
    """Events in the one order in which `Event.encode` writes them.

    A row that is MOST_UNITS long begins nothing more and lets go what sounds, each key as soon as
    the order allows, so that it comes to an end.
    """

    def __init__(self, vocabulary: Vocabulary, rows: int) -> None:
        self._vocabulary = vocabulary
        self._moves = vocabulary.moves
        self._stand = vocabulary.start[:, None].repeat(rows, axis=1)  # (NUMBERS, B)
        # (L, B, 128): 1 + each program in which a pitch sounds, in any of L layers, which become
        # more as they are needed; 0 where there is none.
        self._sounding = np.zeros((1, rows, PITCHES), np.uint8)
        self._scarce = vocabulary.scarce(1)
        self._first = np.arange(rows) * PITCHES  # where each row begins in a layer
        self._shifts = np.arange(1, vocabulary.shifts + 1)
        self._last = MOST_UNITS * vocabulary.grid  # position
        self._sure = -1  # pushes before a row can come near it; below 0: look

    @property
    def now(self) -> NDArray[np.float64]:
        """Where each row stands, in seconds or beats."""
        return np.asarray(self._stand[AT] / self._vocabulary.grid)

    # What is allowed ----------------------------------------------------------------------------

    def allowed(self, field: Field, given: Steps) -> Mask:
        """Return (B, n): what the order allows, and does not lead into a blind alley."""
        if field.name == "mark":
            return self._marks()
        if field.name == "event":
            return self._events()
        return self._programs(given["event"].astype(np.intp))

    def _marks(self) -> Mask:
        """Return (B, 3): an end where nothing is to be let go and no time has passed since."""
        stand = self._stand
        pending = stand[SOUNDING] + stand[DOWN] + stand[REST] + stand[TOLD]
        mask: Mask = MARKS.take(pending, axis=0, mode="clip")
        if self._is_late():
            mask[:, STEP] = (stand[AT] < self._last) | self._must_close()
        return mask

    def _events(self) -> Mask:
        """Return (B, n)."""
        v, stand = self._vocabulary, self._stand
        mask = np.zeros((stand.shape[1], v.n), bool)
        mask[:, :OFF] = stand[VELOCITY][:, None]  # none before the first is told
        mask[:, OFF:SHIFT] = (self._sounding >= self._lowest(stand[LET_GO])).any(axis=0)
        mask[:, SHIFT : v.velocity] = self._shifts <= self._longest_shift()[:, None]
        if v.velocities > 1:
            mask[:, v.velocity : v.pedal] = v.other_velocities.take(stand[VELOCITY], axis=0)
        if v.pedals:
            mask[:, v.pedal] = (stand[DOWN] > 0) & (stand[LET_GO] <= v.keys)
            mask[:, v.pedal + 1] = (stand[DOWN] == 0) & (stand[LET_GO] <= v.keys + 1)
        # Only the last programs of a pitch can all sound, or come before the key struck last.
        scarce = stand[STRIKE] >= self._scarce
        if number := np.count_nonzero(scarce):
            # All at once are twice as fast as by their numbers, and with one instrument it is all.
            self._keep_free(mask, scarce.nonzero()[0] if number < len(scarce) else slice(None))
        told = stand[TOLD].nonzero()[0]
        if len(told):  # a velocity is followed by a note-on
            mask[told, OFF:] = False
        if self._is_late():
            self._wind_up(mask)
        return mask

    def _lowest(self, key: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return (B, 128): 1 + the first program in which a pitch is no lower than a key (B,)."""
        return ((key[:, None] + self._vocabulary.above) >> BITS).astype(np.uint8)

    def _longest_shift(self) -> NDArray[np.int64]:
        """Return (B,); 0 where none may come."""
        stand = self._stand
        longest: NDArray[np.int64]
        longest = self._vocabulary.longest_shifts.take(stand[REST], mode="clip")
        if self._is_late():
            # No piece ends with a rest: beyond the last position only to let something go.
            inside = np.minimum(longest, self._last - 1 - stand[AT])
            longest = np.where(self._must_close(), longest, inside)
        return longest

    def _keep_free(self, mask: Mask, rows: Rows | slice) -> None:
        """Take from mask (B, n) in some rows the note-ons of pitches that have no program left."""
        v, lowest = self._vocabulary, self._lowest(self._stand[STRIKE][rows])
        sounding = self._sounding[:, rows] >= lowest
        taken = sounding[0] if len(sounding) == 1 else sounding.sum(axis=0, dtype=np.uint8)
        free = v.left_from.take(lowest) > taken
        mask[rows, :OFF] &= free
        if v.velocities > 1:  # one comes only before a note-on
            mask[rows, v.velocity : v.pedal] &= free.any(axis=1)[:, None]

    def _programs(self, event: Rows) -> Mask:
        """Return (B, P) of note-ons and note-offs (B,)."""
        v, stand = self._vocabulary, self._stand
        pitch, ends = event & (PITCHES - 1), event >> BITS
        key = np.where(ends, stand[LET_GO], stand[STRIKE])
        lowest = (key + v.above.take(pitch)) >> BITS  # 1 + the program
        # Those that sound may be let go, all others that there are struck.
        lowest_silent = lowest + ends * v.programs_of_a_pitch
        mask: Mask = v.programs_from.take(lowest_silent, axis=0, mode="clip")
        sounding = self._columns(self._first + pitch)
        layer, row = (sounding >= lowest).nonzero()
        mask[row, sounding[layer, row] - ONE] = ends[row]
        return mask

    # Near the end -------------------------------------------------------------------------------

    def _is_late(self) -> bool:
        """Say whether a row may be within the longest shift of the last position, or beyond."""
        if self._sure < 0:
            left = self._last - int(self._stand[AT].max())
            self._sure = (left - 1) // self._vocabulary.shifts - 1
        return self._sure < 0

    def _must_close(self) -> Mask:
        """Return (B,): whether something sounds, or the pedal is down, and must be let go."""
        return np.asarray(self._stand[SOUNDING] + self._stand[DOWN] > 0)

    def _wind_up(self, mask: Mask) -> None:
        """Leave in mask (B, n), in rows beyond the last position, only what brings the end."""
        v = self._vocabulary
        late = (self._stand[AT] >= self._last).nonzero()[0]
        closing = mask[late]
        closing[:, :OFF] = closing[:, SHIFT : v.pedal] = closing[:, v.pedal + 1 :] = False
        closing[:, SHIFT] = ~closing.any(axis=1)
        mask[late] = closing

    # Going on -----------------------------------------------------------------------------------

    def push(self, step: Steps, rows: Mask) -> NDArray[np.int64]:
        """Move on to `step` where `rows` says so; return 1 for each note-on."""
        v, stand = self._vocabulary, self._stand
        event = step["event"].astype(np.intp)
        event[~(rows & (step["mark"] == STEP_ARRAY))] = v.n  # none
        program = step["program"] if v.programs else np.zeros(len(step), np.uint8)
        keeps, adds, adds_by_program = self._moves.take(event, axis=2)
        stand *= keeps
        stand += adds
        adds_by_program *= program
        stand += adds_by_program
        notes, begins = (event < SHIFT).nonzero()[0], event < OFF
        if len(notes):
            column = (self._first + (event & (PITCHES - 1))).take(notes)
            self._strike(column, program.take(notes) + ONE, begins.take(notes))
        self._sure -= 1
        return begins.astype(np.int64)

    def _columns(self, column: Rows) -> NDArray[np.uint8]:
        """Return (L, N): what sounds in columns (N,); a column is row * 128 + pitch."""
        layers = self._sounding.reshape(len(self._sounding), -1)
        return layers.take(column, axis=1)

    def _strike(self, column: Rows, program: NDArray[np.uint8], begins: Mask) -> None:
        """In columns (N,), strike programs (N,) + 1 where they begin, let go the others."""
        new = program * begins
        old = program - new
        found = self._columns(column) == old
        place = found.argmax(axis=0) * (len(self._first) * PITCHES) + column
        lacking = self._sounding.take(place) != old
        if lacking.any():
            self._strike_with_room(lacking, column, program, begins)
        else:
            self._sounding.put(place, new)

    def _strike_with_room(
        self, lacking: Mask, column: Rows, program: NDArray[np.uint8], begins: Mask
    ) -> None:
        """As `_strike`, where some lack a 0 to begin in, or the program that they let go."""
        if (lacking & begins).any():  # twice as much, so seldom
            self._sounding = np.concatenate((self._sounding, np.zeros_like(self._sounding)))
            self._scarce = self._vocabulary.scarce(len(self._sounding))
        silent = lacking & ~begins  # as at the head of an excerpt
        self._stand[SOUNDING, column[silent] // PITCHES] += 1
        self._strike(column[~silent], program[~silent], begins[~silent])

    def select(self, rows: Rows) -> EventGrammar:
        """Return a copy that holds `rows`."""
        chosen = copy.copy(self)
        rows = np.asarray(rows, np.intp)
        chosen._stand = self._stand.take(rows, axis=1)
        chosen._sounding = self._sounding.take(rows, axis=1)
        chosen._first = np.arange(len(rows)) * PITCHES
        return chosen
