"""The options of encoder `voices` as its modules need them, and the values of a voice.

The other modules of this folder take a `VoicesSpec`, so that none of them has to know the encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["AS_BEFORE", "KNOWN_BEATS", "LOWEST", "SILENCE", "VoicesSpec"]

AS_BEFORE, SILENCE, LOWEST = 0, 1, 2
"""The values of a voice: go on, fall silent, begin the lowest pitch; higher pitches follow."""

KNOWN_BEATS = 2
"""An excerpt knows everything that sounded this long before it; `heldK` counts no further."""


@dataclass(frozen=True)
class VoicesSpec:
    """What the options settle.

    voices: how many. grid: slices a beat. pitches: how many pitches a voice may sing. by_pitch:
    whether voices are ranks among the pitches that sound, else they are tracks. restrikes: whether
    a voice may strike the pitch that it holds. decided: the voices, from 1, in the order in which
    they are decided. changes: whether steps stand only on beats and where a voice changes, else in
    each slice. derived: which derived fields there are.
    """

    voices: int
    grid: int
    pitches: int
    by_pitch: bool
    restrikes: bool
    decided: tuple[int, ...]
    changes: bool
    derived: Literal["none", "sounds", "intervals"]

    @property
    def longest_held(self) -> int:
        """The most slices that `heldK` counts."""
        return KNOWN_BEATS * self.grid - 1
