"""The derived fields of encoder `voices`: what sounds, for how long, motions and intervals.

Sounds are numbers as in `soundK`: 0 silence, 1 the lowest pitch. Shapes: V voices, then any shape
(the steps of a piece, or the rows of a grammar).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import repeated
from howlkit.builtin.encoders.shared.slices import Metre
from howlkit.builtin.encoders.voices.spec import VoicesSpec
from howlkit.schema import Field

__all__ = [
    "BEATS_COUNTED",
    "LONGEST_BAR",
    "derived_columns",
    "derived_fields",
    "held_slices",
    "positions_and_beats",
]

BEATS_COUNTED = 12  # `beat` counts modulo this, so bars of 2, 3, 4 and 6 beats show in it
LONGEST_BAR = 8  # beats; later positions in a bar share the last value of `position`

Column = NDArray[np.uint8]  # all fields fit a byte


_LOW = -12  # semitones; lower motions and intervals share a value: voices cross by little
_MOTION, _INTERVAL = 12, 36  # semitones; larger ones share a value, and they are rare


def derived_fields(spec: VoicesSpec) -> list[Field]:
    """Return the derived fields.

    position: where the next slice stands in its bar, in slices; with steps on changes, where this
    slice stands, and 0 in the start row. beat: the beat of that slice from the start of the piece,
    modulo BEATS_COUNTED. soundK: what voice K sounds after this row. heldK: for how many slices it
    has sounded; 0 in silence. motionK: how far it moved in this row. intervalJ_K: how far voice J
    is above voice K.
    """
    if spec.derived == "none":
        return []
    unit, voices = f"1/{spec.grid} beat", range(1, spec.voices + 1)
    sizes = {"position": (LONGEST_BAR * spec.grid, unit), "beat": (BEATS_COUNTED, "beat")}
    for k in voices:
        sizes[f"sound{k}"] = 1 + spec.pitches, "semitone"
        sizes[f"held{k}"] = 1 + spec.longest_held, unit
    if spec.derived == "intervals":
        sizes |= {f"motion{k}": (_values(_MOTION), "semitone") for k in voices}
        sizes |= {
            f"interval{j}_{k}": (_values(_INTERVAL), "semitone") for j, k in _pairs(spec.voices)
        }
    return [
        Field(name, n, name != "beat", unit=unit, derived=True) for name, (n, unit) in sizes.items()
    ]


def derived_columns(
    spec: VoicesSpec,
    position: NDArray[np.integer[Any]],
    beat: NDArray[np.integer[Any]],
    *,
    heard: Column,
    held: Column,
) -> Column:
    """Return (n, ...): the columns of `derived_fields`, in their order.

    position, beat: (...). heard: (2V, ...), the sound of each voice before a step, then the sound
    of each voice after it. held: (V, ...), for how many slices each voice has sounded.
    """
    compared = 2 + 2 * spec.voices
    intervals = len(_compared(spec.voices)[0]) if spec.derived == "intervals" else 0
    derived = np.empty((compared + intervals, *position.shape), np.uint8)
    derived[0], derived[1] = position, beat
    derived[2:compared:2], derived[3:compared:2] = heard[spec.voices :], held
    if intervals:
        lower, upper, lowest, highest = _compared(spec.voices)
        from_sound, to_sound = heard.take(lower, axis=0), heard.take(upper, axis=0)
        # Negative differences wrap round, which is right as signed bytes: at most 127 semitones.
        value = (to_sound - from_sound).view(np.int8)
        np.maximum(value, lowest, out=value)
        np.minimum(value, highest, out=value)
        value += 1 - _LOW
        sound = np.minimum(from_sound, to_sound) > 0
        np.multiply(value.view(np.uint8), sound.view(np.uint8), out=derived[compared:])
    return derived


def positions_and_beats(
    metre: Metre, grid: int, at: range | NDArray[np.int64]
) -> tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
    """Return (T,): the fields `position` and `beat` of steps in slices `at`.

    A range stands for a step in each slice, which has the position and beat of the next slice.
    """
    if not isinstance(at, range):
        return metre.position(at), at // grid % BEATS_COUNTED
    first, stop = at.start + 1, at.stop + 1
    return metre.between(first, stop), repeated(_beats(grid), first, stop)


@lru_cache(maxsize=16)
def _beats(grid: int) -> Column:
    """Return (BEATS_COUNTED * grid,): the beat of each slice, before it begins again at 0."""
    return np.arange(BEATS_COUNTED, dtype=np.uint8).repeat(grid)


def held_slices(sounds: Column, changed: NDArray[np.bool_], longest: int) -> Column:
    """Return (V, T): the field `heldK`, for how many slices each voice has sounded unchanged.

    In the first slice every voice counts as changed. longest: the most slices counted, 1..127.
    """
    steady = ~changed
    steady[:, :1] = False
    # For how many slices nothing has changed, at most `known`; voices lie one behind the other.
    age, known = steady.reshape(-1).view(np.uint8), 1
    while known < longest - 1:
        as_known = (age[known:] == known).view(np.uint8)
        age[known:] += as_known * age[:-known]  # it was steady before that, too
        known *= 2
    held = np.minimum(age, longest - 1).reshape(sounds.shape)
    held += 1
    held *= (sounds > 0).view(np.uint8)
    return held


def _values(largest: int) -> int:
    """Return the number of values of a motion or interval: 0 for silence, 1 for _LOW and so on."""
    return largest - _LOW + 2


def _pairs(voices: int) -> list[tuple[int, int]]:
    """Return the pairs of voices, from 1, with an interval: neighbours, and each with the last.

    All pairs of 16 voices would be 120 fields.
    """
    return [(k, k + 1) for k in range(1, voices)] + [(k, voices) for k in range(1, voices - 1)]


@lru_cache(maxsize=16)
def _compared(
    voices: int,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int8], NDArray[np.int8]]:
    """Return the two sounds that each of n motions and intervals compares, and its limits.

    Sounds: (n,), rows of `heard` (2V, ...). Limits: (n, 1), semitones.
    """
    pairs = np.array(_pairs(voices), np.intp).reshape(-1, 2) + voices - 1
    now = np.arange(voices, 2 * voices)
    lower, upper = np.append(now - voices, pairs[:, 1]), np.append(now, pairs[:, 0])
    highest = np.repeat([_MOTION, _INTERVAL], [voices, len(pairs)]).astype(np.int8)[:, None]
    return lower, upper, np.full_like(highest, _LOW), highest
