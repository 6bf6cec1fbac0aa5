"""Masks of what a voice may be, by what it sounds now; made once for each set of options.

The grammar looks up rows of these tables. Sounds are numbers as in `soundK`: 0 silence, 1 the
lowest pitch. Letters: V voices, P pitches, S = P + 1 sounds, n = P + 2 values of a voice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.encoders.voices.spec import LOWEST, SILENCE, VoicesSpec
from howlkit.schema import Schema

__all__ = ["Neighbour", "Voice", "VoiceMasks"]

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Neighbour:
    """The nearest voice above (or below) a voice, among those decided before it.

    number: the neighbour's, from 0, the highest. room: (S, n), by what the neighbour will sound,
    the values of the voice that keep both in order and leave room for the voices between them. The
    column of AS_BEFORE means nothing; the grammar fills it in.
    """

    name: str
    number: int
    room: Mask


@dataclass(frozen=True)
class Voice:
    """A voice, and the masks that limit its values.

    number: from 0, the highest. decided: how many voices are decided before it. own: (S, n), by
    what it sounds, what it may be if other voices are left aside. neighbours: the voices that limit
    it further; none where voices are tracks. The voices decided before are in order already, so the
    nearest one on each side is enough.
    """

    name: str
    number: int
    decided: int
    own: Mask
    neighbours: tuple[Neighbour, ...]


class VoiceMasks:
    """All voices with their masks, and what else a grammar looks up.

    decided: the voices in the order in which they are decided. by_name: the same. order: (V,) their
    numbers. independent: whether no voice limits another. bytes: (V,) the byte of a step that holds
    each voice, by number. values: n. longest: (S,) the most slices that `heldK` counts; 0 for
    silence. derived: the names of the derived fields.
    """

    def __init__(self, spec: VoicesSpec, schema: Schema) -> None:
        self.schema = schema
        columns = [field.name for field in schema.columns]
        self.decided = _voices(spec)
        self.by_name = {voice.name: voice for voice in self.decided}
        self.order = np.array([voice.number for voice in self.decided])
        self.independent = not any(voice.neighbours for voice in self.decided)
        self.bytes = np.array([columns.index(f"voice{k + 1}") for k in range(spec.voices)])
        self.values = LOWEST + spec.pitches
        self.longest = np.full(1 + spec.pitches, spec.longest_held, np.uint8)
        self.longest[0] = 0
        self.derived = tuple(field.name for field in schema.derived)


def _voices(spec: VoicesSpec) -> tuple[Voice, ...]:
    """Return the voices in the order in which they are decided."""
    own = _own_mask(spec.pitches, restrikes=spec.restrikes)
    if not spec.by_pitch:
        return tuple(Voice(f"voice{k}", k - 1, at, own, ()) for at, k in enumerate(spec.decided))
    voices = []
    for decided, k in enumerate(spec.decided):
        before = spec.decided[:decided]
        above, below = sorted(j for j in before if j < k), sorted(j for j in before if j > k)
        nearest = above[-1:] + below[:1]
        neighbours = [
            Neighbour(f"voice{j}", j - 1, _room_mask(spec.pitches, k - j)) for j in nearest
        ]
        alone = own if above else own & _below_mask(spec.pitches, k - 1)
        voices.append(Voice(f"voice{k}", k - 1, decided, alone, tuple(neighbours)))
    return tuple(voices)


def _own_mask(pitches: int, *, restrikes: bool) -> Mask:
    """Return `Voice.own`: a silent voice cannot fall silent, nor one strike the pitch it holds.

    With `restrikes` it may strike that pitch again.
    """
    own = np.ones((pitches + 1, pitches + 2), bool)
    own[0, SILENCE] = False
    if not restrikes:
        own[:, SILENCE:] &= ~np.eye(pitches + 1, dtype=bool)
    return own


def _below_mask(pitches: int, voices_above: int) -> Mask:
    """Return (S, n), by what a voice sounds: the values that leave a pitch for each voice above."""
    sounds = np.arange(pitches + 1)
    fits = (sounds == 0) | (sounds <= pitches - voices_above)
    return np.concatenate((fits[:, None], np.tile(fits, (len(fits), 1))), axis=1)


def _room_mask(pitches: int, ranks_below: int) -> Mask:
    """Return `Neighbour.room` for a voice `ranks_below` its neighbour; below 0, it is above."""
    sounds, after = np.ogrid[: pitches + 1, -SILENCE : pitches + 1]
    if ranks_below > 0:
        return np.asarray((after == 0) | (after <= sounds - ranks_below))
    return np.asarray((sounds == 0) | (after >= sounds - ranks_below))
