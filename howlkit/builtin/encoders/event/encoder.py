"""Encoder `event`: performance events, one a step: note-on, note-off, shift, velocity, pedal.

Oore et al. 2018 ("This time with feeling", Performance RNN) and Huang et al. 2019 (Music
Transformer) have 128 note-ons, 128 note-offs, shifts of 10 ms to 1 s and 32 velocities, 388 values
in all; notes last as long as the pedal holds them. Three things differ here:

- A piece has one spelling. At one position come note-offs, pedal up, pedal down, note-ons, each
  ordered by program, then pitch. A rest is the longest shift as often as it fits, then what is
  left. A velocity stands directly before a note-on, and only where it changes.
- With `programs`, notes have a second field, their program, so that no instrument is lost; the
  papers have pianos only. Only programs of the music trained on may be struck: a key that sounds
  can be struck again by another program only, so a model would otherwise choose any program there.
  Programs that hardly any piece has are left out too (`fitted`).
- A piece ends when nothing sounds any more.

A key, which is a pitch of a program, sounds once at a time. Notes of a key that begin at one
position become one note, as loud as the loudest. A note that begins while another note of its key
sounds ends that one, and itself lasts until the longest of them ends: a held note doubled by a
short one is struck twice and held.

Positions are those of a uniform grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import run_bounds, stable_order
from howlkit.builtin.encoders.event.grammar import EventGrammar
from howlkit.builtin.encoders.event.notes import note_tables
from howlkit.builtin.encoders.event.vocabulary import OFF, PITCHES, SHIFT, Vocabulary
from howlkit.builtin.encoders.event.writing import NOTE_OFF, NUMBER, Column, Rows, StepWriter
from howlkit.builtin.encoders.shared.grid import ENDLESS, Grid
from howlkit.builtin.encoders.shared.notes import velocity_values
from howlkit.builtin.encoders.shared.programs import (
    NO_PROGRAM,
    Occurrences,
    Palette,
    tracks_by_program,
    what_is_lost,
)
from howlkit.errors import OptionError
from howlkit.hookspecs import hookimpl
from howlkit.music.piece import Piece
from howlkit.music.tables import DEFAULT_TEMPO, DRUMS, MAX_TICK, NOTE, PEDAL, TEMPO, Table
from howlkit.note_choices import NoteTables
from howlkit.options import option
from howlkit.protocols import Encoder
from howlkit.schema import STEP, Field, Schema, Steps

__all__ = ["Event"]

_LINE = 47  # bits of a position: 2**32 ticks of 17 s, 1000 positions a second


@dataclass(frozen=True)
class Event:
    """Performance events: one step an event - note-on, note-off, time-shift, velocity, pedal."""

    clock: Literal["seconds", "beats"] = option("seconds", "what the time grid divides")
    grid: int = option(
        0, "grid positions a second or a beat; 0: 100 a second, 24 a beat", low=0, high=1000
    )
    longest_shift: int = option(
        1, "seconds or beats in one event; a longer shift takes several", low=1, high=16
    )
    longest_rest: int = option(
        64,
        "seconds or beats; a longer silence is shortened to this",
        low=1,
        high=1024,
    )
    velocities: int = option(32, "number of velocities; 1: no velocity events", low=1, high=127)
    sustain: Literal["extend", "none", "events"] = option(
        "extend",
        "extend: notes last until the pedal lifts; none: no pedal; events: the pedal itself",
    )
    programs: bool = option(True, "instruments and drums; false: one piano, drums left out")
    instruments: str = option(
        "",
        "programs that notes may have, such as 0,33,128 (128: drums); a note of another gets the "
        "nearest; empty: those of the music trained on, but for rare ones",
    )

    name: ClassVar[str] = "event"

    def __post_init__(self) -> None:
        """Refuse pedal events for several instruments, and an impossible list of instruments."""
        if self.sustain == "events" and self.programs:  # a pedal event has no program
            raise OptionError(
                "event: sustain=events is for one piano; give programs=false too, or sustain=extend"
            )
        if self.instruments and not self.programs:
            raise OptionError("event: programs=false leaves no instruments to choose from")
        Palette.of(self.instruments)  # raises OptionError

    @property
    def _grid(self) -> int:
        return self.grid or {"beats": 24, "seconds": 100}[self.clock]

    @cached_property
    def _time(self) -> Grid:
        return Grid(self.clock, self._grid)

    @cached_property
    def _writer(self) -> StepWriter:
        return StepWriter(self._vocabulary, self.schema)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        shifts, rest = self.longest_shift * self._grid, self.longest_rest * self._grid
        pedals = self.sustain == "events"
        of = self._palette.programs if self.programs else (0,)
        return Vocabulary(self._grid, shifts, rest, self.velocities, pedals, self.programs, of)

    @cached_property
    def _palette(self) -> Palette:
        return Palette.of(self.instruments)

    def fitted(self, pieces: Iterable[Piece]) -> Event:
        """Return this encoder with the usual instruments, unless the option chose some.

        They are those of at least 1 of 100 `pieces`, and of more than one if there are 50 or more.
        """
        if self.instruments or not self.programs:
            return self
        usual = Occurrences.of(pieces).usual
        return replace(self, instruments=",".join(map(str, usual)))

    def left_out(self, pieces: Iterable[Piece]) -> str:
        """Return which programs of `pieces` are not among the instruments; "" if all are."""
        if not self.instruments:
            return ""
        found = Occurrences.of(pieces)
        lost = what_is_lost(found, self._palette)
        every = ",".join(map(str, np.flatnonzero(found.counts)))
        return f"event leaves out {lost} (-o event.instruments={every} keeps all)" if lost else ""

    @cached_property
    def schema(self) -> Schema:
        """Two or three columns: mark, event[, program]; only notes have a program."""
        event = Field("event", self._vocabulary.n, unit=str(self._vocabulary))
        if not self.programs:
            return Schema((event,), self.clock)
        notes = ("event", tuple(range(SHIFT)))
        unit = "General MIDI program, 128: drums"
        return Schema((event, Field("program", DRUMS + 1, when=notes, unit=unit)), self.clock)

    @cached_property
    def _left_out(self) -> int | None:
        """The program (after `Palette.nearest`) whose notes are left out; None: no program."""
        if not self.programs:
            return DRUMS
        return NO_PROGRAM if NO_PROGRAM in self._palette.nearest else None

    # Piece to steps -----------------------------------------------------------------------------

    def encode(self, piece: Piece) -> Steps:
        """Return start, the events, end; shifts belong to the position of the event after them."""
        positions, rows = self._events(piece)
        steps, stops = self._writer.write(positions, rows)

        def steps_before(position: int) -> int:
            count = int(positions.searchsorted(position))
            return int(stops[count - 1]) if count else 0

        since, until = self._time.edges(piece)
        before = steps_before(since) if since else 0
        stop = steps_before(until) if until < ENDLESS else len(steps) - 2
        return self.schema.cut(steps, before=before, stop=stop, end=piece.has_end)

    def _events(self, piece: Piece) -> tuple[Column, Rows]:
        """Return all events in order: positions (N,) and rows (2, N) for `StepWriter.write`."""
        key, off_on, velocity = self._spans_by_key(piece)
        notes = np.zeros((2, 2, len(key)), NUMBER)  # event and velocity of note-off and note-on
        off, on, velocities = notes[0, 0], notes[0, 1], notes[1, 1]
        self._writer.note_ons.take(key, out=on, mode="clip")
        np.add(on, NOTE_OFF, out=off)
        self._writer.velocities.take(velocity, out=velocities, mode="clip")
        positions, rows = off_on.reshape(-1), notes.reshape(2, -1)
        if self.sustain == "events":
            up, down = self._pedal(piece)
            positions = np.concatenate((off_on[0], up, down, off_on[1]))
            pedals = self._writer.pedals(len(up), len(down))
            rows = np.concatenate((notes[:, 0], pedals, notes[:, 1]), axis=1)
        order = stable_order(positions)  # events at one position are in order already
        return positions.take(order), rows.take(order, axis=1)

    def _spans_by_key(self, piece: Piece) -> tuple[NDArray[np.uint16], Column, NDArray[np.uint8]]:
        """Return keys (N,), positions of note-off and note-on (2, N), and velocities (N,).

        Sorted by key, then by position. Where notes of a key overlap, each ends before the next.
        """
        notes, ends = piece.notes, piece.sustained if self.sustain == "extend" else piece.ends
        program = notes["program"]
        if self.instruments:
            program = self._palette.nearest.take(program)
        if self._left_out is not None and np.count_nonzero(lost := program == self._left_out):
            kept = ~lost
            notes, ends, program = notes.compress(kept), ends[kept], program.compress(kept)
        key = notes["pitch"].astype(np.uint16)
        if self.programs:
            key |= program.astype(np.uint16) << 7
        order = key.argsort(kind="stable")  # starts rise already; 16 bits: a radix sort
        key, velocity = key.take(order), notes["velocity"].take(order)
        ticks = np.empty((2, len(notes)), np.int64)
        ticks[0], ticks[1] = ends, notes["start"]
        off_on = self._time.positions(piece, ticks).take(order, axis=1)
        # The keys lie one behind the other on one line: all notes of a key come before the next.
        line = key.astype(np.int64) << _LINE
        off_on += line
        off, on = off_on[0], off_on[1]
        # A note lasts until all notes of its key have ended that began before it.
        np.maximum.accumulate(off, out=off)
        np.minimum(off[:-1], on[1:], out=off[:-1])
        np.maximum(off, on + 1, out=off)
        bounds = run_bounds(on)
        first, last = bounds[:-1], bounds[1:] - 1
        off_on -= line
        if len(last) < len(on):  # notes of a key that begin together become one
            key, off_on = key.take(last), off_on.take(last, axis=1)
            velocity = np.maximum.reduceat(velocity, first)
        return key, off_on, velocity

    def _pedal(self, piece: Piece) -> tuple[Column, Column]:
        """Return the positions at which the pedal goes up and down; all tracks share one pedal."""
        none = np.zeros(0, np.int64)
        if self.sustain != "events" or not len(piece.pedals):
            return none, none
        start = piece.pedals["start"].astype(np.int64)
        down = self._time.positions(piece, start)
        up = self._time.positions(piece, start + piece.pedals["duration"])
        order = np.argsort(down, kind="stable")
        order = order[up[order] > down[order]]
        if not len(order):
            return none, none
        down, up = down[order], np.maximum.accumulate(up[order])
        # Presses that only touch stay two, since the dampers fall between them.
        apart = down[1:] >= up[:-1]
        return up[np.append(apart, True)], down[np.append(True, apart)]

    # Steps to piece -----------------------------------------------------------------------------

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return the notes and pedals; those never released end with the last step."""
        v, positions = self._vocabulary, self._positions_after(steps)
        empty, to_ticks = self._frame(like, positions)
        decided = steps["mark"] == STEP
        steps, positions = steps[decided], positions[decided]
        code = steps["event"].astype(np.int64)
        key = np.where(code < SHIFT, v.key(steps), 0)

        def spans(
            which: NDArray[np.bool_], begins: NDArray[np.bool_], dtype: np.dtype[Any]
        ) -> _Spans:
            at = np.flatnonzero(which)
            begun, ended = _pair(key[at], begins[at], positions[at], positions[-1:])
            table = np.zeros(len(begun), dtype)
            table["start"] = np.minimum(to_ticks(positions[at[begun]]), MAX_TICK - 1)
            table["duration"] = np.maximum(to_ticks(ended) - table["start"], 1)
            return table, at[begun]

        notes, at = spans(code < SHIFT, code < OFF, NOTE)
        notes["pitch"], notes["program"] = key[at] % PITCHES, key[at] // PITCHES
        notes["velocity"] = self._velocities(code)[at]
        notes["track"] = tracks_by_program(notes["program"])
        pedals, _ = spans(code >= v.pedal, code > v.pedal, PEDAL)
        return empty.replace(notes=notes, pedals=pedals)

    def _velocities(self, code: Column) -> Column:
        """Return the velocity 1..127 after each step (T,); a middle one before the first."""
        v = self._vocabulary
        changes = (code >= v.velocity) & (code < v.pedal)
        last = np.maximum.accumulate(np.where(changes, np.arange(len(code)), -1))
        bins = np.where(last >= 0, code[last] - v.velocity, v.velocities // 2)
        return velocity_values(bins, v.velocities)

    def _positions_after(self, steps: Steps) -> Column:
        """Return the position after each step (T,)."""
        code = steps["event"].astype(np.int64)
        is_shift = (code >= SHIFT) & (code < self._vocabulary.velocity)
        shifts = np.where(is_shift & (steps["mark"] == STEP), code - (SHIFT - 1), 0)
        return np.cumsum(shifts)

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> Column:
        """Return the tick of each step in `decode`'s result; of a shift, the tick it leads to."""
        positions = self._positions_after(steps)
        return self._frame(like, positions)[1](positions)

    def _frame(self, like: Piece | None, positions: Column) -> tuple[Piece, Callable[..., Column]]:
        """Return a piece without notes, and the map from `positions` to its ticks.

        The resolution suits `like` and the grid, unless a piece this long would not fit.
        """
        if like is None:
            like = Piece(tempos=np.array([(0, DEFAULT_TEMPO)], TEMPO))
        last = int(positions.max(initial=0))
        empty, to_ticks = self._time.frame(like, last=last, ticks=4)
        return empty, lambda positions: np.minimum(to_ticks(positions), MAX_TICK)

    def grammar(self, rows: int, *, like: Piece | None = None) -> EventGrammar:
        """Return the grammar of `rows` rows at the start of their pieces."""
        return EventGrammar(self._vocabulary, rows, schema=self.schema, tables=self._note_tables)

    @cached_property
    def _note_tables(self) -> NoteTables:
        """What the values of a step mean in notes."""
        return note_tables(self.schema, self._vocabulary)


_Spans = tuple[Table, Column]


def _pair(
    key: Column, begins: NDArray[np.bool_], positions: Column, last: Column
) -> tuple[Column, Column]:
    """Return the indices of the events that begin a span, by key, and where each span ends.

    A span ends at the next event of its key, or at the last step. An end without a beginning is
    ignored.
    """
    order = np.argsort(key, kind="stable")
    key, begins, positions = key[order], begins[order], positions[order]
    ends = np.repeat(last, len(key))
    follows = np.flatnonzero(key[1:] == key[:-1])
    ends[follows] = positions[follows + 1]
    return order[begins], np.maximum(ends, positions + 1)[begins]


@hookimpl
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register the events."""
    register(Event)
