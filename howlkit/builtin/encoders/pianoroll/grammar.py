"""The slices of encoder `pianoroll` that may come next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.encoders.pianoroll.spec import PianorollSpec
from howlkit.builtin.encoders.shared.slices import Metre
from howlkit.note_choices import BEGINS, COMING, LASTS, UNKNOWN, NoteChoices, PossibleNotes
from howlkit.schema import END, START, STEP, Field, Steps

__all__ = ["PianorollGrammar", "sounding_keys"]

Column = NDArray[np.int64]
Keys = NDArray[np.bool_]


class PianorollGrammar:
    """A key can be held only if it sounds, no piece ends in silence, and no rest is too long.

    metre: of the pieces, for the field `position`. rows: B.
    """

    alone = False

    def __init__(self, spec: PianorollSpec, metre: Metre, rows: int) -> None:
        self._spec, self._metre, self.divisions = spec, metre, spec.divisions
        self._slices = np.zeros(rows, np.int64)
        self._rest = np.zeros(rows, np.int64)  # silent slices since something sounded
        self._sounding = np.zeros((rows, spec.keys), bool)

    @property
    def now(self) -> NDArray[np.float64]:
        """The beginning of each row's last slice, in beats or seconds."""
        return np.asarray(np.maximum(self._slices - 1, 0) / self._spec.divisions)

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, field.choices): the choices that may come next."""
        mask = np.ones((len(given), field.choices), bool)
        if field.name == "mark":
            mask[:, START] = False
            mask[:, STEP] = self._slices < self._spec.most_slices
            mask[:, END] = (self._slices == 0) | (self._rest == 0)
            return mask
        if field.name == "held":
            mask[:, :-1] = self._sounding
            return mask
        sound = self._must_sound
        if field.name == "keys":
            mask[:, -1] = ~sound | given["keys"].any(axis=1)
            return mask
        held: Keys = given["held"] > 0
        sound = sound & ~held.any(axis=1)
        if field.name == "loudness":
            mask[:, 0] = ~sound
            mask[:, 1:] = ~held.all(axis=1, keepdims=True)
            return mask
        mask[:, :-1] = ~held
        needed = given["loudness"] > 0 if self._spec.velocities else sound
        mask[:, -1] = ~needed | given["onset"].any(axis=1)
        return mask

    def note_choices(self, field: Field, given: Steps) -> NoteChoices | None:
        """Return what the choices of a field mean in notes, as `NoteGrammar.note_choices`.

        A key that is on sounds until the next slice, where a held one makes it last longer.
        """
        if field.name == "mark":
            return None
        shape = len(self._slices), field.choices
        slices = self._slices.repeat(field.choices).reshape(shape)
        role, pitch = np.zeros(shape, np.uint8), np.full(shape, UNKNOWN)
        nothing, end = np.zeros(shape, np.int64), np.full(shape, UNKNOWN)
        if field.kind == "bits":
            pitch[:, :-1] = self._spec.low + np.arange(field.n)
            end[:, :-1] = slices[:, :-1] + 1
        if field.name == "loudness":
            role[:, 1:] = COMING
        elif field.name == "held":
            role[:, :-1] = LASTS
        else:
            role[:, :-1] = BEGINS
            slices[:, -1] += 1  # no more begin in this slice
        if field.name == "keys":
            role[:, :-1][self._sounding] = LASTS
        return NoteChoices(
            role=role, onset=slices, pitch=pitch, program=nothing, track=nothing, end=end
        )

    @property
    def possible_notes(self) -> PossibleNotes:
        """A piano and the keys of a slice, as `BoundedGrammar.possible_notes`."""
        return PossibleNotes((0,), range(self._spec.low, self._spec.low + self._spec.keys))

    @property
    def _must_sound(self) -> Keys:
        """(B,): where the next slice must sound: after the longest rest, or as the last slice."""
        spec = self._spec
        return (self._rest >= spec.longest_rest) | (self._slices >= spec.most_slices - 1)

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> Column:
        """Move on by a slice where `rows` says so; return (B,) the notes begun."""
        taken = rows & (step["mark"] == STEP)
        sounding, held = sounding_keys(step)
        begun = sounding & ~(held & self._sounding)
        self._slices += taken
        self._rest = np.where(taken, np.where(sounding.any(axis=1), 0, self._rest + 1), self._rest)
        self._sounding[taken] = sounding[taken]
        return np.where(taken, begun.sum(axis=1), 0)

    def derived(self, field: Field) -> Column:
        """Return (B,): the field `position`, where each row's next slice stands in its bar."""
        return self._metre.position(self._slices)

    def select(self, rows: NDArray[np.intp]) -> PianorollGrammar:
        """Return a copy that holds `rows`."""
        copy = PianorollGrammar(self._spec, self._metre, len(rows))
        copy._slices, copy._rest = self._slices[rows].copy(), self._rest[rows].copy()
        copy._sounding = self._sounding[rows].copy()
        return copy


def sounding_keys(steps: Steps) -> tuple[Keys, Keys]:
    """Return (T, n): the keys that sound in each step, and those of them that may be held."""
    if "keys" in (steps.dtype.names or ()):
        keys = steps["keys"] > 0
        return keys, keys.copy()
    held = steps["held"] > 0
    return held | (steps["onset"] > 0), held
