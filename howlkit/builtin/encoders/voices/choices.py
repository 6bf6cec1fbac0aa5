"""What the options of encoder `voices` alone say of its steps: masks by what sounds, and the like.

It is worked out once an encoder; a grammar looks up rows. Sounds are numbers as in `soundK`: 0
silence, 1 the lowest pitch. Letters: V voices, P pitches, S = P + 1 sounds, n = P + 2 values of a
voice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from howlkit.builtin.encoders.voices.encoder import Voices

__all__ = ["AS_BEFORE", "LOWEST", "SILENCE", "Choices", "Neighbour", "Voice"]

AS_BEFORE, SILENCE, LOWEST = 0, 1, 2  # values of a voice

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Neighbour:
    """Of the voices decided before another, the nearest above it, or below.

    number: from 0, the highest. room: (S, n), by what it will sound, what leaves the other in order
    with it, and room for those between. What is said there of AS_BEFORE means nothing.
    """

    name: str
    number: int
    room: Mask


@dataclass(frozen=True)
class Voice:
    """What a voice may do.

    number: from 0, the highest. decided: how many are decided before it. own: (S, n), by what it
    sounds, what it may do as far as no other has a say. neighbours: which have; none where voices
    are tracks. As those that are decided are in order, the ones further away add nothing.
    """

    name: str
    number: int
    decided: int
    own: Mask
    neighbours: tuple[Neighbour, ...]


class Choices:
    """The voices as their grammars need them.

    decided: as they are decided. by_name: the same. order: (V,), their numbers. independent:
    whether none has a say in what another may be. bytes: (V,), which byte of a step holds each, by
    number. values: n. longest: (S,), for how many slices it is counted that a voice sounds; none in
    silence. derived: the names of the derived fields.
    """

    def __init__(self, encoder: Voices) -> None:
        columns = [field.name for field in encoder.schema.columns]
        self.decided = _voices(encoder)
        self.by_name = {voice.name: voice for voice in self.decided}
        self.order = np.array([voice.number for voice in self.decided])
        self.independent = not any(voice.neighbours for voice in self.decided)
        self.bytes = np.array([columns.index(f"voice{k + 1}") for k in range(encoder.voices)])
        self.values = LOWEST + encoder.pitches
        self.longest = np.full(1 + encoder.pitches, encoder.longest_held, np.uint8)
        self.longest[0] = 0
        self.derived = tuple(field.name for field in encoder.schema.derived)


def _voices(encoder: Voices) -> tuple[Voice, ...]:
    """Return the voices as they are decided."""
    own = _own(encoder.pitches, restrikes=encoder.restrikes)
    if encoder.assign == "track":
        return tuple(Voice(f"voice{k}", k - 1, at, own, ()) for at, k in enumerate(encoder.decided))
    voices = []
    for decided, k in enumerate(encoder.decided):
        before = encoder.decided[:decided]
        above, below = sorted(j for j in before if j < k), sorted(j for j in before if j > k)
        near = above[-1:] + below[:1]
        neighbours = [Neighbour(f"voice{j}", j - 1, _room(encoder.pitches, k - j)) for j in near]
        alone = own if above else own & _under(encoder.pitches, k - 1)
        voices.append(Voice(f"voice{k}", k - 1, decided, alone, tuple(neighbours)))
    return tuple(voices)


def _own(pitches: int, *, restrikes: bool) -> Mask:
    """Return (S, n), by what a voice sounds: it falls silent only if it does.

    Without restrikes it must not name the pitch that it holds.
    """
    own = np.ones((pitches + 1, pitches + 2), bool)
    own[0, SILENCE] = False
    if not restrikes:
        own[:, SILENCE:] &= ~np.eye(pitches + 1, dtype=bool)
    return own


def _under(pitches: int, above: int) -> Mask:
    """Return (S, n), by what a voice sounds: what leaves room for so many voices above it."""
    sounds = np.arange(pitches + 1)
    fits = (sounds == 0) | (sounds <= pitches - above)
    return np.concatenate((fits[:, None], np.tile(fits, (len(fits), 1))), axis=1)


def _room(pitches: int, lower: int) -> Mask:
    """Return `Neighbour.room` for a voice so many voices below it; of a negative number, above."""
    sounds, after = np.ogrid[: pitches + 1, -SILENCE : pitches + 1]
    if lower > 0:
        return np.asarray((after == 0) | (after <= sounds - lower))
    return np.asarray((sounds == 0) | (after >= sounds - lower))
