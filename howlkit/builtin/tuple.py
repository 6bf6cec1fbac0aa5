"""Encoder `tuple`: one step a note, decided as shift, program, pitch, duration, velocity.

Onsets stand on a uniform grid, in beats or in seconds, and a shift is the exact difference of two
grid positions, so that nothing drifts however long the piece is. The shift is two fields: whole
beats (or seconds), then the grid positions beyond them. Durations are log-spaced (notes.py),
velocities evenly.

The multi-output note tuple goes back to Howl; NotePerformance (Magenta) and Octuple (MusicBERT,
Zeng et al. 2021) are of the same family, but count time from the bar, or in log-spaced shifts that
drift.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.builtin.notes import (
    MOST_TICKS_PER_BEAT,
    canonical_order,
    lengths,
    nearest,
    resolution,
    velocity_classes,
    velocity_values,
)
from howlkit.hookspecs import hookimpl
from howlkit.options import option
from howlkit.piece import DRUMS, NOTE, TEMPO, Piece, Table
from howlkit.protocols import Encoder
from howlkit.schema import START, STEP, Field, Schema, Steps

MOST_UNITS = 65_000  # beats or seconds in a piece: at the finest resolution still below MAX_TICK

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Tuple:
    """Note tuples: one step a note - shift, program, pitch, duration, velocity."""

    clock: Literal["beats", "seconds"] = option("beats", "what the time grid divides")
    grid: int = option(
        0, "grid positions a beat or a second; 0: 24 a beat, 100 a second", low=0, high=1000
    )
    longest_shift: int = option(
        64, "beats or seconds; a longer rest is shortened to just under this", low=1, high=1024
    )
    longest_duration: int = option(
        16, "beats or seconds; a longer note is cut to this", low=1, high=256
    )
    durations: int = option(12, "durations for every doubling of length", low=1, high=48)
    velocities: int = option(32, "number of velocities", low=1, high=127)
    programs: bool = option(True, "instruments and drums; false: one piano, drums left out")

    name: ClassVar[str] = "tuple"

    @property
    def _grid(self) -> int:
        return self.grid or {"beats": 24, "seconds": 100}[self.clock]

    @cached_property
    def _lengths(self) -> NDArray[np.int64]:
        """The durations there are, in grid positions."""
        return lengths(self.longest_duration * self._grid, self.durations)

    @cached_property
    def schema(self) -> Schema:
        """Seven or eight columns: mark, shift, shift_fine, [program,] pitch, duration, velocity."""
        unit = self.clock[:-1]
        program = (Field("program", DRUMS + 1, unit="General MIDI program, 128: drums"),)
        fields = (
            Field("shift", self.longest_shift, ordered=True, unit=unit),
            Field("shift_fine", self._grid, ordered=True, unit=f"1/{self._grid} {unit}"),
            *(program if self.programs else ()),
            Field("pitch", 128, ordered=True, unit="semitone"),
            Field("duration", len(self._lengths), ordered=True, unit=f"log-spaced {unit}s"),
            Field("velocity", self.velocities, ordered=True, unit=f"{127 / self.velocities:.1f}"),
        )
        return Schema(fields, self.clock)

    def encode(self, piece: Piece) -> Steps:
        """Return start, a step for each note, end; notes in the order of their grid positions."""
        notes = piece.notes
        if not self.programs:
            notes = notes[notes["program"] != DRUMS]
        onsets, played = self._time(piece, notes)
        encoded = self.schema.steps(len(notes))
        encoded["pitch"] = notes["pitch"]
        encoded["duration"] = nearest(self._lengths, played)
        encoded["velocity"] = velocity_classes(notes["velocity"], self.velocities)
        if self.programs:
            encoded["program"] = notes["program"]
        order = canonical_order(onsets, encoded)
        encoded, onsets = encoded[order], onsets[order]
        most = self.longest_shift * self._grid - 1
        shifts = np.minimum(np.diff(onsets, prepend=0), most)
        encoded["shift"], encoded["shift_fine"] = np.divmod(shifts, self._grid)
        edges = self._positions(piece, [piece.since, piece.until])
        before, stop = np.searchsorted(onsets, edges).tolist()
        return self.schema.frame(encoded[: max(before, stop)], before=before, end=piece.has_end)

    def _positions(self, piece: Piece, ticks: ArrayLike) -> Column:
        """Return the grid positions nearest to ticks."""
        ticks = np.asarray(ticks, np.int64)
        if self.clock == "beats":
            per_beat = piece.ticks_per_beat
            return (2 * ticks * self._grid + per_beat) // (2 * per_beat)
        return np.floor(piece.seconds(ticks) * self._grid + 0.5).astype(np.int64)

    def _time(self, piece: Piece, notes: Table) -> tuple[Column, NDArray[np.float64]]:
        """Return onsets on the grid and durations in (fractions of) grid positions."""
        starts = notes["start"].astype(np.int64)
        if self.clock == "beats":
            played = notes["duration"] * (self._grid / piece.ticks_per_beat)
            return self._positions(piece, starts), played
        seconds = piece.seconds(starts)
        played = piece.seconds(starts + notes["duration"]) - seconds
        return np.floor(seconds * self._grid + 0.5).astype(np.int64), played * self._grid

    def _onsets(self, steps: Steps) -> Column:
        shifts = steps["shift"].astype(np.int64) * self._grid + steps["shift_fine"]
        return np.cumsum(np.where(steps["mark"] == STEP, shifts, 0))

    def _frame(self, like: Piece | None) -> tuple[Piece, Callable[[Any], Any]]:
        """Return a piece without notes, and the map from grid positions to its ticks."""
        if like is None:
            empty = Piece(tempos=np.array([(0, 500_000)], TEMPO))
        else:
            empty = like.without_notes()
        if self.clock == "beats":
            per_beat = resolution(empty.ticks_per_beat, self._grid)
            factor = per_beat // self._grid
            return empty.at_resolution(per_beat), lambda positions: positions * factor
        if like is None:
            # Half a second a beat: twice as many ticks a second as a beat.
            empty = empty.at_resolution(resolution(empty.ticks_per_beat, self._grid))
        else:
            empty = empty.at_resolution(_fine_enough(empty, self._grid))
        return empty, lambda positions: empty.ticks(positions / self._grid)

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> Column:
        """Return each step's onset in ticks of `decode`'s result; the end stands at the last."""
        _, to_ticks = self._frame(like)
        return np.asarray(to_ticks(self._onsets(steps)))

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return a note for each step; rows that are start or end add nothing."""
        empty, to_ticks = self._frame(like)
        steps = steps[steps["mark"] == STEP]
        onsets = self._onsets(steps)
        starts = to_ticks(onsets)
        notes = np.zeros(len(steps), NOTE)
        notes["start"] = starts
        ends = to_ticks(onsets + self._lengths[steps["duration"]])
        notes["duration"] = np.maximum(ends - starts, 1)
        notes["pitch"] = steps["pitch"]
        notes["velocity"] = velocity_values(steps["velocity"], self.velocities)
        if self.programs:
            notes["program"] = steps["program"]
            # One track an instrument, so that a sequencer shows them apart.
            notes["track"] = np.unique(steps["program"], return_inverse=True)[1]
        return empty.replace(notes=notes)

    def grammar(self, rows: int, *, like: Piece | None = None) -> TupleGrammar:
        """Return the grammar of `rows` rows at the start of their pieces."""
        return TupleGrammar(self._grid, self.schema, rows)


