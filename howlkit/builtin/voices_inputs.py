"""What encoder `voices` derives of its steps: what sounds, for how long, and which intervals.

Sounds are numbers as in `soundK`: 0 silence, 1 the lowest pitch. Shapes: V voices, then any
shape (steps, or rows of a grammar).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from howlkit.schema import Field

if TYPE_CHECKING:
    from howlkit.builtin.voices import Voices

__all__ = ["BEATS_COUNTED", "LONGEST_BAR", "columns", "fields"]

BEATS_COUNTED = 12  # by `beat`, which then begins again: bars of 2, 3, 4 and 6 beats show in it
LONGEST_BAR = 8  # beats that `position` tells apart

Column = NDArray[Any]  # of signed integers, of 16 bits or more


@dataclass(frozen=True)
class _Interval:
    """Semitones from one sound up to another: 0 if either is silence, 1 for `low` and below."""

    low: int
    high: int

    @property
    def n(self) -> int:
        """How many values there are."""
        return self.high - self.low + 2

    def between(self, lower: Column, upper: Column) -> Column:
        """Return the interval of sounds, beyond the outermost the outermost."""
        value: Column = np.maximum(upper - lower, self.low)
        np.minimum(value, self.high, out=value)
        value += 1 - self.low
        value *= np.minimum(lower, upper) > 0
        return value


_MOTION = _Interval(-12, 12)  # larger leaps are rare in any voice
_INTERVAL = _Interval(-12, 36)  # voices cross by little, and may be three octaves apart


def fields(encoder: Voices) -> list[Field]:
    """Return the derived fields.

    position: where the next slice stands in its bar, in slices; of changes, where this one stands,
    and 0 in the start row. beat: its beat from the start of the piece, counted round. soundK: what
    voice K sounds after this row. heldK: for how many slices so far; 0 in silence. motionK: by how
    much it moved in this row. intervalJ_K: how far J is above K.
    """
    if encoder.derived == "none":
        return []
    unit, voices = f"1/{encoder.grid} beat", range(1, encoder.voices + 1)
    sizes = {"position": (LONGEST_BAR * encoder.grid, unit), "beat": (BEATS_COUNTED, "beat")}
    for k in voices:
        sizes[f"sound{k}"] = 1 + encoder.high - encoder.low + 1, "semitone"
        sizes[f"held{k}"] = 1 + encoder.longest_held, unit
    if encoder.derived == "intervals":
        sizes |= {f"motion{k}": (_MOTION.n, "semitone") for k in voices}
        sizes |= {f"interval{j}_{k}": (_INTERVAL.n, "semitone") for j, k in _pairs(encoder.voices)}
    return [
        Field(name, n, name != "beat", unit=unit, derived=True) for name, (n, unit) in sizes.items()
    ]


def columns(
    encoder: Voices, position: Column, beat: Column, *, before: Column, sounds: Column, held: Column
) -> dict[str, Column]:
    """Return what is derived, by field name.

    position, beat: (...). before, sounds, held: (V, ...), what sounded before a step, what does
    after it, and for how many slices.
    """
    derived = {"position": position, "beat": beat}
    for k in range(encoder.voices):
        derived[f"sound{k + 1}"], derived[f"held{k + 1}"] = sounds[k], held[k]
    if encoder.derived == "intervals":
        motion = _MOTION.between(before, sounds)
        for k in range(encoder.voices):
            derived[f"motion{k + 1}"] = motion[k]
        pairs = _pairs(encoder.voices)
        upper, lower = _pair_rows(encoder.voices)
        intervals = _INTERVAL.between(sounds.take(lower, axis=0), sounds.take(upper, axis=0))
        for (j, k), interval in zip(pairs, intervals, strict=True):
            derived[f"interval{j}_{k}"] = interval
    return derived


def _pairs(voices: int) -> list[tuple[int, int]]:
    """Return the pairs that have an interval, voices from 1: neighbours, and each with the last.

    All pairs would be 120 of 16 voices.
    """
    return [(k, k + 1) for k in range(1, voices)] + [(k, voices) for k in range(1, voices - 1)]


@lru_cache(maxsize=16)
def _pair_rows(voices: int) -> NDArray[np.intp]:
    """Return (2, pairs): the voices of `_pairs` from 0, the upper ones and the lower ones."""
    return np.array(_pairs(voices), np.intp).reshape(-1, 2).T - 1
