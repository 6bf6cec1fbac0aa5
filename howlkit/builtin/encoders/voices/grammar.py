"""Grammars of encoder `voices`: what a voice may do, slice by slice or change by change.

With few rows the number of numpy calls decides the time of a step. So masks are looked up in tables
(masks.py), and what matters only in the last slices of a piece is computed only near them.

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
from howlkit.note_choices import QUANTITIES, NoteChoices, NoteTables, choices_from_tables
from howlkit.protocols import StepMask
from howlkit.schema import END, STEP, Field, Steps

__all__ = ["ChangesGrammar", "VoicesGrammar"]

Column = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class VoicesGrammar:
    """A voice may fall silent only if it sounds, and the last slice of a piece is not silent.

    Without restrikes a voice may not strike the pitch that it holds. Where voices are ranks of
    pitches, each is lower than the one above it, and silent if that one is. Everything else would
    be a second spelling of the same music.
    """

    alone = True  # a voice sounds one note at a time

    def __init__(
        self,
        spec: VoicesSpec,
        masks: VoiceMasks,
        metre: Metre,
        rows: int,
        *,
        most: int,
        tables: NoteTables,
    ) -> None:
        """Begin `rows` pieces in a metre, each of `most` slices at most."""
        self._spec, self._masks, self._metre, self._most = spec, masks, metre, most
        self.note_tables, self.divisions = tables, spec.grid
        self._reach = 0  # no row has more slices than this
        self._update_is_late()
        bases = np.zeros((rows, len(QUANTITIES)), np.int64)
        self._set_state(bases, np.zeros((3 * spec.voices, rows), np.uint8))

    def _set_state(self, bases: Column, voices: Bytes) -> None:
        """Set bases (B, Q), as `note_bases`: the onset of the next step is the slices passed.

        voices: (3V, B), sounds before and now, and `heldK`.
        """
        heard = 2 * self._spec.voices
        self.note_bases, self._slices, self._voices = bases, bases[:, 0], voices
        # Views of one array, which is changed in place.
        self._heard, self._held = voices[:heard], voices[heard:]
        self._before, self._sounds = voices[: heard // 2], voices[heard // 2 : heard]
        self._silences = np.arange(len(bases)) * self._masks.values + SILENCE  # in flat masks
        self._derived: dict[str, Column] | None = None  # computed when first asked for after a step

    @property
    def now(self) -> NDArray[np.float64]:
        """The beginning of each row's last slice, in beats."""
        return np.maximum(self._slices - 1, 0) / self._spec.grid

    def note_choices(self, field: Field, given: Steps) -> NoteChoices | None:
        """Return what the choices of a field mean in notes, as `NoteGrammar.note_choices`."""
        schema = self._masks.schema
        return choices_from_tables(schema, self.note_tables, self.note_bases, field, given)

    def _update_is_late(self) -> None:
        """Set whether the next step of a row may reach the end of the longest piece."""
        self._is_late = self._reach >= self._most - self._spec.grid

    def allowed(self, field: Field, given: Steps) -> Mask:
        """Return (B, n): the values that `mark` or a voice may have."""
        if field.name == "mark":
            return self._marks()
        voice = self._masks.by_name[field.name]
        mask: Mask = voice.own.take(self._sounds[voice.number], axis=0)
        if voice.neighbours:
            mask &= self._in_order(voice, given)
        if self._is_late:
            self._forbid_bad_end(mask, voice, given)
        return mask

    def step_mask(self) -> StepMask | None:
        """Return the mask of a whole step, or None if a voice limits another or the end is near."""
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

    def _will_sound(self, voice: Voice | Neighbour, given: Steps) -> Bytes:
        """Return (B,): what a voice that is already decided will sound."""
        value = given[voice.name]
        return np.where(value, value - SILENCE, self._sounds[voice.number])

    def _in_order(self, voice: Voice, given: Steps) -> Mask:
        """Return (B, n): the values that keep voices in order, with room for those between."""
        first, *others = voice.neighbours
        mask = first.room.take(self._will_sound(first, given), axis=0)
        for other in others:
            mask &= other.room.take(self._will_sound(other, given), axis=0)
        # A voice may go on as before where the pitch that it sounds is allowed.
        mask[:, AS_BEFORE] = mask.reshape(-1).take(self._silences + self._sounds[voice.number])
        return mask

    def _forbid_bad_end(self, mask: Mask, voice: Voice, given: Steps) -> None:
        """Forbid in `mask` (B, n) what would leave the last possible slice silent."""
        # Where voices are ranks of pitches, none sounds if the highest does not.
        by_pitch = self._spec.by_pitch
        settles = voice.number == 0 if by_pitch else voice.decided == self._spec.voices - 1
        if not settles:
            return
        silent = self._slices == self._most - 1
        for other in () if by_pitch else self._masks.decided[:-1]:
            silent &= self._will_sound(other, given) == 0
        mask[silent, SILENCE] = False
        mask[silent & (self._sounds[voice.number] == 0), AS_BEFORE] = False

    def push(self, step: Steps, rows: Mask) -> NDArray[np.int64]:
        """Move on to `step` (B,) where `rows` says so; return (B,) the notes begun."""
        self._derived = None
        moved = rows & (step["mark"] == STEP)
        # All fields are bytes.
        values = step[:, None].view(np.uint8).T.take(self._masks.bytes, axis=0)  # (V, B)
        values *= moved.view(np.uint8)  # elsewhere AS_BEFORE
        changed = values.astype(bool)
        np.copyto(self._before, self._sounds, where=moved)
        np.subtract(values, SILENCE, out=self._sounds, where=changed)
        self._advance(self._slices_passed(step, moved), changed)
        return np.asarray(np.add.reduce(values >= LOWEST, axis=0, dtype=np.int64))

    def _advance(self, slices: Bytes, changed: Mask) -> None:
        """Move on by slices (B,); changed: (V, B), whether a voice changes in the last of them."""
        self._slices += slices
        self._held += slices
        self._held[changed] = 1
        np.minimum(self._held, self._masks.longest.take(self._sounds), out=self._held)
        self._reach += self._spec.grid
        self._update_is_late()
        if self._is_late:  # `_reach` is a bound: look at the slices themselves
            self._reach = int(self._slices.max(initial=0))
            self._update_is_late()

    def _slices_passed(self, step: Steps, moved: Mask) -> Bytes:
        """Return (B,): the slices that a step passes, 0 in rows that do not move."""
        return moved.view(np.uint8)

    def _derived_slice(self) -> Column:
        """Return (B,): the slice that `position` and `beat` are of: the next one."""
        return self._slices

    def derived(self, field: Field) -> Column:
        """Return (B,): a derived field after the steps so far."""
        if self._derived is None:
            at = self._derived_slice()
            position, beat = positions_and_beats(self._metre, self._spec.grid, at)
            columns = derived_columns(
                self._spec, position, beat, heard=self._heard, held=self._held
            )
            named = zip(self._masks.derived, columns.astype(np.int64), strict=True)
            self._derived = dict(named)
        return self._derived[field.name]

    def select(self, rows: NDArray[np.intp]) -> Self:
        """Return a copy that holds `rows`."""
        chosen = copy.copy(self)
        chosen._set_state(self.note_bases.take(rows, axis=0), self._voices.take(rows, axis=1))
        return chosen


