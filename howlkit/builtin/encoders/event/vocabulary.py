"""What the events of encoder `event` are, and what each does to where a row stands.

Positions are on a uniform grid, K is the number of keys (pitches of all programs), S the longest
shift in positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from howlkit.music.tables import DRUMS
from howlkit.schema import Steps

__all__ = ["BITS", "OFF", "PITCHES", "SHIFT", "Vocabulary"]

BITS = 7  # of a pitch; above them in a key is the program
PITCHES = 1 << BITS
OFF, SHIFT = PITCHES, 2 * PITCHES  # the first values of note-offs and of shifts; note-ons are first


# Where a row stands, number by number, as `Vocabulary.moves` changes it.
AT = 0  # position
REST = 1  # positions since the last event
TOLD = 2  # 1 if the last event was a velocity
VELOCITY = 3  # 1 + the one that was told last; 0 before the first
DOWN = 4  # 1 if the pedal is
SOUNDING = 5  # how many keys do
LET_GO = 6  # the lowest that may still be let go here: a key, pedal up as K, pedal down as K + 1
STRIKE = 7  # the lowest key that may still be struck here
NUMBERS = 8  # how many these are


@dataclass(frozen=True)
class Vocabulary:
    """The values of an event: note-ons, note-offs, shifts, velocities, pedal up, pedal down.

    grid: positions a second or a beat. shifts: S. rest: the longest time without an event, in
    positions. velocities: how many; if one, it is never told. pedals: whether there are any.
    programs: whether note-ons and note-offs have one. struck: which programs there may be.
    """

    grid: int
    shifts: int
    rest: int
    velocities: int
    pedals: bool
    programs: bool
    struck: tuple[int, ...]

    @property
    def velocity(self) -> int:
        """The value of the lowest velocity."""
        return SHIFT + self.shifts

    @cached_property
    def pedal(self) -> int:
        """The value of pedal up; pedal down is the next."""
        return self.velocity + (self.velocities if self.velocities > 1 else 0)

    @cached_property
    def n(self) -> int:
        """How many values there are."""
        return self.pedal + 2 * self.pedals

    @property
    def programs_of_a_pitch(self) -> int:
        """How many keys have the same pitch."""
        return DRUMS + 1 if self.programs else 1

    @cached_property
    def keys(self) -> int:
        """K: a key is program * 128 + pitch, or the pitch alone."""
        return PITCHES * self.programs_of_a_pitch

    def key(self, steps: Steps) -> NDArray[np.int64]:
        """Return the key of each step; what it says of steps that are no notes means nothing."""
        key = steps["event"].astype(np.int64) % PITCHES
        return key + steps["program"].astype(np.int64) * PITCHES if self.programs else key

    def __str__(self) -> str:
        """Say, for people, which values mean what."""
        parts = ["0.. note-on", f"{OFF}.. note-off", f"{SHIFT}.. shift"]
        parts += [f"{self.velocity}.. velocity"] * (self.velocities > 1)
        parts += [f"{self.pedal}.. pedal up, down"] * self.pedals
        return ", ".join(parts)

    # Tables -------------------------------------------------------------------------------------

    @property
    def start(self) -> NDArray[np.int64]:
        """(NUMBERS,): where a row stands at the start of its piece."""
        start = np.zeros(NUMBERS, np.int64)
        start[VELOCITY] = self.velocities == 1  # the only one is known
        return start

    @cached_property
    def moves(self) -> NDArray[np.int64]:
        """(3, NUMBERS, n + 1): what each event does to each number; the last, n, is no event.

        A number is multiplied by the first; then the second is added, and the third times program.
        At one position come note-offs by key, pedal up, pedal down, note-ons by key.
        """
        moves = np.zeros((3, NUMBERS, self.n + 1), np.int64)
        keeps, adds, adds_by_program = moves
        on, off, notes = slice(0, OFF), slice(OFF, SHIFT), slice(0, SHIFT)
        shift, told = slice(SHIFT, self.velocity), slice(self.velocity, self.pedal)
        pedals, key = slice(self.pedal, self.n), np.arange(PITCHES)
        keeps[:] = 1
        adds[AT, shift] = adds[REST, shift] = np.arange(1, self.shifts + 1)
        keeps[REST, notes] = keeps[REST, pedals] = 0
        keeps[TOLD, :-1], adds[TOLD, told] = 0, 1
        keeps[VELOCITY, told], adds[VELOCITY, told] = 0, np.arange(self.pedal - self.velocity) + 1
        adds[SOUNDING, on], adds[SOUNDING, off] = 1, -1
        keeps[LET_GO, :-1], adds[LET_GO, off], adds_by_program[LET_GO, off] = 0, key + 1, PITCHES
        adds[LET_GO, on] = adds[LET_GO, told] = self.keys + 2  # nothing
        keeps[STRIKE, notes] = keeps[STRIKE, shift] = keeps[STRIKE, pedals] = 0
        adds[STRIKE, on], adds_by_program[STRIKE, on] = key + 1, PITCHES
        if self.pedals:
            keeps[DOWN, pedals], adds[DOWN, pedals] = 0, (0, 1)
            adds[LET_GO, pedals] = self.keys + 1, self.keys + 2
        return moves

    @cached_property
    def above(self) -> NDArray[np.int64]:
        """(128,): what to add to a key to have, above BITS, 1 + the first program not lower."""
        return 2 * PITCHES - 1 - np.arange(PITCHES)

    @cached_property
    def longest_shifts(self) -> NDArray[np.int64]:
        """(rest + 1,): the longest shift, so long after an event; 0: none.

        After a shift that is not the longest comes an event.
        """
        rest = np.arange(self.rest + 1)
        return np.where(rest % self.shifts == 0, np.minimum(self.shifts, self.rest - rest), 0)

    @cached_property
    def other_velocities(self) -> NDArray[np.bool_]:
        """(velocities + 1, velocities): all but one, as VELOCITY says it; of 0, all."""
        velocity = 1 + np.arange(self.velocities)
        return np.asarray(velocity != np.arange(self.velocities + 1)[:, None])

    @cached_property
    def programs_from(self) -> NDArray[np.bool_]:
        """(P + 2, P): of all P programs of a pitch, those to strike that + 1 are no lower."""
        programs = 1 + np.arange(self.programs_of_a_pitch)
        there = np.isin(programs - 1, self.struck)
        return np.asarray(there & (programs >= np.arange(len(programs) + 2)[:, None]))

    @cached_property
    def left_from(self) -> NDArray[np.uint8]:
        """(P + 2,): how many programs there are to strike that + 1 are no lower; at last 0."""
        return np.asarray(self.programs_from.sum(axis=1, dtype=np.uint8))

    def scarce(self, sounding: int) -> int:
        """Return the key after which so many programs, `sounding`, may be all that a pitch has."""
        return int(np.argmax(self.left_from[2:] <= sounding)) * PITCHES
