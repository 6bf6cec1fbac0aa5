"""Encoder `howl`: Howl's representation V1, one step a note - shift, pitch, duration, volume.

Howl (2021) writes a note as {time since the previous note, duration, volume, pitch}: three real
numbers (seconds, seconds, 0..1) and one of 120 pitches, C-1 to B8; higher ones come down an octave.
Notes of all tracks are in one list, drums among them, as if all were one piano. Time is a real
number here, to 0.01 s, and so is volume, to 1/127, which is all that MIDI has.

Three things differ. Pitch is decided before duration and volume, so that chained heads know it; for
Howl's own heads, which are independent, the order does not matter. Shifts are differences of
rounded starts, so that none is negative: Howl sorts by rounded starts, but takes the differences of
unrounded ones. And rests and notes longer than `longest`, the most that Howl's network can say (4
times a logistic function), are cut to it: a long note ends early, a long rest is over sooner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import differences
from howlkit.builtin.encoders.shared.grid import Grid
from howlkit.builtin.encoders.shared.notes import note_order
from howlkit.hookspecs import hookimpl
from howlkit.music.piece import Piece
from howlkit.music.tables import NOTE
from howlkit.note_choices import (
    AHEAD,
    BEGINS,
    LASTS,
    NOTHING,
    QUANTITIES,
    NoteChoices,
    NoteTables,
    choices_from_tables,
)
from howlkit.options import option
from howlkit.protocols import Encoder
from howlkit.schema import START, STEP, Field, Schema, Steps, real

PITCHES = 120  # C-1 (MIDI 0) to B8 (119)
TIME = Grid("seconds", 100)  # starts are rounded to 0.01 s
LATEST = 2**36 - 1  # 21 years; a note that a tempo map moves beyond it begins there

MOST_SECONDS = 30_000  # the longest piece that the grammar allows

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Howl:
    """Howl's note tuples: shift, pitch, duration and volume in real numbers; one piano."""

    longest: int = option(4, "seconds; longer rests and notes are cut to this", low=1, high=60)

    name: ClassVar[str] = "howl"

    @cached_property
    def schema(self) -> Schema:
        """Five columns: mark, shift, pitch, duration, volume."""
        hundredth = 1 / TIME.divisions
        fields = (
            real("shift", 0, self.longest, resolution=hundredth, unit="second"),
            Field("pitch", PITCHES, ordered=True, unit="semitone, 0 is C-1"),
            real("duration", 0, self.longest, resolution=hundredth, unit="second"),
            real("volume", 0, 1, resolution=1 / 127, unit="of the loudest"),
        )
        return Schema(fields, "seconds")

    def encode(self, piece: Piece) -> Steps:
        """Return start, a step for each note, end; notes by rounded start, then by pitch."""
        notes = piece.notes
        starts = notes["start"].astype(np.int64)
        onset = np.minimum(TIME.positions(piece, starts), LATEST)
        lengths = piece.seconds(starts + notes["duration"]) - piece.seconds(starts)
        steps = self.schema.steps(len(notes))
        steps["pitch"] = notes["pitch"] - 12 * (notes["pitch"] >= PITCHES)
        steps["duration"] = self.schema["duration"].cells(lengths)
        steps["volume"] = notes["velocity"]
        fields = self.schema.fields[1:]  # they take 27 bits, an onset 36
        order = note_order(onset, [(steps[field.name], field.n) for field in fields])
        steps, onset = steps.take(order), onset.take(order)
        steps["shift"] = np.minimum(differences(onset, 0), self.schema["shift"].n - 1)
        since, until = TIME.edges(piece)
        before, stop = onset.searchsorted((min(since, LATEST), until)).tolist()
        return self.schema.frame(steps[: max(before, stop)], before=before, end=piece.has_end)

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return a note for each step; a duration of 0 is one tick."""
        empty, to_ticks = TIME.frame(like)
        steps = steps[steps["mark"] == STEP]
        onset = _onsets(steps)
        notes = np.zeros(len(steps), NOTE)
        notes["start"] = to_ticks(onset)
        notes["duration"] = np.maximum(to_ticks(onset + steps["duration"]) - notes["start"], 1)
        notes["pitch"] = steps["pitch"]
        notes["velocity"] = steps["volume"]
        return empty.replace(notes=notes)

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> Column:
        """Return each step's onset in ticks of `decode`'s result; the end stands at the last."""
        _, to_ticks = TIME.frame(like)
        return np.asarray(to_ticks(_onsets(steps)))

    def grammar(self, rows: int, *, like: Piece | None = None) -> HowlGrammar:
        """Return the grammar of `rows` rows at the start of their pieces."""
        return HowlGrammar(self.schema, rows, tables=self._note_tables)

    @cached_property
    def _note_tables(self) -> NoteTables:
        """What the cells of a step mean in notes."""
        cells = np.arange(self.schema["shift"].n)  # 0.01 s, of a duration too
        known = ("onset", "program", "track")
        return NoteTables.of(
            self.schema,
            adds={
                "shift": {"onset": cells, "role": AHEAD},
                "pitch": {"pitch": np.arange(PITCHES), "role": BEGINS - AHEAD},
                "duration": {"length": cells, "role": LASTS - BEGINS},
                "volume": {"role": NOTHING - LASTS},
            },
            known={
                "shift": ("onset",),
                "pitch": (*known, "pitch"),
                **dict.fromkeys(("duration", "volume"), QUANTITIES),
            },
            divisions=TIME.divisions,
            shifts=("shift",),
        )


class HowlGrammar:
    """Any note may follow any other; notes at one time rise in pitch, duration, volume."""

    divisions, alone = TIME.divisions, False

    def __init__(self, schema: Schema, rows: int, *, tables: NoteTables) -> None:
        self._schema, self.note_tables = schema, tables
        self.note_bases = np.zeros((rows, len(QUANTITIES)), np.int64)
        self._onset = self.note_bases[:, 0]  # in 0.01 s
        self._last = np.zeros(rows, schema.dtype)
        self._last["mark"] = START

    @property
    def now(self) -> NDArray[np.float64]:
        """The onset of each row's last note, in seconds."""
        return np.asarray(self._onset / TIME.divisions)

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, n): the values that keep notes at one time in order; no volume 0."""
        mask = np.ones((len(given), field.n), bool)
        if field.name == "mark":
            mask[:, START] = False
            mask[:, STEP] = self.now < MOST_SECONDS
        elif field.name != "shift":
            tied = (given["shift"] == 0) & (self._last["mark"] == STEP)
            for name in ("pitch", "duration"):
                if name == field.name:
                    break
                tied &= given[name] == self._last[name]
            lowest = np.where(tied, self._last[field.name], int(field.name == "volume"))
            mask &= np.arange(field.n) >= lowest[:, None]
        return mask

    def note_choices(self, field: Field, given: Steps) -> NoteChoices | None:
        """Return what the choices of a field mean in notes, as `NoteGrammar.note_choices`."""
        return choices_from_tables(self._schema, self.note_tables, self.note_bases, field, given)

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> Column:
        """Move on to `step` (B,) where `rows` says so; return (B,) the notes begun, 1 or 0."""
        begun = rows & (step["mark"] == STEP)
        self._onset += np.where(begun, step["shift"].astype(np.int64), 0)
        self._last[begun] = step[begun]
        return np.asarray(begun, np.int64)

    def select(self, rows: NDArray[np.intp]) -> HowlGrammar:
        """Return a copy that holds `rows`."""
        copy = object.__new__(HowlGrammar)
        vars(copy).update(vars(self))
        copy.note_bases, copy._last = self.note_bases[rows], self._last[rows].copy()
        copy._onset = copy.note_bases[:, 0]
        return copy


def _onsets(steps: Steps) -> Column:
    """Return the onset of each step (T,) in 0.01 s: Howl's running sum of the first column."""
    return np.cumsum(np.where(steps["mark"] == STEP, steps["shift"].astype(np.int64), 0))


@hookimpl
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register Howl's notes."""
    register(Howl)


__all__ = ["Howl", "HowlGrammar"]