class ChangesGrammar(VoicesGrammar):
    """Steps stand on beats and where a voice changes: off a beat, some voice must change.

    A piece ends with the step in which all voices that sound fall silent. That step stands at the
    latest one slice after the last slice that may sound, and no other step stands there.
    """

    def _set_state(self, bases: Column, voices: Bytes) -> None:
        super()._set_state(bases, voices)
        # For `_may_change_later`, computed when first asked for after a step.
        self._later_changes: list[Mask | None] | None = None

    def allowed(self, field: Field, given: Steps) -> Mask:
        """Return (B, n): the values that `mark`, `shift` or a voice may have."""
        if field.name == "shift":
            return self._shifts()
        mask = super().allowed(field, given)
        if field.name != "mark":
            self._require_change(mask, self._masks.by_name[field.name], given)
        return mask

    def step_mask(self) -> None:
        """Return None: the shift of a step limits its last voice."""

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

    def _require_change(self, mask: Mask, voice: Voice, given: Steps) -> None:
        """Forbid AS_BEFORE in `mask` (B, n) where a voice must change and no later voice can."""
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

    def _forbid_bad_end(self, mask: Mask, voice: Voice, given: Steps) -> None:
        """Forbid in `mask` (B, n) what would sound after the last slice that may sound."""
        behind = self._slices + given["shift"] >= self._most
        mask[behind, LOWEST:] = False
        mask[behind & (self._sounds[voice.number] > 0), AS_BEFORE] = False

    def _may_change_later(self, voice: Voice) -> Mask | None:
        """Return (B,): whether a voice decided after `voice` may change; None: in all rows."""
        if voice.decided == self._spec.voices - 1:
            return np.zeros(len(self._slices), bool)
        if self._masks.independent:
            return None
        if self._later_changes is None:
            # Accumulated from the voice decided last to the second: whether any from there on can.
            can_change = self._can_change().take(self._masks.order[:0:-1], axis=0)
            behind = np.logical_or.accumulate(can_change, axis=0)[::-1]
            everywhere = np.logical_and.reduce(behind, axis=1).tolist()
            self._later_changes = [
                None if all_rows else mask
                for mask, all_rows in zip(behind, everywhere, strict=True)
            ]
        return self._later_changes[voice.decided]

    def _can_change(self) -> Mask:
        """Return (V, B): which voices may change while all others go on as before.

        This is for voices that are ranks of pitches. Without restrikes a voice may be held fast
        between its neighbours; but the lowest voice that sounds may always fall silent.
        """
        pitches, voices = self._spec.pitches, self._spec.voices
        # Between a limit above all voices and one below.
        sounds = np.empty((1 + voices + 1, len(self._slices)), np.uint8)
        sounds[0], sounds[1:-1], sounds[-1] = pitches + 1, self._sounds, 0
        is_room = sounds[:-1] - sounds[1:] > 1  # between neighbours, silent ones too
        sounding = sounds.astype(bool)
        if self._spec.restrikes:
            return np.asarray(is_room[:-1] | sounding[1:-1])
        lowest = sounding[1:-1] > sounding[2:]
        return np.asarray(is_room[:-1] | is_room[1:] | lowest)

    def push(self, step: Steps, rows: Mask) -> NDArray[np.int64]:
        """Move on to `step` (B,) where `rows` says so; return (B,) the notes begun."""
        self._later_changes = None
        return super().push(step, rows)

    def _slices_passed(self, step: Steps, moved: Mask) -> Bytes:
        return np.asarray((step["shift"] + 1) * moved.view(np.uint8))

    def _derived_slice(self) -> Column:
        """Return (B,): the slice of the last step; that of the next is not decided yet."""
        return np.maximum(self._slices - 1, 0)


@lru_cache(maxsize=16)
def _up_to_beat(grid: int) -> Mask:
    """Return (grid, grid), by slices since a beat: the shifts that reach at most the next beat."""
    slices = np.arange(grid)[:, None]
    return np.asarray(np.arange(grid) <= (-slices) % grid)
