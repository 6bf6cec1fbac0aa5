"""Encoder `voices`: n voices on a grid, one step a slice - of each voice a pitch, or silence.

A voice goes on as before (0), falls silent (1) or begins a pitch (2 is the lowest). In each slice
it sounds one note at most:

track   voice k is track k - 1 of the piece, whatever it sings: crossings and unisons are kept, and
        tracks beyond the last voice are left out. Of a track's notes that sound at once, the one
        that began last sounds (of several begun in one slice the highest); where it ends, the one
        below it goes on, as a note of its own.
pitch   voice k sings the k-th highest pitch that sounds in any track: for a choir or quartet
        written as one part. A note that changes places is a note in each, unisons are one.

Both look at one slice at a time, and so an excerpt, which knows little of what came before it,
finds the voices of the whole. A piece ends with its last note. Drums, pitches beyond the range and
what lies beyond `MOST_SLICES` slices are left out.

The slices of the four voices go back to BachBot (Liang et al. 2017) and DeepBach (Hadjeres et al.
2017). With `restrikes=false` the steps say exactly what the tables of JSB chorales published by
Boulanger-Lewandowski et al. 2012 and their successors say, which know no holds: equal neighbours
are one note.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.builtin.slices import Metre, highest_pitches, newest_notes
from howlkit.errors import OptionError
from howlkit.hookspecs import hookimpl
from howlkit.options import option
from howlkit.piece import DRUMS, FOREVER, NOTE, TEMPO, Piece, Table
from howlkit.protocols import Encoder
from howlkit.schema import END, START, STEP, Field, Schema, Steps

__all__ = ["Voices", "VoicesGrammar"]

MOST_SLICES = 2**17  # of a piece: nine hours at 60 beats a minute and 4 slices a beat
MOST_TICKS_PER_BEAT = 32_767
VELOCITY = 80  # of every note that is decoded
LONGEST_BAR = 8  # beats that `position` tells apart
BEATS_COUNTED = 12  # by `beat`, which then begins again: bars of 2, 3, 4 and 6 beats show in it

KNOWN_BEATS = 2
"""So far back an excerpt knows all that sounded before it; `heldK` counts no further."""

AS_BEFORE, SILENCE, LOWEST = 0, 1, 2  # values of a voice

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Voices:
    """Voices on a grid: one step a slice, of each voice a pitch or silence."""

    voices: int = option(4, "how many", low=1, high=16)
    grid: int = option(4, "slices a beat", low=3, high=24)
    low: int = option(21, "lowest pitch", low=0, high=127)
    high: int = option(108, "highest pitch", low=0, high=127)
    assign: Literal["track", "pitch"] = option(
        "track", "what makes a voice: its track, or its place among the pitches that sound"
    )
    restrikes: bool = option(True, "a pitch may be struck again; false: equal neighbours are one")
    order: tuple[int, ...] = option(
        (), "order in which voices are decided, 1 the highest; empty: outer voices first"
    )
    derived: bool = option(True, "inputs: place in the bar, beat, what sounds, for how long")

    name: ClassVar[str] = "voices"

    def __post_init__(self) -> None:
        """Refuse an empty range, and an order that is none."""
        if self.low > self.high:
            raise OptionError(f"voices: low={self.low} is above high={self.high}; swap them")
        if self.order and sorted(self.order) != list(range(1, self.voices + 1)):
            raise OptionError(
                f"voices: order={','.join(map(str, self.order))} must name each of the voices "
                f"1..{self.voices} once"
            )

    @property
    def _decided(self) -> tuple[int, ...]:
        """The voices, from 1, in the order in which they are decided."""
        outer = (1, self.voices) if self.voices > 1 else (1,)
        return self.order or (*outer, *range(2, self.voices))

    @property
    def _pitches(self) -> int:
        return self.high - self.low + 1

    @property
    def _longest_held(self) -> int:
        return KNOWN_BEATS * self.grid - 1

    @cached_property
    def schema(self) -> Schema:
        """`voice1` .. `voiceN` as they are decided; derived, where we stand and what sounds.

        position: where the next slice stands in its bar, in slices. beat: its beat from the start
        of the piece, counted round. soundK: what voice K sounds after this row, 0 silence, 1 the
        lowest pitch. heldK: for how many slices so far; 0 in silence.
        """
        voices = [
            Field(
                f"voice{k}",
                LOWEST + self._pitches,
                near=(f"sound{k}", SILENCE) if self.derived else None,
                unit="as before, silence, or a pitch",
            )
            for k in self._decided
        ]
        if not self.derived:
            return Schema(tuple(voices))
        unit = f"1/{self.grid} beat"
        inputs = [
            Field("position", LONGEST_BAR * self.grid, True, unit=unit, derived=True),
            Field("beat", BEATS_COUNTED, unit="beat", derived=True),
        ]
        for k in range(1, self.voices + 1):
            inputs += [
                Field(f"sound{k}", 1 + self._pitches, True, unit="semitone", derived=True),
                Field(f"held{k}", 1 + self._longest_held, True, unit=unit, derived=True),
            ]
        return Schema((*voices, *inputs))

    def encode(self, piece: Piece) -> Steps:
        """Return start, a step for each slice, end."""
        notes, begins, ends = self._notes(piece)
        first, stop = np.minimum(self._slices(piece, [piece.since, piece.until]), MOST_SLICES)
        if piece.has_end or piece.until >= FOREVER:
            stop = min(stop, ends.max(initial=0))
        stop = max(first, stop)
        earliest = max(first - self._longest_held, 0)
        seen = (begins < stop) & (ends > earliest)
        sounds, struck = self._sounding(
            notes[seen], begins[seen] - earliest, ends[seen] - earliest, int(stop - earliest)
        )
        if piece.has_end:  # what is cut off by the limit may leave a silence behind
            last = np.flatnonzero(sounds.any(axis=1))[-1:] + 1
            length = max(first - earliest, last.max(initial=0))
            sounds, struck = sounds[:length], struck[:length]
        steps = self._steps(piece, sounds, struck, int(earliest))
        return self.schema.frame(steps, before=int(first - earliest), end=piece.has_end)

    def _notes(self, piece: Piece) -> tuple[Table, Column, Column]:
        """Return the notes that have a voice, and the slices in which they begin and end."""
        notes = piece.notes
        pitch = notes["pitch"]
        kept = (notes["program"] != DRUMS) & (pitch >= self.low) & (pitch <= self.high)
        if self.assign == "track":
            kept &= notes["track"] < self.voices
        notes = notes[kept]
        begins = self._slices(piece, notes["start"])
        ends = self._slices(piece, notes["start"].astype(np.int64) + notes["duration"])
        ends = np.minimum(np.maximum(ends, begins + 1), MOST_SLICES)
        within = begins < MOST_SLICES
        return notes[within], begins[within], ends[within]

    def _slices(self, piece: Piece, ticks: ArrayLike) -> Column:
        """Return the slices nearest to ticks."""
        per_beat = piece.ticks_per_beat
        return (2 * np.asarray(ticks, np.int64) * self.grid + per_beat) // (2 * per_beat)

    def _sounding(
        self, notes: Table, begins: Column, ends: Column, length: int
    ) -> tuple[Column, NDArray[np.bool_]]:
        """Return (length, voices): what each sounds, as in `soundK`, and whether it begins there.

        begins, ends: slices, of which 0..length are asked for.
        """
        pitch = notes["pitch"].astype(np.int64) - self.low + 1
        first, stop = np.maximum(begins, 0), np.minimum(ends, length)
        if self.assign == "pitch":
            return highest_pitches(
                pitch, first, stop, begins >= 0, (length, self.voices), self._pitches
            )
        order = np.argsort((begins - begins.min(initial=0)) * 128 + pitch, kind="stable")
        pitch, begins, first, stop = pitch[order], begins[order], first[order], stop[order]
        newest = newest_notes(
            notes["track"][order].astype(np.int64), first, stop, self.voices, length
        )
        silent = newest < 0
        sounds = np.where(silent, 0, np.append(pitch, 0)[newest])
        starts = np.append(begins, -1)[newest]
        return sounds, ~silent & (starts == np.arange(length)[:, None])

    def _steps(self, piece: Piece, sounds: Column, struck: NDArray[np.bool_], first: int) -> Steps:
        """Return the steps of slices from `first` on; unless that is 0, the first may be wrong."""
        before = np.zeros_like(sounds)
        before[1:] = sounds[:-1]
        changed = sounds != before
        if self.restrikes:
            changed |= struck
        steps = self.schema.steps(len(sounds))
        values = np.where(changed, sounds + SILENCE, AS_BEFORE)
        for k in range(self.voices):
            steps[f"voice{k + 1}"] = values[:, k]
        if self.derived:
            number = np.arange(len(sounds))[:, None]
            since = np.maximum.accumulate(np.where(changed, number, 0), axis=0)
            held = np.where(sounds > 0, np.minimum(number - since + 1, self._longest_held), 0)
            for k in range(self.voices):
                steps[f"sound{k + 1}"], steps[f"held{k + 1}"] = sounds[:, k], held[:, k]
            metre = Metre.of(self._frame(piece), self.grid, longest_bar=LONGEST_BAR)
            following = first + 1 + np.arange(len(sounds))
            steps["position"] = metre.position(following)
            steps["beat"] = following // self.grid % BEATS_COUNTED
        return steps

    def _frame(self, like: Piece | None) -> Piece:
        """Return a piece without notes whose ticks hold the grid."""
        empty = Piece(tempos=np.array([(0, 500_000)], TEMPO)) if like is None else like
        empty = empty.without_notes()
        return empty.at_resolution(_resolution(empty.ticks_per_beat, self.grid))

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> Column:
        """Return where each slice begins, in ticks of `decode`'s result; the end is at the last."""
        number = np.maximum(np.cumsum(steps["mark"] == STEP) - 1, 0)
        return np.asarray(number * (self._frame(like).ticks_per_beat // self.grid))

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return the notes, of voice k in track k - 1; rows that are start or end add nothing."""
        empty = self._frame(like)
        steps = steps[steps["mark"] == STEP]
        names = [f"voice{k + 1}" for k in range(self.voices)]
        values = np.stack([steps[name] for name in names]).astype(np.int64)  # (voices, T)
        voice, at = np.nonzero(values != AS_BEFORE)
        until = np.append(at[1:], len(steps))  # each lasts until the next change of its voice
        until[np.flatnonzero(np.diff(voice))] = len(steps)
        value = values[voice, at]
        sounds = value >= LOWEST
        slice_ticks = empty.ticks_per_beat // self.grid
        notes = np.zeros(int(sounds.sum()), NOTE)
        notes["start"] = at[sounds] * slice_ticks
        notes["duration"] = (until - at)[sounds] * slice_ticks
        notes["pitch"] = value[sounds] - LOWEST + self.low
        notes["track"] = voice[sounds]
        notes["velocity"] = VELOCITY
        return empty.replace(notes=notes)

    def grammar(self, rows: int, *, like: Piece | None = None) -> VoicesGrammar:
        """Return the grammar of `rows` rows at the start of their pieces."""
        return VoicesGrammar(
            self, Metre.of(self._frame(like), self.grid, longest_bar=LONGEST_BAR), rows
        )


class VoicesGrammar:
    """What a voice may do: fall silent only if it sounds; the last slice of a piece is not silent.

    Without restrikes it must not name the pitch that it holds; and where voices go by pitch, each
    is lower than the one above it, and silent if that is. All else would be spelt in another way.
    """

    def __init__(self, encoder: Voices, metre: Metre, rows: int) -> None:
        self._encoder, self._metre = encoder, metre
        self._slices = np.zeros(rows, np.int64)
        self._sounds = np.zeros((rows, encoder.voices), np.int64)  # as in `soundK`
        self._held = np.zeros((rows, encoder.voices), np.int64)

    @property
    def now(self) -> NDArray[np.float64]:
        """Where each row's last slice begins, in beats."""
        return np.maximum(self._slices - 1, 0) / self._encoder.grid

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, n): what `mark` or a voice may be."""
        if field.name == "mark":
            mask = np.ones((len(given), field.n), bool)
            mask[:, START] = False
            mask[:, STEP] = self._slices < MOST_SLICES
            mask[:, END] = (self._slices == 0) | self._sounds.any(axis=1)
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
        return np.asarray(mask & self._ends_well(after, voice, others), bool)

    def _after(self, voice: int, step: Steps) -> Column:
        """Return (B,): what a voice sounds after `step`."""
        value = step[f"voice{voice + 1}"].astype(np.int64)
        return np.where(value == AS_BEFORE, self._sounds[:, voice], value - SILENCE)

    def _ends_well(self, after: Column, voice: int, others: dict[int, Column]) -> NDArray[np.bool_]:
        """Return (B, n): what lets the last slice that a piece may have sound."""
        # Where voices go by pitch, none sounds if the highest does not.
        by_pitch = self._encoder.assign == "pitch"
        settles = voice == 0 if by_pitch else len(others) == self._encoder.voices - 1
        if not settles:
            return np.ones_like(after, bool)
        silent = self._slices == MOST_SLICES - 1
        for other in () if by_pitch else others.values():
            silent = silent & (other == 0)
        return np.asarray(~silent[:, None] | (after > 0), bool)

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Move on by a slice in the rows marked True; return how many notes each began."""
        moved = rows & (step["mark"] == STEP)
        begun = np.zeros(len(rows), np.int64)
        self._slices += moved
        for k in range(self._encoder.voices):
            value = np.where(moved, step[f"voice{k + 1}"], AS_BEFORE)
            sounds = self._after(k, step)
            held = np.where(value == AS_BEFORE, self._held[:, k] + 1, 1)
            held = np.where(sounds > 0, np.minimum(held, self._encoder._longest_held), 0)
            self._sounds[:, k] = np.where(moved, sounds, self._sounds[:, k])
            self._held[:, k] = np.where(moved, held, self._held[:, k])
            begun += value >= LOWEST
        return begun

    def derived(self, field: Field) -> Column:
        """Return (B,): where the next slice stands, or what a voice sounds, or for how long."""
        if field.name == "position":
            return self._metre.position(self._slices)
        if field.name == "beat":
            return self._slices // self._encoder.grid % BEATS_COUNTED
        if field.name.startswith("sound"):
            return self._sounds[:, int(field.name.removeprefix("sound")) - 1]
        return self._held[:, int(field.name.removeprefix("held")) - 1]

    def select(self, rows: NDArray[np.intp]) -> VoicesGrammar:
        """Return a copy that holds `rows`."""
        copy = VoicesGrammar(self._encoder, self._metre, 0)
        copy._slices, copy._sounds = self._slices[rows].copy(), self._sounds[rows].copy()
        copy._held = self._held[rows].copy()
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


def _resolution(ticks_per_beat: int, grid: int) -> int:
    """Return the least multiple of `grid` that is no coarser than `ticks_per_beat`, if it fits."""
    multiple = math.lcm(ticks_per_beat, grid)
    if multiple <= MOST_TICKS_PER_BEAT:
        return multiple
    return min(math.ceil(ticks_per_beat / grid), MOST_TICKS_PER_BEAT // grid) * grid


@hookimpl
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register the voices."""
    register(Voices)
