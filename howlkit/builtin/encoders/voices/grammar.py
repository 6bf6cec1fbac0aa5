"""Grammars of encoder `voices`: what a voice may do, slice by slice or change by change.

With few rows a step costs what its calls of numpy do, and so there are few: masks are looked up
(network/heads.py), and what only the last slices of a piece need is worked out near them.

B rows (pieces side by side), n values of a field, V voices. Sounds are numbers as in `soundK`.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.encoders.shared.slices import Metre
from howlkit.builtin.encoders.voices.derived import derived_columns, positions_and_beats
from howlkit.builtin.encoders.voices.masks import Neighbour, Voice, VoiceMasks
from howlkit.builtin.encoders.voices.spec import AS_BEFORE, LOWEST, SILENCE, VoicesSpec
from howlkit.protocols import StepMask
from howlkit.schema import END, STEP, Field, Steps

__all__ = ["ChangesGrammar", "VoicesGrammar"]

Column = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class VoicesGrammar:
    """What a voice may do: fall silent only if it sounds; the last slice of a piece is not silent.

    Without restrikes it must not name the pitch that it holds; and where voices go by pitch, each
    is lower than the one above it, and silent if that is. All else would be spelt in another way.
    """

    def __init__(
        self, spec: VoicesSpec, masks: VoiceMasks, metre: Metre, rows: int, *, most: int
    ) -> None:
        """Begin `rows` pieces in a metre, each of `most` slices at most."""
        self._spec, self._masks, self._metre, self._most = spec, masks, metre, most
        self._reach = 0  # so many slices a row has at most
        self._see_how_late()
        self._stand(np.zeros(rows, np.int64), np.zeros((3 * spec.voices, rows), np.uint8))

    def _stand(self, slices: Column, voices: Bytes) -> None:
        """Stand behind slices (B,); voices: (3V, B), what sounded, sounds, and for how long."""
        heard = 2 * self._spec.voices
        self._slices, self._voices = slices, voices
        # Parts of one array, which is changed in place.
        self._heard, self._held = voices[:heard], voices[heard:]
        self._before, self._sounds = voices[: heard // 2], voices[heard // 2 : heard]
        self._silences = np.arange(len(slices)) * self._masks.values + SILENCE  # in flat masks
        self._derived: dict[str, Column] | None = None  # of the steps so far, once asked for

    @property
    def now(self) -> NDArray[np.float64]:
        """Where each row's last slice begins, in beats."""
        return np.maximum(self._slices - 1, 0) / self._spec.grid

    def _see_how_late(self) -> None:
        """Find out whether the next step of a row may stand where the longest piece ends."""
        self._is_late = self._reach >= self._most - self._spec.grid

    def allowed(self, field: Field, given: Steps) -> Mask:
        """Return (B, n): what `mark` or a voice may be."""
        if field.name == "mark":
            return self._marks()
        voice = self._masks.by_name[field.name]
        mask: Mask = voice.own.take(self._sounds[voice.number], axis=0)
        if voice.neighbours:
            mask &= self._in_order(voice, given)
        if self._is_late:
            self._end_well(mask, voice, given)
        return mask

    def step_mask(self) -> StepMask | None:
        """Return what a step may be, where no voice has a say in another; not so near the end."""
        if self._is_late or not self._masks.independent:
            return None
        own, rows = self._masks.decided[0].own, len(self._slices)
        voices = own.take(self._sounds.take(self._masks.order, axis=0).T, axis=0)  # (B, V, n)
        allowed = np.concatenate((self._marks(), voices.reshape(rows, -1)), axis=1)
        return StepMask(allowed, np.zeros((rows, 1 + self._spec.voices), np.int64))

    def _marks(self) -> Mask:
        mask = np.zeros((len(self._slices), 3), bool)
        mask[:, STEP] = self._may_go_on() if self._is_late else True
        mask[:, END] = self._may_end()
        return mask

    def _may_go_on(self) -> Mask:
        return np.asarray(self._slices < self._most)

    def _may_end(self) -> Mask:
        nothing = np.logical_not(self._slices)
        return np.asarray(nothing | np.logical_or.reduce(self._sounds, axis=0))

    def _after(self, voice: Voice | Neighbour, given: Steps) -> Bytes:
        """Return (B,): what a voice that is decided will sound."""
        value = given[voice.name]
        return np.where(value, value - SILENCE, self._sounds[voice.number])

    def _in_order(self, voice: Voice, given: Steps) -> Mask:
        """Return (B, n): what leaves every voice below those above it, and room between them."""
        first, *others = voice.neighbours
        mask = first.room.take(self._after(first, given), axis=0)
        for other in others:
            mask &= other.room.take(self._after(other, given), axis=0)
        # A voice goes on as before where it may sound what it does.
        mask[:, AS_BEFORE] = mask.reshape(-1).take(self._silences + self._sounds[voice.number])
        return mask

    def _end_well(self, mask: Mask, voice: Voice, given: Steps) -> None:
        """Take from `mask` (B, n) what leaves the last slice that a piece may have silent."""
        # Where voices go by pitch, none sounds if the highest does not.
        by_pitch = self._spec.by_pitch
        settles = voice.number == 0 if by_pitch else voice.decided == self._spec.voices - 1
        if not settles:
            return
        silent = self._slices == self._most - 1
        for other in () if by_pitch else self._masks.decided[:-1]:
            silent &= self._after(other, given) == 0
        mask[silent, SILENCE] = False
        mask[silent & (self._sounds[voice.number] == 0), AS_BEFORE] = False

    def push(self, step: Steps, rows: Mask) -> NDArray[np.int64]:
        """Move on by a step in the rows marked True; return how many notes each began."""
        self._derived = None
        moved = rows & (step["mark"] == STEP)
        # All fields are bytes.
        values = step[:, None].view(np.uint8).T.take(self._masks.bytes, axis=0)  # (V, B)
        values *= moved.view(np.uint8)  # elsewhere AS_BEFORE
        changed = values.astype(bool)
        np.copyto(self._before, self._sounds, where=moved)
        np.subtract(values, SILENCE, out=self._sounds, where=changed)
        self._pass(self._passes(step, moved), changed)
        return np.asarray(np.add.reduce(values >= LOWEST, axis=0, dtype=np.int64))

    def _pass(self, slices: Bytes, changed: Mask) -> None:
        """Move on by slices (B,); changed: (V, B), whether a voice does so in the last of them."""
        self._slices += slices
        self._held += slices
        self._held[changed] = 1
        np.minimum(self._held, self._masks.longest.take(self._sounds), out=self._held)
        self._reach += self._spec.grid
        self._see_how_late()
        if self._is_late:  # or it only seems so
            self._reach = int(self._slices.max(initial=0))
            self._see_how_late()

    def _passes(self, step: Steps, moved: Mask) -> Bytes:
        """Return (B,): by how many slices a step moves on, in the rows that it moves (B,)."""
        return moved.view(np.uint8)

    def _stands(self) -> Column:
        """Return (B,): the slice whose place is derived, which is the next."""
        return self._slices

    def derived(self, field: Field) -> Column:
        """Return (B,): where the music stands, or what a voice sounds, for how long and so on."""
        if self._derived is None:
            position, beat = positions_and_beats(self._metre, self._spec.grid, self._stands())
            columns = derived_columns(
                self._spec, position, beat, heard=self._heard, held=self._held
            )
            named = zip(self._masks.derived, columns.astype(np.int64), strict=True)
            self._derived = dict(named)
        return self._derived[field.name]

    def select(self, rows: NDArray[np.intp]) -> Self:
        """Return a copy that holds `rows`."""
        chosen = copy.copy(self)
        chosen._stand(self._slices.take(rows), self._voices.take(rows, axis=1))
        return chosen


