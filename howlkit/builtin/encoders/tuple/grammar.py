"""The steps of encoder `tuple` that may come next, so that a piece has one spelling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.note_choices import (
    AHEAD,
    BEGINS,
    BELOW,
    COMING,
    LASTS,
    NOTHING,
    QUANTITIES,
    NoteChoices,
    NoteTables,
    choices_from_tables,
)
from howlkit.protocols import StepMask
from howlkit.schema import START, STEP, STEP_ARRAY, Field, Schema, Steps

__all__ = ["MOST_UNITS", "NOTE", "PEDAL", "TupleGrammar", "note_tables"]

MOST_UNITS = 65_000  # beats or seconds in a piece: below MAX_TICK at the finest resolution

PEDAL, NOTE = 0, 1
"""The values of the field `kind`: at one onset pedals come first."""


class TupleGrammar:
    """Any step may follow any other, but steps at one onset come in rising order.

    Without that, the notes of a chord could be spelt in any order, and the likelihood of a piece
    would be divided among its spellings. Steps are ordered by the fields after the shift. A track's
    pedal goes down only where it is up, and stays down for one of `pedal_lengths`, in grid
    positions.
    """

    alone = False

    def __init__(
        self,
        schema: Schema,
        rows: int,
        *,
        grid: int,
        pedal_lengths: NDArray[np.int64],
        tables: NoteTables,
    ) -> None:
        self._schema, self.note_tables, self.divisions = schema, tables, grid
        self._grid = np.array([grid])  # an array, which numpy works with faster than with a number
        self._last_onset = MOST_UNITS * self._grid
        self._pedal_lengths = pedal_lengths
        self._order = [n for n in schema.names if n not in ("shift", "shift_fine")]
        tracks = schema["track"].n if "track" in self._order else 1
        # Whether the order is all that limits the fields of a step.
        self._is_simple = not {"kind", "semitone"} & set(self._order)
        choices = sum(field.choices for field in schema.decisions)
        self._allowed = np.ones((rows, choices), bool)
        self._allowed[:, START] = False
        self._row = schema.row
        self.note_bases = np.zeros((rows, len(QUANTITIES)), np.int64)
        self._onset = self.note_bases[:, 0]  # in grid positions
        self._released = np.zeros((rows, tracks), np.int64)  # where each pedal goes up
        self._last = np.zeros(rows, schema.dtype)
        self._last["mark"] = START

    @property
    def now(self) -> NDArray[np.float64]:
        """The onset of each row's last step, in beats or seconds."""
        return np.asarray(self._onset / self._grid)

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, n): all values but those that would put steps at one onset out of order."""
        mask = np.ones((len(given), field.n), bool)
        if field.name == "mark":
            mask[:, START] = False
            mask[:, STEP] = self.now < MOST_UNITS
            return mask
        if field.name not in self._order:
            return mask
        mask &= np.arange(field.n) >= self._lowest(field.name, given)[:, None]
        if field.name == "semitone":  # the last octave ends with pitch 127
            mask &= 12 * given["octave"].astype(np.int64)[:, None] + np.arange(12) < 128
        if "kind" in self._order:
            self._forbid_pedals(field, given, mask)
        return mask

    def step_mask(self) -> StepMask | None:
        """Return the mask of a whole step: at one onset, not less than the last step."""
        if not self._is_simple:
            return None
        allowed = self._allowed.copy()
        allowed[:, STEP] = self._onset < self._last_onset
        least = np.array(self._last.tolist(), np.int64)  # quicker than by column
        least[:, : -len(self._order)] = 0
        return StepMask(allowed, least)

    def note_choices(self, field: Field, given: Steps) -> NoteChoices | None:
        """Return what the choices of a field mean in notes, as `NoteGrammar.note_choices`."""
        return choices_from_tables(self._schema, self.note_tables, self.note_bases, field, given)

    def _lowest(self, name: str, given: Steps) -> NDArray[np.int64]:
        """Return (B,): the least value that keeps steps at one onset in order."""
        tied = (self._shift(given) == 0) & (self._last["mark"] == STEP)
        for earlier in self._order[: self._order.index(name)]:
            tied &= given[earlier] == self._last[earlier]
        return np.where(tied, self._last[name], 0)

    def _forbid_pedals(self, field: Field, given: Steps, mask: NDArray[np.bool_]) -> None:
        """Forbid in `mask` a pedal that is down already, and a span that is too long."""
        if field.name == "kind":
            mask[:, PEDAL] &= self._free(given).any(axis=1)
        elif field.name == "track":
            mask &= (given["kind"] == NOTE)[:, None] | self._free(given)
        elif field.name == "duration":
            mask[given["kind"] == PEDAL, len(self._pedal_lengths) :] = False

    def _free(self, given: Steps) -> NDArray[np.bool_]:
        """Return (B, tracks): the tracks whose pedal may go down at this onset."""
        free = self._released <= (self._onset + self._shift(given))[:, None]
        if "track" not in self._order:
            return free
        step = given.copy()
        step["kind"] = PEDAL
        return free & (np.arange(free.shape[1]) >= self._lowest("track", step)[:, None])

    def _shift(self, steps: Steps) -> NDArray[np.int64]:
        units = steps["shift"].astype(np.int64)
        return np.asarray(units * self._grid + steps["shift_fine"].astype(np.int64))

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Move on to `step` (B,) where `rows` says so; return (B,) the notes begun, 1 or 0."""
        begun = rows & (step["mark"] == STEP_ARRAY)
        if all(begun.tolist()):  # as is usual with one row; this takes half the time
            self._onset += self._shift(step)
            self._last = step.copy()
        else:
            self._onset += self._shift(step) * begun
            np.copyto(self._last.view(self._row), step.view(self._row), where=begun)
        if "kind" not in self._order:
            return np.asarray(begun, np.int64)
        down = np.flatnonzero(begun & (step["kind"] == PEDAL))
        track = step["track"][down] if "track" in self._order else 0
        length = self._pedal_lengths.take(step["duration"][down], mode="clip")
        self._released[down, track] = self._onset[down] + length
        return np.asarray(begun & (step["kind"] == NOTE), np.int64)

    def select(self, rows: NDArray[np.intp]) -> TupleGrammar:
        """Return a copy that holds `rows`."""
        copy = object.__new__(TupleGrammar)
        vars(copy).update(vars(self))
        copy.note_bases, copy._last = self.note_bases[rows], self._last[rows].copy()
        copy._onset = copy.note_bases[:, 0]
        copy._released = self._released[rows].copy()
        copy._allowed = self._allowed[rows]
        return copy


