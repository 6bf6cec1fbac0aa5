"""What the events of encoder `event` are.

Positions are on a uniform grid, K is the number of keys (pitches of all programs), S the longest
shift in positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.piece import DRUMS
from howlkit.schema import Steps

__all__ = ["OFF", "PITCHES", "SHIFT", "Vocabulary"]

PITCHES = 128
OFF, SHIFT = PITCHES, 2 * PITCHES  # the first values of note-offs and of shifts; note-ons are first


@dataclass(frozen=True)
class Vocabulary:
    """The values of an event: note-ons, note-offs, shifts, velocities, pedal up, pedal down.

    grid: positions a second or a beat. shifts: S. rest: the longest time without an event, in
    positions. velocities: how many; if one, it is never told. pedals: whether there are any.
    programs: whether note-ons and note-offs have one.
    """

    grid: int
    shifts: int
    rest: int
    velocities: int
    pedals: bool
    programs: bool

    @property
    def velocity(self) -> int:
        """The value of the lowest velocity."""
        return SHIFT + self.shifts

    @property
    def pedal(self) -> int:
        """The value of pedal up; pedal down is the next."""
        return self.velocity + (self.velocities if self.velocities > 1 else 0)

    @property
    def n(self) -> int:
        """How many values there are."""
        return self.pedal + 2 * self.pedals

    @property
    def unknown(self) -> int:
        """The velocity before the first is told: none, unless there is only one."""
        return -1 if self.velocities > 1 else 0

    @property
    def keys(self) -> int:
        """K: a key is program * 128 + pitch, or the pitch alone."""
        return PITCHES * (DRUMS + 1 if self.programs else 1)

    def key(self, steps: Steps) -> NDArray[np.int64]:
        """Return the key of each step; what it says of steps that are no notes means nothing."""
        key = steps["event"].astype(np.int64) % PITCHES
        return key + steps["program"].astype(np.int64) * PITCHES if self.programs else key

    def place(self, code: Any, key: Any) -> NDArray[np.int64]:  # noqa: ANN401 - arrays
        """Return where notes and pedals stand among the events at one position; they rise there.

        Note-off of key k: k; pedal up: K; pedal down: K + 1; note-on of key k: K + 2 + k.
        """
        note = np.where(code < OFF, self.keys + 2 + key, key)
        return np.asarray(np.where(code >= self.pedal, self.keys + code - self.pedal, note))

    def __str__(self) -> str:
        """Say, for people, which values mean what."""
        parts = ["0.. note-on", f"{OFF}.. note-off", f"{SHIFT}.. shift"]
        parts += [f"{self.velocity}.. velocity"] * (self.velocities > 1)
        parts += [f"{self.pedal}.. pedal up, down"] * self.pedals
        return ", ".join(parts)
