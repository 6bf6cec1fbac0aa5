"""Which events of encoder `event` may follow which.

Positions are on a uniform grid, K is the number of keys (pitches of all programs), B of rows, S the
longest shift in positions.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.event_vocabulary import OFF, PITCHES, SHIFT, Vocabulary
from howlkit.schema import END, STEP, Field, Steps

__all__ = ["EventGrammar"]

MOST_UNITS = 45_000  # beats or seconds: where sampling comes to an end, well below MAX_TICK

SLOTS, FREE = 4, -1  # keys that a row has room for at first, and what stands where there is none

Mask = NDArray[np.bool_]


class EventGrammar:
    """Events in the one order in which `Event.encode` writes them.

    A row that is MOST_UNITS long begins nothing more and lets go what sounds, each key as soon as
    the order allows, so that it comes to an end.
    """

    def __init__(self, vocabulary: Vocabulary, rows: int) -> None:
        self._vocabulary = vocabulary
        self._at = np.zeros(rows, np.int64)  # position
        self._rest = np.zeros(rows, np.int64)  # positions since the last event
        self._place = np.full(rows, -1)  # of the last event at this position
        self._bin = np.full(rows, vocabulary.unknown)  # the velocity
        self._told = np.zeros(rows, bool)  # the last step was a velocity
        self._down = np.zeros(rows, bool)  # the pedal
        self._sounding = np.full((rows, SLOTS), FREE)  # the keys that sound, in any order

    @property
    def now(self) -> NDArray[np.float64]:
        """Where each row stands, in seconds or beats."""
        return np.asarray(self._at / self._vocabulary.grid)

    @property
    def _early(self) -> Mask:
        """(B,): whether a row may still begin something."""
        return np.asarray(self._at < MOST_UNITS * self._vocabulary.grid)

    @property
    def _open(self) -> Mask:
        """(B,): whether something sounds, or the pedal is down, and must be let go."""
        return np.asarray(self._down | (self._sounding != FREE).any(axis=1))

    def allowed(self, field: Field, given: Steps) -> Mask:
        """Return (B, n): what the order allows, and does not lead into a blind alley."""
        if field.name == "mark":
            mask = np.zeros((len(given), field.n), bool)
            must_close = self._open
            mask[:, STEP] = self._early | must_close
            mask[:, END] = ~must_close & (self._rest == 0) & ~self._told
            return mask
        if field.name == "event":
            return self._events(*self._pitches())
        pitch = given["event"].astype(np.int64) % PITCHES
        keys = pitch[:, None] + PITCHES * np.arange(field.n)
        row, key = self._sounding_keys()
        here = key % PITCHES == pitch[row]
        sounding = np.zeros(keys.shape, bool)
        sounding[row[here], key[here] // PITCHES] = True
        begins = (given["event"] < OFF)[:, None]
        after = np.where(begins, self._struck[:, None], self._place[:, None])
        return np.asarray((sounding != begins) & (keys > after))

    @property
    def _struck(self) -> NDArray[np.int64]:
        """(B,): the key that was struck last at this position; below 0 if none was."""
        return self._place - (self._vocabulary.keys + 2)

    def _sounding_keys(self) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Return the keys that sound, all rows' (n,), and the row of each; few of all K do."""
        row, slot = np.nonzero(self._sounding != FREE)
        return row, self._sounding[row, slot]

    def _pitches(self) -> tuple[Mask, Mask]:
        """Return (B, 128) each: which pitches some program may let go now, and which strike."""
        row, key = self._sounding_keys()
        off = np.zeros((len(self._at), PITCHES), bool)
        later = (key > self._place[row]) & ~self._told[row]
        off[row[later], key[later] % PITCHES] = True
        # Of each pitch, the programs that come after the key struck last, but for those that sound.
        programs = self._vocabulary.keys // PITCHES
        before = (self._struck[:, None] - np.arange(PITCHES)) // PITCHES + 1
        free = programs - np.minimum(np.maximum(before, 0), programs)
        taken = key > self._struck[row]
        np.subtract.at(free, (row[taken], key[taken] % PITCHES), 1)
        return off, (free > 0) & self._early[:, None]

    def _events(self, off: Mask, on: Mask) -> Mask:
        """Return (B, v.n), given which pitches (B, 128) may be let go and struck."""
        v = self._vocabulary
        mask = np.zeros((len(on), v.n), bool)
        mask[:, :OFF] = on & (self._bin >= 0)[:, None]
        mask[:, OFF:SHIFT] = off
        if v.velocities > 1:  # one that changes, and before a note
            other = np.arange(v.velocities) != self._bin[:, None]
            mask[:, v.velocity : v.pedal] = other & (on.any(axis=1) & ~self._told)[:, None]
        may_close = np.asarray(off.any(axis=1))
        if v.pedals:
            up = self._down & (v.keys > self._place) & ~self._told
            down = ~self._down & (v.keys + 1 > self._place) & ~self._told & self._early
            mask[:, v.pedal], mask[:, v.pedal + 1] = up, down
            may_close = may_close | up
        mask[:, SHIFT : v.velocity] = self._shifts(may_close)
        return mask

    def _shifts(self, may_close: Mask) -> Mask:
        """Return (B, S), given in which rows (B,) something may be let go now."""
        v = self._vocabulary
        shift = np.arange(1, v.shifts + 1)
        # After a shift that is not the longest comes an event.
        greedy = (self._rest % v.shifts == 0) & ~self._told
        fits = self._rest[:, None] + shift <= v.rest
        # No piece ends with a rest: beyond the last position only to let something go.
        inside = self._at[:, None] + shift < MOST_UNITS * v.grid
        early = greedy[:, None] & fits & (inside | self._open[:, None])
        late = (shift == 1) & ~may_close[:, None]
        return np.asarray(np.where(self._early[:, None], early, late))

    def push(self, step: Steps, rows: Mask) -> NDArray[np.int64]:
        """Move on to `step` where `rows` says so; return 1 for each note-on."""
        v = self._vocabulary
        code, key = step["event"].astype(np.int64), v.key(step)
        going = rows & (step["mark"] == STEP)
        shifts = going & (code >= SHIFT) & (code < v.velocity)
        told = going & (code >= v.velocity) & (code < v.pedal)
        notes, pedals = going & (code < SHIFT), going & (code >= v.pedal)
        shift = np.where(shifts, code - (SHIFT - 1), 0)
        self._at = self._at + shift
        self._rest = np.where(notes | pedals, 0, self._rest + shift)
        self._bin = np.where(told, code - v.velocity, self._bin)
        self._told = np.where(going, told, self._told)
        self._down = np.where(pedals, code > v.pedal, self._down)
        self._strike(notes, key, code < OFF)
        here = np.where(shifts, -1, self._place)
        self._place = np.where(notes | pedals, v.place(code, key), here)
        return np.asarray(notes & (code < OFF), np.int64)

    def _strike(self, notes: Mask, key: NDArray[np.int64], begins: Mask) -> None:
        """Let go the key (B,) of each row that has a note (B,), and strike it where it begins."""
        self._sounding[notes[:, None] & (self._sounding == key[:, None])] = FREE
        row = np.flatnonzero(notes & begins)
        slot = (self._sounding[row] == FREE).argmax(axis=1)
        if (self._sounding[row, slot] != FREE).any():  # no room; twice as much, so seldom
            slot[self._sounding[row, slot] != FREE] = self._sounding.shape[1]
            more = np.full_like(self._sounding, FREE)
            self._sounding = np.concatenate((self._sounding, more), axis=1)
        self._sounding[row, slot] = key[row]

    def select(self, rows: NDArray[np.intp]) -> EventGrammar:
        """Return a copy that holds `rows`."""
        chosen = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(chosen, name, value[np.asarray(rows, np.intp)])  # indices: a copy
        return chosen
