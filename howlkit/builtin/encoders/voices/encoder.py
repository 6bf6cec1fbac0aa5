"""Encoder `voices`: n voices on a grid; a step is a slice, and each voice has a pitch or silence.

A voice goes on as before (0), falls silent (1) or begins a pitch (2 is the lowest). It sounds at
most one note in a slice:

track   Voice k is track k - 1 of the piece, whatever its pitches: crossings and unisons are kept,
        and tracks beyond the last voice are left out. Where notes of a track sound at once, the one
        that began last is taken (of several that begin in one slice, the highest). When it ends,
        the note before it goes on, as a note of its own.
pitch   Voice k has the k-th highest pitch that sounds in any track: for a choir or quartet written
        as one part. A note whose rank changes becomes a note in each voice; unisons are one note.

Both rules look at one slice at a time. So an excerpt, which knows little of the music before it,
finds the same voices as the whole piece. A piece ends with its last note. Drums, pitches out of
range and slices from `MOST_SLICES` on are left out.

With `steps=changes` a slice is a step only if a beat begins in it or a voice changes. Each step has
a `shift` from the step before it; the last step is the slice after the last note, in which all
voices that sound fall silent.

The slices of four voices go back to BachBot (Liang et al. 2017) and DeepBach (Hadjeres et al.
2017). With `restrikes=false` the steps say exactly what the published tables of JSB chorales say
(Boulanger-Lewandowski et al. 2012 and their successors), which know no holds: equal neighbours are
one note.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.encoders.shared.grid import Grid
from howlkit.builtin.encoders.shared.slices import Metre, highest_pitches, newest_pitches
from howlkit.builtin.encoders.voices.derived import (
    LONGEST_BAR,
    derived_columns,
    derived_fields,
    held_slices,
    positions_and_beats,
)
from howlkit.builtin.encoders.voices.grammar import ChangesGrammar, VoicesGrammar
from howlkit.builtin.encoders.voices.masks import VoiceMasks
from howlkit.builtin.encoders.voices.notes import note_tables
from howlkit.builtin.encoders.voices.spec import (
    AS_BEFORE,
    KNOWN_BEATS,
    LOWEST,
    SILENCE,
    VoicesSpec,
)
from howlkit.errors import OptionError
from howlkit.hookspecs import hookimpl
from howlkit.music.piece import FOREVER, Piece
from howlkit.music.tables import DRUMS, NOTE
from howlkit.note_choices import NoteTables
from howlkit.options import option
from howlkit.protocols import Encoder
from howlkit.schema import STEP, Field, Schema, Steps

__all__ = ["Voices"]

MOST_SLICES = 2**17  # in a piece: nine hours at 60 beats a minute and 4 slices a beat
VELOCITY = 80  # of every decoded note

Column = NDArray[np.int64]
Sounds = NDArray[np.uint8]


@dataclass(frozen=True)
class Voices:
    """Voices on a grid: one step a slice, in each voice a pitch or silence."""

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
    steps: Literal["grid", "changes"] = option(
        "grid", "where a step stands: in each slice, or on beats and where a voice changes"
    )
    derived: Literal["none", "sounds", "intervals"] = option(
        "intervals",
        "inputs: none; place in the bar, what sounds, for how long; and intervals and motions too",
    )

    name: ClassVar[str] = "voices"
    exemptions: ClassVar[Mapping[str, str]] = {
        "excerpts give the whole": "an excerpt knows no voice that fell silent long before it"
    }

    def __post_init__(self) -> None:
        """Refuse an empty range, and an order that does not name each voice once."""
        if self.low > self.high:
            raise OptionError(f"voices: low={self.low} is above high={self.high}; swap them")
        if self.order and sorted(self.order) != list(range(1, self.voices + 1)):
            raise OptionError(
                f"voices: order={','.join(map(str, self.order))} must name each of the voices "
                f"1..{self.voices} once"
            )

    @property
    def decided(self) -> tuple[int, ...]:
        """The voices, from 1, in the order in which they are decided."""
        outer = (1, self.voices) if self.voices > 1 else (1,)
        return self.order or (*outer, *range(2, self.voices))

    @cached_property
    def _spec(self) -> VoicesSpec:
        return VoicesSpec(
            voices=self.voices,
            grid=self.grid,
            pitches=self.high - self.low + 1,
            by_pitch=self.assign == "pitch",
            restrikes=self.restrikes,
            decided=self.decided,
            changes=self._changes,
            derived=self.derived,
        )

    @cached_property
    def _masks(self) -> VoiceMasks:
        return VoiceMasks(self._spec, self.schema)

    @cached_property
    def _time(self) -> Grid:
        return Grid("beats", self.grid)

    @property
    def _changes(self) -> bool:
        return self.steps == "changes"

    def _relative_to(self, voice: int) -> tuple[tuple[str, int], ...]:
        """Return `Field.relative_to` of a voice: its own sound, and the voices decided before."""
        if self.derived == "none":
            return ()
        decided = self.decided[: self.decided.index(voice)]
        return ((f"sound{voice}", SILENCE), *((f"voice{k}", 0) for k in decided))

    @property
    def _context_slices(self) -> int:
        """How many slices before an excerpt its row 0 depends on.

        With steps on changes, row 0 may stand a beat before the excerpt. Everything is known there:
        the context of an excerpt reaches that far back (`Piece.excerpt`).
        """
        return (KNOWN_BEATS + 1) * self.grid if self._changes else self._spec.longest_held

    @cached_property
    def schema(self) -> Schema:
        """`voice1` .. `voiceN` in the order in which they are decided, then the derived fields.

        With steps on changes `shift` comes first: the slices since the step before, less one; the
        first step follows slice -1.
        """
        voices = [
            Field(
                f"voice{k}",
                LOWEST + self._spec.pitches,
                relative_to=self._relative_to(k),
                unit="as before, silence, or a pitch",
            )
            for k in self.decided
        ]
        if self._changes:
            unit = f"1/{self.grid} beat, less one"
            voices.insert(0, Field("shift", self.grid, True, unit=unit))
        return Schema((*voices, *derived_fields(self._spec)))

    def encode(self, piece: Piece) -> Steps:
        """Return start, a step for each slice, end."""
        pitch, voice, begins, ends = self._notes(piece)
        # With steps on changes there is one slice more, in which the last chord ends.
        closing = int(self._changes and piece.has_end and len(begins) > 0)
        since, until = self._time.edges(piece)
        most = MOST_SLICES + self._changes
        first, stop = min(since, most), min(until, most)
        reach = int(ends.max(initial=0))
        if piece.has_end or piece.until >= FOREVER:
            stop = min(stop, reach + closing)
        stop = max(first, stop)
        earliest = max(first - self._context_slices, 0)
        if earliest or reach > stop:
            seen = (begins < stop) & (ends > earliest)
            pitch, voice, begins, ends = (
                column.compress(seen) for column in (pitch, voice, begins, ends)
            )
            if piece.has_end:  # the limit may cut notes off and leave a silence at the end
                last = min(int(ends.max()), stop) + closing if len(ends) else 0
                stop = min(stop, max(first, last))
            begins, ends = begins - earliest, np.minimum(ends, stop) - earliest
        sounds, struck = self._sounding(pitch, voice, begins, ends, stop - earliest)
        rows, at = self._steps(piece, sounds, struck, earliest)
        before = bisect_left(at, first)
        return self.schema.cut(rows, before=before, stop=len(at), end=piece.has_end)

    def _notes(self, piece: Piece) -> tuple[NDArray[np.uint8], Column, Column, Column]:
        """Return the pitch, track, first slice and end slice (exclusive) of notes with a voice.

        Pitches are numbers as in `soundK`; slices are 0..MOST_SLICES, and first slices rise.
        """
        notes = piece.notes
        pitch = notes["pitch"] - np.uint8(self.low)  # wraps round far above for lower pitches
        kept = pitch < self._spec.pitches
        kept &= notes["program"] != DRUMS
        if self.assign == "track":
            kept &= notes["track"] < self.voices
        if not kept.all():
            notes, pitch = notes.compress(kept), pitch.compress(kept)
        begins, ends = self._time.borders(piece, notes)
        np.maximum(ends, begins + 1, out=ends)
        np.minimum(ends, MOST_SLICES, out=ends)
        pitch += 1
        voice = notes["track"].astype(np.int64)
        if not len(begins) or begins[-1] < MOST_SLICES:
            return pitch, voice, begins, ends
        within = int(begins.searchsorted(MOST_SLICES))
        return pitch[:within], voice[:within], begins[:within], ends[:within]

    def _sounding(
        self, pitch: NDArray[np.uint8], voice: Column, begins: Column, ends: Column, length: int
    ) -> tuple[Sounds, NDArray[np.bool_]]:
        """Return (voices, length): what each voice sounds, as in `soundK`, and whether it begins.

        begins, ends: slices; notes may begin before slice 0, and end at `length` or before.
        """
        shape = self.voices, length
        if self.assign == "track":
            return newest_pitches(pitch, voice, begins, ends, shape)
        first = np.maximum(begins, 0)
        return highest_pitches(pitch, first, ends, begins >= 0, shape, self._spec.pitches)

    def _steps(
        self, piece: Piece, sounds: Sounds, struck: NDArray[np.bool_], first: int
    ) -> tuple[Steps, range | Column]:
        """Return the steps of slices from `first` on, as `Schema.blank` has them, and their slices.

        Unless `first` is 0, the first step may be wrong.
        """
        heard = np.zeros((2, *sounds.shape), sounds.dtype)
        heard[0, :, 1:], heard[1] = sounds[:, :-1], sounds
        heard = heard.reshape(2 * self.voices, -1)
        changed = sounds != heard[: self.voices]
        if self.restrikes:
            changed |= struck
        values = sounds + SILENCE
        values *= changed.view(np.uint8)  # elsewhere 0, AS_BEFORE
        held = values
        if self.derived != "none":
            held = held_slices(sounds, changed, self._spec.longest_held)
        slices = range(first, first + sounds.shape[1])
        at: range | Column = slices
        fields = []  # in the order of the schema
        if self._changes:
            on_beat = np.arange(first, slices.stop) % self.grid == 0
            stepped = (changed.any(axis=0) | on_beat).nonzero()[0]
            values, heard, held = (column.take(stepped, axis=1) for column in (values, heard, held))
            at = first + stepped
            shift = np.zeros((1, len(at)), np.uint8)
            shift[0, 1:] = stepped[1:] - stepped[:-1] - 1
            fields.append(shift)
        fields.append(values.take(self._masks.order, axis=0))
        if self.derived != "none":
            position, beat = positions_and_beats(self._metre(piece), self.grid, at)
            fields.append(derived_columns(self._spec, position, beat, heard=heard, held=held))
        rows = self.schema.blank(len(at))
        # All fields are bytes: making rows of them at once is quicker than field by field.
        cells = rows.view(np.uint8).reshape(len(rows), -1)
        cells[1:-1, 1:] = np.concatenate(fields).T
        return rows, at

    def _metre(self, piece: Piece) -> Metre:
        if piece.ticks_per_beat % self.grid:
            piece = self._frame(piece)
        return Metre.of(piece, self.grid, longest_bar=LONGEST_BAR)

    def _frame(self, like: Piece | None) -> Piece:
        """Return a piece without notes, in which every slice begins at a tick."""
        return self._time.frame(like)[0]

    def _slices_of(self, steps: Steps) -> Column:
        """Return the slice of each row; -1 before the first step."""
        is_step = steps["mark"] == STEP
        moved = is_step * (steps["shift"].astype(np.int64) + 1) if self._changes else is_step
        return np.cumsum(moved) - 1

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> Column:
        """Return the tick of each step in `decode`'s result; the end row has that of the last."""
        number = np.maximum(self._slices_of(steps), 0)
        return np.asarray(number * (self._frame(like).ticks_per_beat // self.grid))

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return the notes, voice k in track k - 1; start and end rows are ignored."""
        empty = self._frame(like)
        steps = steps[steps["mark"] == STEP]
        slices = self._slices_of(steps)
        # Notes that never end last through the last slice.
        length = int(slices[-1]) + 1 if len(steps) else 0
        names = [f"voice{k + 1}" for k in range(self.voices)]
        values = np.stack([steps[name] for name in names]).astype(np.int64)  # (voices, T)
        voice, at = np.nonzero(values != AS_BEFORE)
        value, at = values[voice, at], slices[at]
        until = np.append(at[1:], length)  # each lasts until the next change of its voice
        until[np.flatnonzero(np.diff(voice))] = length
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
        metre = self._metre(Piece() if like is None else like)
        kind = ChangesGrammar if self._changes else VoicesGrammar
        return kind(
            self._spec, self._masks, metre, rows, most=MOST_SLICES, tables=self._note_tables
        )

    @cached_property
    def _note_tables(self) -> NoteTables:
        """What the values of a step mean in notes."""
        return note_tables(self.schema, self._spec, low=self.low)


@hookimpl
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register the voices."""
    register(Voices)
