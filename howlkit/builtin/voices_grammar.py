"""Grammars of encoder `voices`: what a voice may do, slice by slice or change by change.

B rows (pieces side by side), n values of a field, V voices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.slices import Metre
from howlkit.builtin.voices_inputs import BEATS_COUNTED, columns
from howlkit.schema import END, STEP, Field, Steps

if TYPE_CHECKING:
    from howlkit.builtin.voices import Voices

__all__ = ["AS_BEFORE", "LOWEST", "SILENCE", "ChangesGrammar", "VoicesGrammar"]

AS_BEFORE, SILENCE, LOWEST = 0, 1, 2  # values of a voice

Column = NDArray[np.int64]


class VoicesGrammar:
    """What a voice may do: fall silent only if it sounds; the last slice of a piece is not silent.

    Without restrikes it must not name the pitch that it holds; and where voices go by pitch, each
    is lower than the one above it, and silent if that is. All else would be spelt in another way.
    """

    def __init__(self, encoder: Voices, metre: Metre, rows: int, *, most: int) -> None:
        """Begin `rows` pieces, each of `most` slices at most."""
        self._encoder, self._metre, self._most = encoder, metre, most
        self._slices = np.zeros(rows, np.int64)
        self._sounds = np.zeros((rows, encoder.voices), np.int64)  # as in `soundK`
        self._before = np.zeros((rows, encoder.voices), np.int64)  # a step earlier
        self._held = np.zeros((rows, encoder.voices), np.int64)
        self._derived: dict[str, Column] | None = None  # of the steps so far, once asked for

    @property
    def now(self) -> NDArray[np.float64]:
        """Where each row's last slice begins, in beats."""
        return np.maximum(self._slices - 1, 0) / self._encoder.grid

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, n): what `mark` or a voice may be."""
        if field.name == "mark":
            mask = np.zeros((len(given), field.n), bool)
            mask[:, STEP], mask[:, END] = self._may_go_on(), self._may_end()
            return mask
        voice = int(field.name.removeprefix("voice")) - 1
        now = self._sounds[:, voice]
        value = np.arange(field.n)
        mask = (value != SILENCE) | (now > 0)[:, None]
        if not self._encoder.restrikes:
            mask &= (value != now[:, None] + SILENCE) | (value < LOWEST)
        after = np.where(value == AS_BEFORE, now[:, None], value - SILENCE)  # (B, n)
        decided = self._encoder._decided[: self._encoder._decided.index(voice + 1)]
        others = {k - 1: self._after(k - 1, given) for k in decided}
        if self._encoder.assign == "pitch":
            mask &= _in_order(after, voice, others, self._encoder._pitches)
        return np.asarray(mask & self._ends_well(given, after, voice, others), bool)

    def _may_go_on(self) -> NDArray[np.bool_]:
        return np.asarray(self._slices < self._most)

    def _may_end(self) -> NDArray[np.bool_]:
        return np.asarray((self._slices == 0) | self._sounds.any(axis=1))

    def _after(self, voice: int, step: Steps) -> Column:
        """Return (B,): what a voice sounds after `step`."""
        value = step[f"voice{voice + 1}"].astype(np.int64)
        return np.where(value == AS_BEFORE, self._sounds[:, voice], value - SILENCE)

    def _ends_well(
        self, given: Steps, after: Column, voice: int, others: dict[int, Column]
    ) -> NDArray[np.bool_]:
        """Return (B, n): what lets the last slice that a piece may have sound.

        given: (B,) the fields decided before. after: (B, n), what `voice` would sound. others:
        (B,), what those decided will sound.
        """
        # Where voices go by pitch, none sounds if the highest does not.
        by_pitch = self._encoder.assign == "pitch"
        settles = voice == 0 if by_pitch else len(others) == self._encoder.voices - 1
        if not settles:
            return np.ones_like(after, bool)
        silent = self._slices == self._most - 1
        for other in () if by_pitch else others.values():
            silent = silent & (other == 0)
        return np.asarray(~silent[:, None] | (after > 0), bool)

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Move on by a step in the rows marked True; return how many notes each began."""
        moved, slices = rows & (step["mark"] == STEP), self._passes(step)
        begun = np.zeros(len(rows), np.int64)
        self._derived = None
        self._before = np.where(moved[:, None], self._sounds, self._before)
        self._slices += np.where(moved, slices, 0)
        for k in range(self._encoder.voices):
            value = np.where(moved, step[f"voice{k + 1}"], AS_BEFORE)
            sounds = self._after(k, step)
            held = np.where(value == AS_BEFORE, self._held[:, k] + slices, 1)
            held = np.where(sounds > 0, np.minimum(held, self._encoder.longest_held), 0)
            self._sounds[:, k] = np.where(moved, sounds, self._sounds[:, k])
            self._held[:, k] = np.where(moved, held, self._held[:, k])
            begun += value >= LOWEST
        return begun

    def _passes(self, step: Steps) -> Column:
        """Return (B,): by how many slices a step moves on."""
        return np.ones(len(step), np.int64)

    def _stands(self) -> Column:
        """Return (B,): the slice whose place is derived, which is the next."""
        return self._slices

    def derived(self, field: Field) -> Column:
        """Return (B,): where the music stands, or what a voice sounds, for how long and so on."""
        if self._derived is None:
            stands = self._stands()
            derived = columns(
                self._encoder,
                self._metre.position(stands),
                stands // self._encoder.grid % BEATS_COUNTED,
                before=self._before.T.astype(np.uint8),
                sounds=self._sounds.T.astype(np.uint8),
                held=self._held.T.astype(np.uint8),
            )
            names = (of.name for of in self._encoder.schema.derived)
            self._derived = dict(zip(names, derived.astype(np.int64), strict=True))
        return self._derived[field.name]

    def select(self, rows: NDArray[np.intp]) -> Self:
        """Return a copy that holds `rows`."""
        copy = type(self)(self._encoder, self._metre, 0, most=self._most)
        copy._slices, copy._sounds = self._slices[rows].copy(), self._sounds[rows].copy()
        copy._held, copy._before = self._held[rows].copy(), self._before[rows].copy()
        return copy