class ChangesGrammar(VoicesGrammar):
    """Steps on beats and where a voice changes; off a beat one must, or there would be no step.

    A piece ends with the step in which all voices that sound fall silent. That stands at the
    latest one slice behind the last that may sound, and nothing else stands there.
    """

    def _stand(self, slices: Column, voices: Bytes) -> None:
        super()._stand(slices, voices)
        self._movable: list[Mask | None] | None = None  # of `_may_change_later`, once asked for

    def allowed(self, field: Field, given: Steps) -> Mask:
        """Return (B, n): what `mark`, `shift` or a voice may be."""
        if field.name == "shift":
            return self._shifts()
        mask = super().allowed(field, given)
        if field.name != "mark":
            self._be_a_step(mask, self._masks.by_name[field.name], given)
        return mask

    def step_mask(self) -> None:
        """Return None: where a step stands has a say in what its last voice may be."""

    def _shifts(self) -> Mask:
        grid = self._spec.grid
        mask: Mask = _up_to_beat(grid).take(self._slices % grid, axis=0)
        if self._is_late:
            room = self._most + 1 - self._slices - self._silent()
            mask &= np.arange(1, grid + 1) <= room[:, None]
        return mask

    def _silent(self) -> Mask:
        return np.asarray(~np.logical_or.reduce(self._sounds, axis=0))

    def _may_go_on(self) -> Mask:
        return np.asarray(self._slices < self._most + 1 - self._silent())

    def _may_end(self) -> Mask:
        heard = self._heard.reshape(2, self._spec.voices, -1)
        before, sounds = np.logical_or.reduce(heard, axis=1)
        return np.asarray(np.logical_not(self._slices) | (before > sounds))

    def _be_a_step(self, mask: Mask, voice: Voice, given: Steps) -> None:
        """Take from `mask` (B, n) going on as before, where some voice must change and none can."""
        later = self._may_change_later(voice)
        if later is None:
            return
        at = self._slices + given["shift"]
        is_step = np.logical_not(at % self._spec.grid)
        if self._is_late:
            is_step &= (at != self._most - 1) | ~self._silent()
        if voice.decided:
            first = self._masks.bytes[self._masks.order[0]]
            decided = given[:, None].view(np.uint8)[:, first : first + voice.decided]
            is_step |= np.logical_or.reduce(decided, axis=1)
        mask[:, AS_BEFORE] &= is_step | later

    def _end_well(self, mask: Mask, voice: Voice, given: Steps) -> None:
        """Take from `mask` (B, n) what sounds behind the last slice that may."""
        behind = self._slices + given["shift"] >= self._most
        mask[behind, LOWEST:] = False
        mask[behind & (self._sounds[voice.number] > 0), AS_BEFORE] = False

    def _may_change_later(self, voice: Voice) -> Mask | None:
        """Return (B,): whether one decided after `voice` may change; None: so it is in all rows."""
        if voice.decided == self._spec.voices - 1:
            return np.zeros(len(self._slices), bool)
        if self._masks.independent:
            return None
        if self._movable is None:
            # From the one decided last to the second, and so of each what is so behind it.
            can_change = self._can_change().take(self._masks.order[:0:-1], axis=0)
            behind = np.logical_or.accumulate(can_change, axis=0)[::-1]
            everywhere = np.logical_and.reduce(behind, axis=1).tolist()
            self._movable = [
                None if all_rows else mask
                for mask, all_rows in zip(behind, everywhere, strict=True)
            ]
        return self._movable[voice.decided]

    def _can_change(self) -> Mask:
        """Return (V, B): which voices may change while all others go on as before.

        They go by pitch. If they strike nothing again, one may be held between its neighbours. But
        if any may change, one may alone: the lowest that sounds falls silent.
        """
        pitches, voices = self._spec.pitches, self._spec.voices
        sounds = np.empty((1 + voices + 1, len(self._slices)), np.uint8)  # from above all down
        sounds[0], sounds[1:-1], sounds[-1] = pitches + 1, self._sounds, 0
        is_room = sounds[:-1] - sounds[1:] > 1  # between neighbours; where one is silent, too
        sounding = sounds.astype(bool)
        if self._spec.restrikes:
            return np.asarray(is_room[:-1] | sounding[1:-1])
        lowest = sounding[1:-1] > sounding[2:]
        return np.asarray(is_room[:-1] | is_room[1:] | lowest)

    def push(self, step: Steps, rows: Mask) -> NDArray[np.int64]:
        """Move on to `step` in the rows marked True; return how many notes each began."""
        self._movable = None
        return super().push(step, rows)

    def _passes(self, step: Steps, moved: Mask) -> Bytes:
        return np.asarray((step["shift"] + 1) * moved.view(np.uint8))

    def _stands(self) -> Column:
        """Return (B,): the slice of the last step, since that of the next is not decided."""
        return np.maximum(self._slices - 1, 0)


@lru_cache(maxsize=16)
def _up_to_beat(grid: int) -> Mask:
    """Return (grid, grid), by the slices since a beat: which shifts go to the next at most."""
    slices = np.arange(grid)[:, None]
    return np.asarray(np.arange(grid) <= (-slices) % grid)