def note_tables(schema: Schema, *, grid: int, lengths: NDArray[np.int64]) -> NoteTables:
    """Return what the values of a step mean in notes; lengths: of each duration, in positions."""
    pitch = "pitch" if "pitch" in schema.names else "semitone"
    names = schema.names[1:]
    roles = dict.fromkeys(names, COMING) | {"duration": LASTS, "velocity": NOTHING, pitch: BEGINS}
    adds: dict[str, dict[str, int | NDArray[np.int64]]] = {
        name: {"role": roles[name] - roles.get(before, NOTHING)}
        for before, name in zip(("", *names), names, strict=False)
    }
    # Whole beats say when the note begins at the latest; the rest is taken from that.
    latest = grid - 1
    adds["shift"] = {"onset": np.arange(schema["shift"].n) * grid + latest, "role": AHEAD}
    adds["shift_fine"] = {"onset": np.arange(grid) - latest, "role": COMING - AHEAD}
    if "kind" in names:  # what is to come is known only there
        adds["shift"]["role"] = adds["shift_fine"]["role"] = NOTHING
        adds["kind"] = {"role": np.array([BELOW, COMING])}
    numbers = {name: (name, np.arange(256)) for name in ("track", "program", "pitch")}
    numbers |= {"octave": ("pitch", 12 * np.arange(11)), "semitone": ("pitch", np.arange(12))}
    numbers["duration"] = "length", lengths
    for name in numbers.keys() & set(names):
        quantity, values = numbers[name]
        adds[name][quantity] = values
    settled = ["onset"] + [name for name in ("track", "program") if name not in names]
    known: dict[str, tuple[str, ...]] = {} if "kind" in names else {"shift": ("onset",)}
    for name in names:
        quantity = {pitch: "pitch", "duration": "length"}.get(name, name)
        settled += [quantity] if quantity in QUANTITIES else []
        known[name] = tuple(settled)
    return NoteTables.of(
        schema, adds=adds, known=known, divisions=grid, shifts=("shift", "shift_fine")
    )
