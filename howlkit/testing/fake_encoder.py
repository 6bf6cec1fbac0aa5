"""A small encoder with fields of every kind, which keeps every law; it serves to check samplers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import DRUMS, NOTE, Piece
from howlkit.note_choices import BEGINS, COMING, UNKNOWN, NoteChoices
from howlkit.options import option
from howlkit.schema import START, STEP, Field, Schema, Steps, bits, real

__all__ = ["FakeEncoder", "FakeGrammar"]

KEYS = 12
LOWEST = 60
MOST_SLICES = 2**20
LEVELS = 8

Column = NDArray[np.int64]


@dataclass(frozen=True)
class FakeEncoder:
    """One step an onset: shift, one key or a chord of pitch classes, loudness; no drums.

    Shifts are at most a beat, because an excerpt does not hold more of the music before it.
    """

    grid: int = option(4, "slices a beat", low=1, high=48)

    name: ClassVar[str] = "fake"

    @cached_property
    def schema(self) -> Schema:
        """The shift, a pitch class or (for a chord) one bit for each, and the loudness."""
        return Schema(
            (
                Field("shift", self.grid + 1, ordered=True, unit=f"1/{self.grid} beat"),
                Field("chord", 2, unit="whether there are several keys"),
                Field("key", KEYS, when=("chord", (0,)), unit="semitone"),
                bits("keys", KEYS, when=("chord", (1,)), unit="semitone"),
                real("loudness", 0, 1, resolution=1 / (LEVELS - 1)),
                Field("count", 4, ordered=True, derived=True, unit="keys; 3: or more"),
            )
        )

    def _slices(self, piece: Piece, ticks: NDArray[np.int64]) -> Column:
        per_beat = piece.ticks_per_beat
        return np.asarray((2 * ticks.astype(np.int64) * self.grid + per_beat) // (2 * per_beat))

    def encode(self, piece: Piece) -> Steps:
        """Return the steps of a piece; for an excerpt its steps, and the one before them."""
        notes = piece.notes[piece.notes["program"] != DRUMS]
        onset = self._slices(piece, notes["start"])
        at, row = np.unique(onset, return_inverse=True)
        keys = np.zeros((len(at), KEYS), np.uint8)
        keys[row, notes["pitch"] % KEYS] = 1
        velocity = np.zeros(len(at), np.int64)
        np.maximum.at(velocity, row, notes["velocity"])
        steps = self.schema.steps(len(at))
        steps["shift"] = np.minimum(np.diff(at, prepend=0), self.grid)
        steps["chord"] = keys.sum(axis=1) > 1
        steps["key"] = np.where(steps["chord"] == 0, keys.argmax(axis=1), 0)
        steps["keys"] = keys * steps["chord"][:, None]
        steps["loudness"] = (velocity - 1) * LEVELS // 127
        steps["count"] = np.minimum(keys.sum(axis=1), 3)
        edges = self._slices(piece, np.array([piece.since, piece.until]))
        before, stop = np.searchsorted(at, edges).tolist()
        return self.schema.frame(steps[: max(before, stop)], before=before, end=piece.has_end)

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return the music: each key is a note, one slice long."""
        frame = self._frame(like)
        starts = self.ticks(steps, like=like)
        keys = _keys(steps)
        row, key = keys.nonzero()
        notes = np.zeros(len(row), NOTE)
        notes["start"], notes["pitch"] = starts[row], LOWEST + key
        notes["duration"] = frame.ticks_per_beat // self.grid
        level = steps["loudness"][row].astype(np.int64)
        notes["velocity"] = 1 + (2 * level + 1) * 127 // (2 * LEVELS)
        return frame.replace(notes=notes)

    def _frame(self, like: Piece | None) -> Piece:
        frame = Piece() if like is None else like.without_notes()
        factor = -(-frame.ticks_per_beat // self.grid)
        return frame.at_resolution(min(factor, 32767 // self.grid) * self.grid)

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> Column:
        """Return the tick of each step."""
        shift = np.where(steps["mark"] == STEP, steps["shift"].astype(np.int64), 0)
        return np.asarray(np.cumsum(shift) * (self._frame(like).ticks_per_beat // self.grid))

    def grammar(self, rows: int, *, like: Piece | None = None) -> FakeGrammar:
        """Return a grammar for `rows` rows at the start of a piece."""
        return FakeGrammar(self.grid, np.full(rows, -1), np.zeros(rows, np.int64))


@dataclass
class FakeGrammar:
    """The position of each row.

    at: (B,) the last slice, -1 before the first. count: (B,) how many keys it had.
    """

    grid: int
    at: Column
    count: Column

    alone: ClassVar[bool] = False

    @property
    def divisions(self) -> int:
        """The slices a beat."""
        return self.grid

    @property
    def now(self) -> NDArray[np.float64]:
        """The position of each row, in beats (B,)."""
        return np.maximum(self.at, 0) / self.grid

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, field.choices): a chord has at least two keys, and each slice comes once."""
        value = np.arange(field.choices)
        mask = np.ones((len(given), field.choices), bool)
        if field.name == "mark":
            mask[:, START] = False
            mask[:, STEP] = self.at < MOST_SLICES
        elif field.name == "shift":
            mask[:, 0] = self.at < 0
        elif field.name == "keys":  # the highest is no key to begin with, and "none" after two
            on = given["keys"].sum(axis=1)[:, None]
            mask &= np.where(on == 0, value < KEYS - 1, (value < KEYS) | (on > 1))
        return mask

    def note_choices(self, field: Field, given: Steps) -> NoteChoices | None:
        """Return what the choices of a field mean in notes: each key is one, one slice long."""
        if field.name not in ("shift", "key", "keys"):
            return None
        value, shape = np.arange(field.choices), (len(given), field.choices)
        shift = value if field.name == "shift" else given["shift"].astype(np.int64)[:, None]
        role = np.full(shape, COMING if field.name == "shift" else BEGINS, np.uint8)
        role[:, KEYS:] *= field.name != "keys"  # that there are no more is no note
        onset = np.maximum(self.at, 0)[:, None] + np.broadcast_to(shift, shape)
        unknown, none = np.full(shape, UNKNOWN), np.zeros(shape, np.int64)
        keys = field.name != "shift"
        return NoteChoices(
            role=role,
            onset=onset,
            pitch=np.broadcast_to(LOWEST + value, shape) if keys else unknown,
            program=none,
            track=none,
            end=onset + 1 if keys else unknown,
        )

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> Column:
        """Move on in the marked rows; return how many notes begin: one for each key."""
        moved = rows & (step["mark"] == STEP)
        count = _keys(step).sum(axis=1)
        self.at = np.where(moved, np.maximum(self.at, 0) + step["shift"], self.at)
        self.count = np.where(rows, count, self.count)
        return np.where(moved, count, 0)

    def select(self, rows: NDArray[np.intp]) -> FakeGrammar:
        """Return a copy with these rows."""
        return FakeGrammar(self.grid, self.at[rows].copy(), self.count[rows].copy())

    def derived(self, field: Field) -> Column:
        """Return (B,): the value of `count`, the number of keys of the last step, at most 3."""
        return np.minimum(self.count, 3)


def _keys(steps: Steps) -> NDArray[np.bool_]:
    """Return (T, KEYS): which keys each step strikes."""
    single = (np.arange(KEYS) == steps["key"][:, None]) & (steps["chord"] == 0)[:, None]
    return np.asarray((single | (steps["keys"] > 0)) & (steps["mark"] == STEP)[:, None])