class ChangesGrammar(VoicesGrammar):
    """Steps on beats and where a voice changes; off a beat one must, or there would be no step.

    A piece ends with the step in which all voices that sound fall silent. That stands at the
    latest one slice behind the last that may sound, and nothing else stands there.
    """

    def __init__(self, encoder: Voices, metre: Metre, rows: int, *, most: int) -> None:
        """Begin `rows` pieces, each of `most` slices at most, and of one more to end in."""
        super().__init__(encoder, metre, rows, most=most)
        self._fell = np.zeros(rows, bool)  # a voice in the last step

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, n): what `mark`, `shift` or a voice may be."""
        if field.name != "shift":
            return super().allowed(field, given)
        grid, slices = self._encoder.grid, np.arange(1, field.n + 1)
        to_beat = grid - (self._slices - 1) % grid
        room = self._most + 1 - self._slices - self._silent()
        return np.asarray(slices <= np.minimum(to_beat, room)[:, None])

    def _silent(self) -> NDArray[np.bool_]:
        return np.asarray(~self._sounds.any(axis=1))

    def _may_go_on(self) -> NDArray[np.bool_]:
        return np.asarray(self._slices < self._most + 1 - self._silent())

    def _may_end(self) -> NDArray[np.bool_]:
        return np.asarray((self._slices == 0) | (self._silent() & self._fell))

    def _ends_well(
        self, given: Steps, after: Column, voice: int, others: dict[int, Column]
    ) -> NDArray[np.bool_]:
        """Return (B, n): what lets a step be one, and the piece end where it must."""
        at = self._slices - 1 + self._passes(given)
        must = at % self._encoder.grid > 0
        must |= (at == self._most - 1) & self._silent()
        for other in others:
            must &= given[f"voice{other + 1}"] == AS_BEFORE
        undecided = [k for k in range(self._encoder.voices) if k != voice and k not in others]
        must &= ~self._can_change()[:, undecided].any(axis=1)
        mask = np.asarray((after == 0) | (at < self._most)[:, None])
        mask[:, AS_BEFORE] &= ~must
        return mask

    def _can_change(self) -> NDArray[np.bool_]:
        """Return (B, V): which voices may change while all others go on as before.

        Where voices go by pitch and strike nothing again, one may be held between its neighbours.
        But if any may change, one may alone: the lowest that sounds falls silent.
        """
        sounds, pitches = self._sounds, self._encoder._pitches
        if self._encoder.assign == "track":
            return np.ones(sounds.shape, bool)
        above, below = np.zeros_like(sounds), np.zeros_like(sounds)
        above[:, 0], above[:, 1:], below[:, :-1] = pitches + 1, sounds[:, :-1], sounds[:, 1:]
        moves = (below == 0) | (above > sounds + 1) | (sounds > below + 1)
        return np.where(sounds > 0, moves | self._encoder.restrikes, above > 1)

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Move on to `step` in the rows marked True; return how many notes each began."""
        voices = range(1, self._encoder.voices + 1)
        fell = np.any([step[f"voice{k}"] == SILENCE for k in voices], axis=0)
        self._fell = np.where(rows & (step["mark"] == STEP), fell, self._fell)
        return super().push(step, rows)

    def _passes(self, step: Steps) -> Column:
        return step["shift"].astype(np.int64) + 1

    def _stands(self) -> Column:
        """Return (B,): the slice of the last step, since that of the next is not decided."""
        return np.maximum(self._slices - 1, 0)

    def select(self, rows: NDArray[np.intp]) -> Self:
        """Return a copy that holds `rows`."""
        copy = super().select(rows)
        copy._fell = self._fell[rows].copy()
        return copy


def _in_order(
    after: Column, voice: int, others: dict[int, Column], pitches: int
) -> NDArray[np.bool_]:
    """Return (B, n): what leaves every voice below those above it, with room for those between.

    after: (B, n), what `voice` would sound. others: (B,) what those decided sound.
    """
    mask = np.ones_like(after, bool)
    if not any(other < voice for other in others):
        mask &= (after == 0) | (after <= pitches - voice)
    for other, sounds in others.items():
        sounds = sounds[:, None]
        if other < voice:
            mask &= (after == 0) | ((sounds > 0) & (after <= sounds - (voice - other)))
        else:
            mask &= (sounds == 0) | (after >= sounds + (other - voice))
    return mask
