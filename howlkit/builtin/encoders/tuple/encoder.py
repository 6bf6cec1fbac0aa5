"""Encoder `tuple`: one step a note, decided as shift, program, pitch, duration, velocity.

Onsets stand on a uniform grid, in beats or in seconds, and a shift is the exact difference of two
grid positions, so nothing drifts however long the piece is. The shift is two fields: whole beats
(or seconds), then the grid positions beyond them. Durations are log-spaced like the notes of a
scale: with 12 for an octave (a doubling), every length of 2^a x 3^b grid positions is met exactly,
and so is every common note value. Velocities are evenly spaced.

With `pedals`, spans of the sustain pedal are steps too: shift, kind, duration. The spans of a track
do not overlap: each ends at the latest where the next one begins, and of several that begin at one
position, the longest is kept. Without `tracks`, all tracks share one pedal. Where nobody
said whether there shall be pedals, they are steps if the music is a recorded piano's: counted in
seconds, and with a pedal in most of its pieces (`fitted`).

The note tuple of several outputs goes back to Howl, and so does a pitch of two outputs, octave and
semitone. NotePerformance (Magenta) and Octuple (MusicBERT, Zeng et al. 2021) are alike, but count
time from the bar, or in log-spaced shifts that drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.encoders.shared.durations import log_spaced, nearest, nearest_of_ticks
from howlkit.builtin.encoders.shared.grid import Grid
from howlkit.builtin.encoders.shared.notes import note_order, velocity_classes, velocity_values
from howlkit.builtin.encoders.shared.programs import tracks_by_program
from howlkit.builtin.encoders.tuple.grammar import NOTE, TupleGrammar, note_tables
from howlkit.errors import OptionError
from howlkit.hookspecs import hookimpl
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, Table
from howlkit.music.tables import NOTE as NOTE_DTYPE
from howlkit.music.tables import PEDAL as PEDAL_DTYPE
from howlkit.note_choices import NoteTables
from howlkit.options import option
from howlkit.protocols import Encoder
from howlkit.schema import STEP, Field, Schema, Steps

Column = NDArray[np.int64]

PIANOS = 8
"""General MIDI has so many pianos, from 0 on."""


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
    pitch: Literal["one", "octave"] = option(
        "one", "one: 128 values; octave: octave, then semitone in it, as Howl wished"
    )
    tracks: int = option(
        0, "tracks kept apart, the last takes in all higher; 0: one an instrument", low=0, high=64
    )
    pedals: bool | None = option(
        None, "the sustain pedal too, each span a step; none: if recordings of a piano have one"
    )

    name: ClassVar[str] = "tuple"

    def __post_init__(self) -> None:
        """Refuse pedals if the only shift is 0, which could not keep two of them apart."""
        if self.pedals and self.longest_shift * self._grid < 2:
            raise OptionError(
                f"tuple: pedals=true with grid={self.grid} and longest_shift={self.longest_shift} "
                "leaves no shift but 0 between two pedals; raise one of them"
            )

    def fitted(self, pieces: Iterable[Piece]) -> Tuple:
        """Return this encoder with pedals decided, by the pieces to train with.

        They are steps if the option says so or, if it says nothing, if `clock` is seconds and more
        than half of the pieces are music for pianos with a pedal.
        """
        if self.pedals is not None or self.clock == "beats":
            return self
        recorded = [_is_pedalled_piano(piece) for piece in pieces]
        return replace(self, pedals=2 * sum(recorded) > len(recorded))

    @property
    def _grid(self) -> int:
        return self.grid or {"beats": 24, "seconds": 100}[self.clock]

    @property
    def sampling_advice(self) -> dict[str, dict[str, float]]:
        """Onsets and velocities are drawn without a nucleus, in beats.

        It would cut off their rare values, without which a rhythm is dull. Measured on pop909
        (docs/measurements.md, "Ten minutes").
        """
        if self.clock != "beats":
            return {}
        return {name: {"top_p": 1.0} for name in ("shift", "shift_fine", "velocity")}

    @cached_property
    def _time(self) -> Grid:
        return Grid(self.clock, self._grid)

    @property
    def _longest_shift(self) -> int:
        """The longest shift, in grid positions."""
        return self.longest_shift * self._grid - 1

    @cached_property
    def _lengths(self) -> Column:
        """The durations in grid positions, by class."""
        return log_spaced(self.longest_duration * self._grid, self.durations)

    @cached_property
    def _durations(self) -> tuple[int, ...]:
        return tuple(self._lengths.tolist())

    @cached_property
    def _pedal_lengths(self) -> Column:
        """The durations of pedals: none longer than the longest shift.

        Else a pedal could reach beyond a shortened rest and overlap the next one, which an excerpt
        that ends in the rest could not know.
        """
        return self._lengths[self._lengths <= self._longest_shift]

    @cached_property
    def _note_tables(self) -> NoteTables:
        """What the values of a step mean in notes."""
        return note_tables(self.schema, grid=self._grid, lengths=self._lengths)

    @cached_property
    def _velocity_of(self) -> NDArray[np.uint8]:
        """(128,): the class of each MIDI velocity from 1."""
        return velocity_classes(np.arange(128), self.velocities).astype(np.uint8)

    @cached_property
    def schema(self) -> Schema:
        """Shift and shift_fine, then the fields that the options ask for: kind, track ..."""
        unit = self.clock[:-1]
        note = ("kind", (NOTE,)) if self.pedals else None
        fields = (
            Field("shift", self.longest_shift, ordered=True, unit=unit),
            Field("shift_fine", self._grid, ordered=True, unit=f"1/{self._grid} {unit}"),
            Field("kind", 2, unit="0: sustain pedal, 1: note"),
            Field("track", max(self.tracks, 1), unit="track"),
            Field("program", DRUMS + 1, when=note, unit="General MIDI program, 128: drums"),
            Field("pitch", 128, True, note, "semitone", relative_to=(("pitch", 0),)),
            Field("octave", 11, ordered=True, when=note, unit="octave, 5: from middle C"),
            Field("semitone", 12, when=note, unit="semitone above C"),
            Field("duration", len(self._lengths), ordered=True, unit=f"log-spaced {unit}s"),
            Field(
                "velocity",
                self.velocities,
                ordered=True,
                when=note,
                unit=f"{127 / self.velocities:.1f}",
            ),
        )
        asked = {
            "kind": bool(self.pedals),
            "track": self.tracks > 0,
            "program": self.programs,
            "pitch": self.pitch == "one",
            "octave": self.pitch == "octave",
            "semitone": self.pitch == "octave",
        }
        return Schema(tuple(f for f in fields if asked.get(f.name, True)), self.clock)

    def encode(self, piece: Piece) -> Steps:
        """Return start, a step for each note (and pedal), end; in the order of grid positions."""
        notes = piece.notes
        if not self.programs:
            notes = notes.compress(notes["program"] != DRUMS)
        edges = self._time.edges(piece)
        onsets, durations = self._spans(piece, notes)
        if self.pedals:
            downs, spans = self._pedal_spans(piece, edges)
            onsets = np.concatenate((downs, onsets))
        else:
            spans = self.schema.steps(0)
        steps = self.schema.steps(len(onsets))
        steps[: len(spans)] = spans
        self._write_notes(notes, durations, steps[len(spans) :])
        onsets, steps = self._in_order(onsets, steps)
        self._write_shifts(onsets, steps)
        before, stop = onsets.searchsorted(edges).tolist()
        return self.schema.frame(steps[: max(before, stop)], before=before, end=piece.has_end)

    def _write_notes(self, notes: Table, durations: NDArray[Any], steps: Steps) -> None:
        """Write everything but the shifts of notes into `steps`."""
        if self.pedals:
            steps["kind"] = NOTE
        if self.tracks:
            steps["track"] = self._track(notes)
        if self.programs:
            steps["program"] = notes["program"]
        if self.pitch == "octave":
            steps["octave"], steps["semitone"] = np.divmod(notes["pitch"], 12)
        else:
            steps["pitch"] = notes["pitch"]
        steps["duration"] = durations
        steps["velocity"] = self._velocity_of.take(notes["velocity"])

    def _write_shifts(self, onsets: Column, steps: Steps) -> None:
        shifts = onsets.copy()
        shifts[1:] -= onsets[:-1]
        np.minimum(shifts, self._longest_shift, out=shifts)
        units = shifts // self._grid
        steps["shift"], steps["shift_fine"] = units, shifts - units * self._grid

    def _track(self, table: Table) -> NDArray[np.uint16]:
        """Return the tracks of notes or pedals, at most the last one; 0 without `tracks`."""
        return np.asarray(np.minimum(table["track"], max(self.tracks - 1, 0)))

    def _pedal_spans(self, piece: Piece, edges: tuple[int, int]) -> tuple[Column, Steps]:
        """Return the positions of the pedals around an excerpt, and their steps without shifts.

        edges: the positions of the excerpt, which has the pedals of the whole piece.
        """
        pedals = piece.pedals.compress(piece.pedals["duration"] > 0)
        downs = self._time.positions(piece, pedals["start"])
        if (downs[1:] < downs[:-1]).any():
            order = np.argsort(downs, kind="stable")
            pedals, downs = pedals.take(order), downs.take(order)
        pedals = pedals[_pedals_around(downs, edges, int(self._lengths[-1]))]
        downs, durations = self._spans(piece, pedals)
        durations = np.minimum(durations.astype(np.int64), len(self._pedal_lengths) - 1)
        tracks = self._track(pedals)
        order = np.lexsort((durations, downs, tracks))
        downs, tracks, durations = downs[order], tracks[order], durations[order]
        room = np.where(tracks[1:] == tracks[:-1], downs[1:] - downs[:-1], self._lengths[-1])
        fits = np.searchsorted(self._lengths, room, side="right") - 1
        durations[:-1] = np.minimum(durations[:-1], fits)
        kept = durations >= 0  # where there is no room, a longer one begins at this position
        spans = self.schema.steps(int(kept.sum()))
        spans["duration"] = durations[kept]
        if self.tracks:
            spans["track"] = tracks[kept]
        return downs[kept], spans

    def _in_order(self, onsets: Column, steps: Steps) -> tuple[Column, Steps]:
        """Return both in the order that the grammar allows: onset, kind, track, program ..."""
        if (onsets[1:] < onsets[:-1]).any():  # pedals, then notes
            order = onsets.argsort(kind="stable")
            onsets, steps = onsets.take(order), steps.take(order)
        # Onsets are numbered: up to 2^25 of them fit 63 bits with all fields, at any options.
        ranks = np.zeros(len(onsets), np.int64)
        np.cumsum(onsets[1:] != onsets[:-1], out=ranks[1:])
        fields = self.schema.fields[2:]
        order = note_order(ranks, [(steps[field.name], field.n) for field in fields])
        return onsets.take(order), steps.take(order)

    def _spans(self, piece: Piece, table: Table) -> tuple[Column, NDArray[Any]]:
        """Return the positions of notes or pedals, and the classes of their durations."""
        if self.clock == "beats":
            ticks, per_beat = table["duration"], piece.ticks_per_beat
            durations = nearest_of_ticks(self._durations, ticks, per_beat, self._grid)
            return self._time.positions(piece, table["start"]), durations
        onsets, lengths = self._time.spans_in_seconds(piece, table)
        return onsets, nearest(self._lengths, lengths)

    def _onsets(self, steps: Steps) -> Column:
        shifts = steps["shift"].astype(np.int64) * self._grid + steps["shift_fine"]
        return np.cumsum(np.where(steps["mark"] == STEP, shifts, 0))

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> Column:
        """Return each step's onset in ticks of `decode`'s result; the end stands at the last."""
        _, to_ticks = self._time.frame(like)
        return np.asarray(to_ticks(self._onsets(steps)))

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return a note or a pedal for each step; start and end rows are ignored."""
        empty, to_ticks = self._time.frame(like)
        steps = steps.compress(steps["mark"] == STEP)
        onsets = self._onsets(steps)
        starts = to_ticks(onsets)
        durations = np.maximum(to_ticks(onsets + self._lengths[steps["duration"]]) - starts, 1)
        is_note = steps["kind"] == NOTE if self.pedals else np.ones(len(steps), bool)
        notes = np.zeros(int(is_note.sum()), NOTE_DTYPE)
        notes["start"], notes["duration"] = starts[is_note], durations[is_note]
        self._read_notes(steps.compress(is_note), notes)
        pedals = np.zeros(len(steps) - len(notes), PEDAL_DTYPE)
        pedals["start"], pedals["duration"] = starts[~is_note], durations[~is_note]
        if self.tracks:
            pedals["track"] = steps["track"][~is_note]
        return empty.replace(notes=notes, pedals=pedals)

    def _read_notes(self, steps: Steps, notes: Table) -> None:
        """Write all but start and duration into `notes`; the inverse of `_write_notes`."""
        if self.pitch == "octave":
            notes["pitch"] = 12 * steps["octave"] + steps["semitone"]
        else:
            notes["pitch"] = steps["pitch"]
        notes["velocity"] = velocity_values(steps["velocity"], self.velocities)
        if self.programs:
            notes["program"] = steps["program"]
            notes["track"] = tracks_by_program(steps["program"])
        if self.tracks:
            notes["track"] = steps["track"]

    def grammar(self, rows: int, *, like: Piece | None = None) -> TupleGrammar:
        """Return the grammar of `rows` rows at the start of their pieces."""
        return TupleGrammar(
            self.schema,
            rows,
            grid=self._grid,
            pedal_lengths=self._pedal_lengths,
            tables=self._note_tables,
        )


def _is_pedalled_piano(piece: Piece) -> bool:
    """Return whether all notes of a piece are of pianos and some pedal is down for a while."""
    pianos = len(piece) and (piece.notes["program"] < PIANOS).all()
    return bool(pianos and (piece.pedals["duration"] > 0).any())


def _pedals_around(positions: Column, edges: tuple[int, int], longest: int) -> slice:
    """Return the slice of pedals that an excerpt between `edges` needs; positions: (N,) sorted.

    These are the pedals inside; before it those at the last two positions, since the step before an
    excerpt has a shift too; and after it those that a pedal inside could overlap.
    """
    first, stop = np.searchsorted(positions, (edges[0], edges[1] + longest + 1)).tolist()
    for _ in range(2):
        if first > 0:
            first = int(np.searchsorted(positions, positions[first - 1]))
    return slice(first, stop)


@hookimpl
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register the note tuples."""
    register(Tuple)


__all__ = ["Tuple"]
