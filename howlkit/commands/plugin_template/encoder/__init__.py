"""Encoder `stencil`: a note is a shift, an interval and a duration, on a grid.

Notes are in the order of onset, then pitch, with each pitch once at an onset. So there is only one
spelling: if the shift is 0, the interval goes up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.hookspecs import hookimpl
from howlkit.music import DRUMS, NOTE, Piece
from howlkit.options import option
from howlkit.protocols import Encoder
from howlkit.schema import START, STEP, Field, Schema, Steps

FIRST = 60  # the pitch that the first interval is counted from
SAME = 127  # the value of `interval` that stays on the pitch


def scale(positions: NDArray[np.int64], to: int, of: int) -> NDArray[np.int64]:
    """Convert positions from 1/of beats to 1/to beats, rounded to the nearest, halves up."""
    return (2 * positions.astype(np.int64) * to + of) // (2 * of)


@dataclass(frozen=True)
class Stencil:
    """One step a note: shift, interval from the note before, duration; no drums, no velocity."""

    grid: int = option(12, "positions a beat", low=1, high=96)
    name: ClassVar[str] = "stencil"

    @property
    def schema(self) -> Schema:
        """The fields of a step: shift and duration of at most 8 beats, an interval of -127..127."""
        unit, most = f"1/{self.grid} beat", 8 * self.grid
        shift = Field("shift", most + 1, ordered=True, unit=unit)
        interval = Field("interval", 2 * SAME + 1, ordered=True, unit="semitone; 127: none")
        return Schema((shift, interval, Field("duration", most, ordered=True, unit=unit)))

    def encode(self, piece: Piece) -> Steps:
        """Return the steps of a piece; for an excerpt its steps, and the one before them."""
        notes = piece.notes[piece.notes["program"] != DRUMS]
        onset = scale(notes["start"], self.grid, piece.ticks_per_beat)
        order = np.lexsort((-notes["duration"], notes["pitch"], onset))  # the longest comes first
        notes, onset = notes[order], onset[order]
        shift = np.diff(onset, prepend=-1)  # so that only chords have a shift of 0
        interval = np.diff(notes["pitch"].astype(np.int64), prepend=FIRST)
        kept = (shift > 0) | (interval > 0)  # of one pitch at one onset, the longest
        length = scale(notes["duration"], self.grid, piece.ticks_per_beat)
        steps = self.schema.steps(int(kept.sum()))
        steps["shift"] = np.minimum(shift, 8 * self.grid)[kept]
        steps["interval"] = interval[kept] + SAME
        steps["duration"] = np.clip(length, 1, 8 * self.grid)[kept] - 1
        edges = scale(np.array([piece.since, piece.until]), self.grid, piece.ticks_per_beat)
        before, stop = np.searchsorted(onset[kept], edges)
        return self.schema.frame(steps[: max(before, stop)], before=before, end=piece.has_end)

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return the notes of the steps, with program 0 and velocity 80."""
        like = Piece() if like is None else like
        is_note = steps["mark"] == STEP
        length = scale(steps["duration"].astype(np.int64) + 1, like.ticks_per_beat, self.grid)
        notes = np.zeros(len(steps), NOTE)
        notes["start"] = self.ticks(steps, like=like)
        notes["duration"] = np.maximum(length, 1)
        notes["pitch"] = FIRST + np.cumsum(np.where(is_note, steps["interval"] - np.int64(SAME), 0))
        notes["velocity"] = 80
        maps = like.tempos, like.time_signatures, like.key_signatures
        return Piece(notes[is_note], like.ticks_per_beat, *maps)

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> NDArray[np.int64]:
        """Return the onset of each step, in the ticks of `decode(steps, like=like)`."""
        onset = np.cumsum(np.where(steps["mark"] == STEP, steps["shift"].astype(np.int64), 0)) - 1
        per_beat = (Piece() if like is None else like).ticks_per_beat
        return scale(np.maximum(onset, 0), per_beat, self.grid)

    def grammar(self, rows: int, *, like: Piece | None = None) -> "Grammar":
        """Return a grammar for B rows, each at the start of a piece."""
        return Grammar(self.grid, np.full(rows, -1), np.full(rows, FIRST))


@dataclass
class Grammar:
    """The last onset (B,) of each row in grid positions, -1 before the first, and pitch (B,)."""

    grid: int
    onset: NDArray[np.int64]
    pitch: NDArray[np.int64]

    @property
    def now(self) -> NDArray[np.float64]:
        """The position of each row, in beats."""
        return np.maximum(self.onset, 0) / self.grid

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, n): pitches stay in 0..127, and rise if the shift is 0."""
        value = np.broadcast_to(np.arange(field.n), (len(self.onset), field.n))
        mask: NDArray[np.bool_] = value >= 0
        if field.name == "mark":
            mask = value != START
        elif field.name == "shift":  # 0 needs a note to join, and room above it
            mask = (value > 0) | ((self.onset >= 0) & (self.pitch < 127))[:, None]
        elif field.name == "interval":
            pitch = self.pitch[:, None] + value - SAME
            chord = given["shift"][:, None] == 0
            mask = (pitch >= 0) & (pitch <= 127) & ((value > SAME) | ~chord)
        return mask

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Move on in the marked rows; return how many notes begin in each row."""
        began: NDArray[np.int64] = (rows & (step["mark"] == STEP)).astype(np.int64)
        self.onset = self.onset + began * step["shift"].astype(np.int64)
        self.pitch = self.pitch + began * (step["interval"].astype(np.int64) - SAME)
        return began

    def select(self, rows: NDArray[np.intp]) -> "Grammar":
        """Return a copy with these rows."""
        return Grammar(self.grid, self.onset[rows], self.pitch[rows])


@hookimpl
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register the component."""
    register(Stencil)
