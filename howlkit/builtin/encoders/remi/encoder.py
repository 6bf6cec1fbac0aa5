"""Encoder `remi`: events in bars - bar, metre, position, tempo, program, pitch, velocity, duration.

REMI of Huang and Yang 2020 ("Pop Music Transformer"), with the programs and metres of REMI+ (von
Ruette et al. 2023, FIGARO). A step is one event: the field `event` says its family, and one more
field, active for that family only, says its value. So every family has its own small vocabulary,
its own line in a report and its own temperature, and p(event) p(value | event) is what one big
table of tokens would give. The position, metre, tempo and program in force after an event are
derived fields, so that an excerpt from the middle of a piece can be understood.

The events of a piece, in the only order that the grammar allows:

bar         A bar begins. Of a long rest, at most `longest_rest` empty bars in a row are kept.
metre       Follows a bar where the metre changes (4/4 before the first).
position    Grid positions from the start of the bar, before the events there. A position that a
            bar follows at once says that the bar is cut short there, as an upbeat is; then a metre
            follows.
tempo       Where the (log-spaced) tempo changes (120 beats a minute before the first).
program     Where a note has another program than the note before (piano before the first).
pitch, velocity, duration       A note. The notes of a position come in rising order of program,
            pitch, duration, velocity, and none is left out: unisons are notes of their own.

Differences from the papers: nothing is written again that has not changed (REMI+ writes the program
of every note and the tempo of every bar), there are no chord events, durations and tempi are
log-spaced, and the last empty bars of a piece are left out, since music ends with a note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import fill_forward
from howlkit.builtin.encoders.remi.grammar import RemiGrammar, Rules
from howlkit.builtin.encoders.remi.layout import Tokens, lay_out
from howlkit.builtin.encoders.remi.notes import note_tables
from howlkit.builtin.encoders.shared.bars import Bars, Changes, Metres
from howlkit.builtin.encoders.shared.durations import log_spaced, nearest_of_ticks
from howlkit.builtin.encoders.shared.grid import ENDLESS, Grid, resolution
from howlkit.builtin.encoders.shared.notes import (
    in_canonical_order,
    velocity_classes,
    velocity_values,
)
from howlkit.builtin.encoders.shared.programs import tracks_by_program
from howlkit.hookspecs import hookimpl
from howlkit.music.piece import Piece
from howlkit.music.tables import (
    DEFAULT_TEMPO,
    DRUMS,
    NOTE,
    TEMPO,
    TIME_SIGNATURE,
    Table,
    last_at_each_tick,
)
from howlkit.options import option
from howlkit.protocols import Encoder
from howlkit.schema import STEP, Field, Schema, Steps

__all__ = ["Remi"]

SLOWEST, OCTAVES = 30, 3  # beats a minute, and doublings from there to the fastest, 240

EVENTS = ("bar", "metre", "position", "tempo", "program", "pitch", "velocity", "duration")
"""All families of events, bar first."""

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Remi:
    """REMI events: one step an event - bar, metre, position, tempo, program, pitch ..."""

    grid: int = option(12, "positions a beat", low=1, high=96)
    longest_bar: int = option(8, "beats; a longer bar is split", low=4, high=64)
    longest_rest: int = option(
        32, "empty bars in a row; further ones are left out", low=0, high=999
    )
    longest_duration: int = option(16, "beats; a longer note is cut to this", low=1, high=256)
    durations: int = option(12, "durations for every doubling of length", low=1, high=48)
    velocities: int = option(32, "number of velocities; 1: no velocity events", low=1, high=127)
    tempos: int = option(
        24, "tempi for every doubling, 30..240 a minute; 0: no tempo events", low=0, high=48
    )
    programs: bool = option(True, "instruments and drums; false: one piano, drums left out")

    name: ClassVar[str] = "remi"

    @cached_property
    def _time(self) -> Grid:
        return Grid("beats", self.grid)

    @cached_property
    def _velocity_of(self) -> Column:
        """(128,): the class of each MIDI velocity from 1."""
        return velocity_classes(np.arange(128), self.velocities)

    @cached_property
    def _metres(self) -> Metres:
        return Metres(self.grid, self.longest_bar)

    @cached_property
    def _lengths(self) -> Column:
        """The durations in grid positions, by class."""
        return log_spaced(self.longest_duration * self.grid, self.durations)

    @cached_property
    def _durations(self) -> tuple[int, ...]:
        return tuple(self._lengths.tolist())

    @cached_property
    def _beats(self) -> Column:
        """The microseconds of a beat at each tempo, the slowest first."""
        octaves = np.arange(OCTAVES * self.tempos + 1) / max(self.tempos, 1)
        return np.asarray(np.rint(60e6 / (SLOWEST * 2.0**octaves)), np.int64)

    @cached_property
    def _tempo_bounds(self) -> NDArray[np.float64]:
        """The microseconds of a beat half way between neighbouring tempi, in octaves."""
        halves = np.arange(OCTAVES * self.tempos, 0, -1) - 0.5
        return np.asarray(60e6 / (SLOWEST * 2.0 ** (halves / max(self.tempos, 1))))

    @property
    def sets_tempo(self) -> bool:
        """Whether there are tempo events."""
        return self.tempos > 0

    @cached_property
    def _events(self) -> tuple[str, ...]:
        """The families of this schema; each but bar has a field of its name for its value."""
        wanted = {
            "tempo": self.tempos > 0,
            "program": self.programs,
            "velocity": self.velocities > 1,
        }
        return tuple(event for event in EVENTS if wanted.get(event, True))

    @cached_property
    def _initial(self) -> dict[str, int]:
        """What is in force before the first event: metre, position, tempo, program."""
        initial = {"metre": self._metres.common, "position": 0}
        initial |= {"tempo": 2 * self.tempos, "program": 0}  # 120 beats a minute, piano
        return {name: value for name, value in initial.items() if name in self._events}

    @cached_property
    def schema(self) -> Schema:
        """Event, a field for the value of each family but bar, and derived: what is in force."""
        position = self.longest_bar * self.grid
        kinds = {  # how many values, whether they are ordered, unit
            "metre": (len(self._metres.all), False, "time signature"),
            "position": (position, True, f"1/{self.grid} beat in the bar"),
            "tempo": (len(self._beats), True, "log-spaced beats a minute"),
            "program": (DRUMS + 1, False, "General MIDI program, 128: drums"),
            "pitch": (128, True, "semitone"),
            "velocity": (self.velocities, True, f"{127 / self.velocities:.1f}"),
            "duration": (len(self._lengths), True, "log-spaced beats"),
        }
        values, in_force = [], []
        for index, event in enumerate(self._events[1:], start=1):
            n, ordered, unit = kinds[event]
            values.append(Field(event, n, ordered, ("event", (index,)), unit))
            if event in self._initial:
                in_force.append(Field(f"at_{event}", n, ordered, unit=unit, derived=True))
        family = Field("event", len(self._events), unit=", ".join(self._events))
        return Schema((family, *values, *in_force))

    @cached_property
    def _tokens(self) -> Tokens:
        return Tokens.of(self.schema, self._events, self._initial)

    @cached_property
    def _rules(self) -> Rules:
        tables = note_tables(self.schema, self._events, grid=self.grid, lengths=self._lengths)
        return Rules(
            self.schema,
            self._events,
            self._initial,
            self._metres,
            self._beats,
            self.longest_rest,
            tables,
        )

    # Piece to steps -----------------------------------------------------------------------------

    def encode(self, piece: Piece) -> Steps:
        """Return start, the events of the piece, end.

        The events that lead to an onset (bars, metres, tempi, positions) belong to it. So the
        events of an excerpt begin after the last note before it and end with its own last note.
        """
        onsets, notes = self._notes(piece)
        known, edges = False, self._time.edges(piece)
        if edges != (0, ENDLESS):
            first, stop = onsets.searchsorted(edges).tolist()
            # The last note before the excerpt comes along, for what is in force after it.
            known = first > 0
            kept = slice(first - known, max(first, stop))
            onsets, notes = onsets[kept], {name: column[kept] for name, column in notes.items()}
        if len(onsets):
            bars = _bars(self, piece.time_signatures.tobytes(), piece.ticks_per_beat)
            tempi, rest = self._tempi(piece), self.longest_rest
            steps = lay_out(
                self._tokens, onsets, notes, bars, tempi, known=known, longest_rest=rest
            )
        else:
            steps = self._tokens.rows[-2:].copy()
        return steps if piece.has_end else steps[:-1]

    def _notes(self, piece: Piece) -> tuple[Column, dict[str, Column]]:
        """Return (N,) the onsets as grid positions, and the fields of notes, in canonical order.

        Fields that this schema does not have are left out, and so is program if all is piano.
        """
        played = piece.notes
        if not self.programs:
            played = played[played["program"] != DRUMS]
        onsets = self._time.positions(piece, played["start"])
        notes = {
            "pitch": played["pitch"],
            "duration": nearest_of_ticks(
                self._durations, played["duration"], piece.ticks_per_beat, self.grid
            ),
        }
        if self.velocities > 1:
            notes["velocity"] = self._velocity_of.take(played["velocity"])
        if self.programs and played["program"].any():
            notes["program"] = played["program"]
        return onsets, in_canonical_order(onsets, notes)  # onsets rise already

    def _tempi(self, piece: Piece) -> Changes:
        """Return the changes of the tempo, as classes, by grid position."""
        bounds, tempos = self._tempo_bounds, piece.tempos
        tempo = len(bounds) - bounds.searchsorted(tempos["microseconds"])
        if len(tempos) == 1 and tempos["tick"][0] == 0:  # the usual case
            return Changes(tempo[1:], tempo[1:], int(tempo[0]))
        return Changes.of(self._time.positions(piece, tempos["tick"]), tempo, 2 * self.tempos)

    # Steps to piece -----------------------------------------------------------------------------

    def _is(self, steps: Steps, event: str) -> NDArray[np.bool_]:
        """Return (T,): which steps are events of a family; none if the schema lacks it."""
        if event not in self._events:
            return np.zeros(len(steps), bool)
        return np.asarray((steps["mark"] == STEP) & (steps["event"] == self._events.index(event)))

    def _in_force(self, steps: Steps) -> dict[str, NDArray[Any]]:
        """Return (T,) what is in force after each step, by name of the event that sets it."""
        events = np.where(steps["mark"] == STEP, steps["event"], len(self._events))
        in_force = {}
        for name, initial in self._initial.items():
            left = events == self._events.index(name)
            if name == "position":  # a bar begins at position 0, which is its value in this column
                left |= events == self._events.index("bar")
            at = left.nonzero()[0]
            in_force[name] = fill_forward(steps[name][at], at, len(steps), before=initial)
        return in_force

    def _positions(self, steps: Steps) -> tuple[Column, dict[str, NDArray[Any]]]:
        """Return (T,) the grid position after each step, and what is in force there."""
        in_force = self._in_force(steps)
        # The length of the bar, should the next step be a bar: after a position it is cut short.
        whole = self._metres.lengths[in_force["metre"]]
        length = np.where(self._is(steps, "position"), in_force["position"], whole)
        bar = self._is(steps, "bar")
        passed = np.where(bar & (np.cumsum(bar) > 1), np.append(0, length)[:-1], 0)
        return np.cumsum(passed) + in_force["position"], in_force

    def _factor(self, like: Piece | None) -> int:
        """Return the ticks of a grid position in `decode`'s result."""
        per_beat = (Piece() if like is None else like).ticks_per_beat
        return resolution(per_beat, self.grid) // self.grid

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> Column:
        """Return the tick after each step in `decode`'s result.

        So an empty bar has the tick at which it begins, and the end that of the last onset.
        """
        return self._positions(steps)[0] * self._factor(like)

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return the complete notes of the steps, with their tempi and metres.

        like: a piece whose tempi, metres, keys and (nearly) resolution replace those of the steps.
            The steps still say at which beat notes begin: `like` changes only when that beat sounds
            and where bar lines are drawn. After a rest that was shortened, notes come earlier than
            in its maps.
        """
        now, in_force = self._positions(steps)
        factor = self._factor(like)
        if like is None:
            piece = self._maps(steps, now * factor, factor * self.grid)
        else:
            piece = like.without_notes().at_resolution(factor * self.grid)
        return piece.replace(notes=self._notes_of_steps(steps, now, in_force, factor))

    def _maps(self, steps: Steps, ticks: Column, ticks_per_beat: int) -> Piece:
        """Return a piece with the tempi and metres of the steps, and no notes."""
        tempo, metre = self._is(steps, "tempo"), self._is(steps, "metre")
        tempos = np.zeros(1 + int(tempo.sum()), TEMPO)
        tempos["tick"][1:] = ticks[tempo]
        tempos["microseconds"][0] = DEFAULT_TEMPO
        if self.tempos:
            tempos["microseconds"][1:] = self._beats[steps["tempo"][tempo]]
        at, metres = (
            np.append(0, ticks[metre]),
            np.append(self._metres.common, steps["metre"][metre]),
        )
        signatures = self._metres.signatures(at, metres)
        return Piece(
            ticks_per_beat=ticks_per_beat,
            tempos=last_at_each_tick(tempos),
            time_signatures=last_at_each_tick(signatures),
        )

    def _notes_of_steps(
        self, steps: Steps, now: Column, in_force: Mapping[str, NDArray[Any]], factor: int
    ) -> Table:
        last = np.flatnonzero(self._is(steps, "duration"))  # the last event of each note
        loud = self.velocities > 1
        last = last[last > loud]  # a note before the first row is not complete
        notes = np.zeros(len(last), NOTE)
        notes["start"] = now[last] * factor
        notes["duration"] = self._lengths[steps["duration"][last]] * factor
        notes["pitch"] = steps["pitch"][last - 1 - loud]
        velocity = steps["velocity"][last - 1] if loud else np.zeros(len(last))
        notes["velocity"] = velocity_values(velocity, self.velocities)
        if self.programs:
            notes["program"] = in_force["program"][last]
            notes["track"] = tracks_by_program(notes["program"])
        return notes

    def grammar(self, rows: int, *, like: Piece | None = None) -> RemiGrammar:
        """Return the grammar of `rows` rows at the start of their pieces; `like` is ignored."""
        return RemiGrammar(self._rules, rows=rows)


@lru_cache(maxsize=64)
def _bars(encoder: Remi, signatures: bytes, ticks_per_beat: int) -> Bars:
    """Return the bars of time signatures, given as the bytes of their table; pieces share them."""
    table = np.frombuffer(signatures, TIME_SIGNATURE)
    at = encoder._time.positions(Piece(ticks_per_beat=ticks_per_beat), table["tick"])
    return encoder._metres.bars(at, encoder._metres.written(table))


@hookimpl
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register the events in bars."""
    register(Remi)
