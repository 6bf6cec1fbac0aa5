"""The events of encoder `event` by number, and how each event changes the state of a grammar.

Positions are on a uniform grid. A **key** is a pitch of a program; K is the number of keys, P of
programs, S the longest shift in positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from howlkit.music.tables import DRUMS
from howlkit.schema import Steps

__all__ = ["BITS", "OFF", "PITCHES", "SHIFT", "Vocabulary"]

BITS = 7  # of a pitch in a key; the program stands in the bits above
PITCHES = 1 << BITS
OFF, SHIFT = PITCHES, 2 * PITCHES  # the first note-off and the first shift; note-ons begin at 0


# The state of a row of a grammar: the index of each number, which `Vocabulary.moves` changes.
POSITION = 0  # grid position
SINCE_EVENT = 1  # positions since the last event
AFTER_VELOCITY = 2  # 1 if the last event was a velocity, else 0
VELOCITY = 3  # 1 + the last velocity; 0 before the first
PEDAL_DOWN = 4  # 1 if the pedal is down, else 0
SOUNDING = 5  # number of keys that sound
LOWEST_OFF = 6  # the lowest key that may still be released here; K: pedal up; K + 1: pedal down
LOWEST_ON = 7  # the lowest key that may still be struck here
STATE_SIZE = 8


@dataclass(frozen=True)
class Vocabulary:
    """The values of an event: note-ons, note-offs, shifts, velocities, pedal up, pedal down.

    grid: positions a second or a beat. shifts: S. rest: the longest time without an event, in
    positions. velocities: the number of velocities; a single one has no events. pedals: whether
    there are pedal events. programs: whether notes have a program. instruments: the programs that
    may be struck.
    """

    grid: int
    shifts: int
    rest: int
    velocities: int
    pedals: bool
    programs: bool
    instruments: tuple[int, ...]

    @property
    def velocity(self) -> int:
        """The value of the lowest velocity."""
        return SHIFT + self.shifts

    @cached_property
    def pedal(self) -> int:
        """The value of pedal up; pedal down is the next one."""
        return self.velocity + (self.velocities if self.velocities > 1 else 0)

    @cached_property
    def n(self) -> int:
        """The number of values."""
        return self.pedal + 2 * self.pedals

    @property
    def programs_of_a_pitch(self) -> int:
        """P, the number of keys that have the same pitch."""
        return DRUMS + 1 if self.programs else 1

    @cached_property
    def keys(self) -> int:
        """K; a key is program * 128 + pitch, or the pitch alone."""
        return PITCHES * self.programs_of_a_pitch

    def key(self, steps: Steps) -> NDArray[np.int64]:
        """Return the key of each step (T,); for a step that is no note it means nothing."""
        key = steps["event"].astype(np.int64) % PITCHES
        return key + steps["program"].astype(np.int64) * PITCHES if self.programs else key

    def __str__(self) -> str:
        """Say which values mean what, as the unit of the field shows it."""
        parts = ["0.. note-on", f"{OFF}.. note-off", f"{SHIFT}.. shift"]
        parts += [f"{self.velocity}.. velocity"] * (self.velocities > 1)
        parts += [f"{self.pedal}.. pedal up, down"] * self.pedals
        return ", ".join(parts)

    # Tables -------------------------------------------------------------------------------------

    @property
    def initial_state(self) -> NDArray[np.int64]:
        """(STATE_SIZE,): the state of a row at the start of its piece."""
        state = np.zeros(STATE_SIZE, np.int64)
        state[VELOCITY] = self.velocities == 1  # the only one is known
        return state

    @cached_property
    def moves(self) -> NDArray[np.int64]:
        """(3, STATE_SIZE, n + 1): how each event changes the state; column n stands for no event.

        The state is multiplied by the first table, then the second is added, then the third times
        the program. At one position come note-offs by key, pedal up, pedal down, note-ons by key.
        """
        moves = np.zeros((3, STATE_SIZE, self.n + 1), np.int64)
        keeps, adds, adds_by_program = moves
        on, off, notes = slice(0, OFF), slice(OFF, SHIFT), slice(0, SHIFT)
        shift, velocity = slice(SHIFT, self.velocity), slice(self.velocity, self.pedal)
        pedals, key = slice(self.pedal, self.n), np.arange(PITCHES)
        keeps[:] = 1
        adds[POSITION, shift] = adds[SINCE_EVENT, shift] = np.arange(1, self.shifts + 1)
        keeps[SINCE_EVENT, notes] = keeps[SINCE_EVENT, pedals] = 0
        keeps[AFTER_VELOCITY, :-1], adds[AFTER_VELOCITY, velocity] = 0, 1
        keeps[VELOCITY, velocity] = 0
        adds[VELOCITY, velocity] = 1 + np.arange(self.pedal - self.velocity)
        adds[SOUNDING, on], adds[SOUNDING, off] = 1, -1
        keeps[LOWEST_OFF, :-1] = 0
        adds[LOWEST_OFF, off], adds_by_program[LOWEST_OFF, off] = key + 1, PITCHES
        # No key or pedal may be released any more.
        adds[LOWEST_OFF, on] = adds[LOWEST_OFF, velocity] = self.keys + 2
        keeps[LOWEST_ON, notes] = keeps[LOWEST_ON, shift] = keeps[LOWEST_ON, pedals] = 0
        adds[LOWEST_ON, on], adds_by_program[LOWEST_ON, on] = key + 1, PITCHES
        if self.pedals:
            keeps[PEDAL_DOWN, pedals], adds[PEDAL_DOWN, pedals] = 0, (0, 1)
            adds[LOWEST_OFF, pedals] = self.keys + 1, self.keys + 2
        return moves

    @cached_property
    def next_program(self) -> NDArray[np.int64]:
        """(128,): by pitch, the number to add to a key to find the next program of that pitch.

        The sum, shifted down by BITS, is 1 + the lowest program in which the pitch is no lower than
        the key.
        """
        return 2 * PITCHES - 1 - np.arange(PITCHES)

    @cached_property
    def longest_shifts(self) -> NDArray[np.int64]:
        """(rest + 1,): by positions since the last event, the longest shift; 0: no shift.

        Only an event may follow a shift that is shorter than the longest.
        """
        rest = np.arange(self.rest + 1)
        return np.where(rest % self.shifts == 0, np.minimum(self.shifts, self.rest - rest), 0)

    @cached_property
    def other_velocities(self) -> NDArray[np.bool_]:
        """(velocities + 1, velocities): by VELOCITY, all velocities but the last one."""
        velocity = 1 + np.arange(self.velocities)
        return np.asarray(velocity != np.arange(self.velocities + 1)[:, None])

    @cached_property
    def programs_from(self) -> NDArray[np.bool_]:
        """(P + 2, P): by 1 + a program, the instruments that are no lower than it."""
        programs = 1 + np.arange(self.programs_of_a_pitch)
        there = np.isin(programs - 1, self.instruments)
        return np.asarray(there & (programs >= np.arange(len(programs) + 2)[:, None]))

    @cached_property
    def programs_left(self) -> NDArray[np.uint8]:
        """(P + 2,): by 1 + a program, the number of instruments no lower than it; at last 0."""
        return np.asarray(self.programs_from.sum(axis=1, dtype=np.uint8))

    def few_left_from(self, sounding: int) -> int:
        """Return the lowest key after which `sounding` programs may use up a pitch.

        From there on at most that many instruments are left for the pitch, so all of them may sound
        already.
        """
        return int(np.argmax(self.programs_left[2:] <= sounding)) * PITCHES