class TupleGrammar:
    """Any note may follow any other, but notes at one onset come in rising order.

    Without that, the notes of a chord could be spelt in any order, and the likelihood of a piece
    would be shared out among its spellings.
    """

    def __init__(self, grid: int, schema: Schema, rows: int) -> None:
        self._grid = grid
        self._order = [n for n in schema.names if n not in ("shift", "shift_fine")]
        self._onset = np.zeros(rows, np.int64)  # in grid positions
        self._last = np.zeros(rows, schema.dtype)
        self._last["mark"] = START

    @property
    def now(self) -> NDArray[np.float64]:
        """The onset of each row's last note, in beats or seconds."""
        return np.asarray(self._onset / self._grid)

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, n): all values, but none that would put a chord's notes out of order."""
        rows = len(given)
        if field.name == "mark":
            mask = np.ones((rows, field.n), bool)
            mask[:, START] = False
            mask[:, STEP] = self.now < MOST_UNITS
            return mask
        if field.name not in self._order:
            return np.ones((rows, field.n), bool)
        tied = (given["shift"] == 0) & (given["shift_fine"] == 0) & (self._last["mark"] == STEP)
        for name in self._order[: self._order.index(field.name)]:
            tied &= given[name] == self._last[name]
        lowest = np.where(tied, self._last[field.name], 0)
        return np.asarray(np.arange(field.n) >= lowest[:, None])

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Move on to `step` where `rows` says so; a step is one note, an end none."""
        begun = rows & (step["mark"] == STEP)
        shift = step["shift"].astype(np.int64) * self._grid + step["shift_fine"]
        self._onset += np.where(begun, shift, 0)
        self._last[begun] = step[begun]
        return np.asarray(begun, np.int64)

    def select(self, rows: NDArray[np.intp]) -> TupleGrammar:
        """Return a copy that holds `rows`."""
        copy = object.__new__(TupleGrammar)
        copy._grid, copy._order = self._grid, self._order
        copy._onset, copy._last = self._onset[rows].copy(), self._last[rows].copy()
        return copy


def _fine_enough(piece: Piece, grid: int) -> int:
    """Return a resolution at which a grid position is at least 4 ticks wherever `piece` is slow."""
    slowest = int(piece.tempos["microseconds"].max(initial=500_000)) / 1e6  # seconds a beat
    factor = math.ceil(4 * grid * slowest / piece.ticks_per_beat)
    return piece.ticks_per_beat * max(1, min(factor, MOST_TICKS_PER_BEAT // piece.ticks_per_beat))


@hookimpl
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register the note tuples."""
    register(Tuple)


__all__ = ["Tuple", "TupleGrammar"]
