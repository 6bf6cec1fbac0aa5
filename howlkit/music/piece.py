"""A Piece: the notes of one piece of music in a sorted table, and the maps of its time.

Conventions. Positions and durations are whole **ticks**; `ticks_per_beat` ticks make a beat, and a
beat is a quarter note whatever the metre (the Standard MIDI File's "division"). Seconds follow from
the tempo map. Pitch is a MIDI note number (60 = C4), velocity 1..127, program 0..127 or `DRUMS`.
The tables are those of tables.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.errors import PieceError
from howlkit.music.editing import (
    Editing,
    Range,
    common_resolution,
    maps_from,
    note_table,
    scaled_ticks,
    shifted,
    tracks_in,
)
from howlkit.music.excerpts import context_notes
from howlkit.music.exchange.methods import Exchange
from howlkit.music.extras import NO_EXTRAS, Extras, go_on
from howlkit.music.pedals import STUCK, held_until
from howlkit.music.tables import (
    DEFAULT_TEMPO,
    DRUMS,
    DTYPES,
    FOREVER,
    KEY_SIGNATURE,
    MAX_TICK,
    NOTE,
    PEDAL,
    TEMPO,
    TIME_SIGNATURE,
    Table,
    check_tables,
    last_at_each_tick,
    settle_notes,
)

__all__ = [
    "DRUMS",
    "FOREVER",
    "KEY_SIGNATURE",
    "MAX_TICK",
    "NOTE",
    "PEDAL",
    "TEMPO",
    "TIME_SIGNATURE",
    "Piece",
    "last_at_each_tick",
]


def _table(dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - dataclasses.field is typed as the field
    return field(default_factory=lambda: np.empty(0, dtype))


@dataclass(frozen=True, eq=False, repr=False)
class Piece(Editing, Exchange):
    """A piece of music, or an excerpt of one; a frozen value, valid by construction.

    notes: structured array of `NOTE`, in the order of `tables.settle_notes`.
    ticks_per_beat: resolution, 1..32767.
    tempos, time_signatures, key_signatures: arrays of `TEMPO`, `TIME_SIGNATURE`, `KEY_SIGNATURE`,
        by rising tick; before the first tempo a beat lasts half a second.
    pedals: array of `PEDAL`.
    extras: the controllers and texts of a piece that was read (extras.py).
    name: what to call it in a report; never used as a path.
    context: how many leading notes come before the excerpt and are there for what sounds then.
    until: the tick at which the music goes on after this excerpt; FOREVER: it does not go on.
    has_start, has_end: whether the excerpt has the start and the end of the piece.
    end: the tick at which the last note ends; 0 for a piece without notes.

    Raises PieceError, naming the column and the value, if a table or a number is not allowed.

    >>> Piece.of([(0, 480, 60), (480, 480, 64)], name="two notes")
    Piece('two notes', 2 notes, 1.0 s)
    """

    notes: Table = _table(NOTE)
    ticks_per_beat: int = 480
    tempos: Table = _table(TEMPO)
    time_signatures: Table = _table(TIME_SIGNATURE)
    key_signatures: Table = _table(KEY_SIGNATURE)
    pedals: Table = _table(PEDAL)
    name: str = ""
    context: int = 0
    until: int = FOREVER
    has_start: bool = True
    has_end: bool = True
    extras: Extras = field(default_factory=lambda: NO_EXTRAS)
    end: int = field(init=False)

    def __post_init__(self) -> None:
        """Check every table, sort the notes, and lock the arrays."""
        if not 1 <= self.ticks_per_beat <= 32767:
            raise PieceError(f"ticks_per_beat is {self.ticks_per_beat}; 1..32767 are allowed")
        tables = {name: getattr(self, name) for name in DTYPES}
        check_tables(tables)
        if not 0 <= self.context <= len(self):
            raise PieceError(f"context is {self.context}; 0..{len(self)} (the notes) are allowed")
        tables["notes"], end = settle_notes(self.notes)
        object.__setattr__(self, "notes", tables["notes"])
        object.__setattr__(self, "end", end)
        for table in tables.values():
            table.setflags(write=False)

    @classmethod
    def of(
        cls,
        notes: Iterable[tuple[int, ...]],
        *,
        bpm: float = 120.0,
        ticks_per_beat: int = 480,
        name: str = "",
    ) -> Piece:
        """Return a Piece of rows (start, duration, pitch, velocity, program, track), in ticks.

        Trailing columns may be left out: velocity is 80, program 0 (piano), track 0. bpm: beats a
        minute. Raises PieceError for a row or a number that is not allowed.

        >>> Piece.of([(0, 480, 60), (480, 480, 64, 100)]).notes["velocity"].tolist()
        [80, 100]
        """
        table = note_table(notes)
        tempos = np.array([(0, round(60e6 / bpm))], dtype=TEMPO)
        return cls(table, ticks_per_beat=ticks_per_beat, tempos=tempos, name=name)

    def __len__(self) -> int:
        """Return the number of notes, context included."""
        return len(self.notes)

    def __eq__(self, other: object) -> bool:
        """Compare everything but the names."""
        if not isinstance(other, Piece):
            return NotImplemented
        names = [f.name for f in dataclasses.fields(self) if f.name != "name"]
        return all(np.array_equal(getattr(self, n), getattr(other, n)) for n in names)

    __hash__ = None  # type: ignore[assignment]  # arrays do not hash

    def __repr__(self) -> str:
        """Show name, number of notes and length."""
        return f"Piece({self.name!r}, {len(self)} notes, {self.seconds_long:.1f} s)"

    def _repr_html_(self) -> str:
        """Show the piano-roll and a player in a notebook."""
        from howlkit.music.plot.notebook import html

        return html(self)

    def replace(self, **changes: Any) -> Piece:  # noqa: ANN401 - as dataclasses.replace
        """Return a copy with some attributes changed, checked and sorted again.

        >>> piece = Piece.of([(0, 480, 60)])
        >>> notes = piece.notes.copy()
        >>> notes["pitch"] += 12
        >>> piece.replace(notes=notes).notes["pitch"].tolist()
        [72]
        """
        return dataclasses.replace(self, **changes)

    def without_notes(self) -> Piece:
        """Return a whole piece with the tempo map, the metres and the keys only."""
        return Piece(
            ticks_per_beat=self.ticks_per_beat,
            tempos=self.tempos,
            time_signatures=self.time_signatures,
            key_signatures=self.key_signatures,
            name=self.name,
        )

    @property
    def ends(self) -> NDArray[np.int64]:
        """(N,): the tick at which each note ends, without the pedal."""
        # No note ends after MAX_TICK, so that the sum fits the type of the columns.
        return np.asarray(self.notes["start"] + self.notes["duration"], np.int64)

    @cached_property
    def held(self) -> NDArray[np.int64]:
        """(N,): the tick at which each note stops sounding: its end, or where the pedal lifts.

        A pedal holds the notes of its track that end while it is down, except drums.
        """
        if not len(self.pedals):
            return self.ends
        return held_until(self.notes, self.ends, self.pedals)

    @cached_property
    def sustained(self) -> NDArray[np.int64]:
        """(N,): as `held`, but a pedal that is down for more than 30 seconds holds nothing.

        Nobody plays so: such a file lacks the event that lifts the pedal, and all its notes would
        sound until its end.
        """
        begins = self.pedals["start"].astype(np.int64)
        down = self.seconds(begins + self.pedals["duration"]) - self.seconds(begins)
        lifted = down <= STUCK
        if lifted.all():
            return self.held
        if not lifted.any():
            return self.ends
        return held_until(self.notes, self.ends, self.pedals[lifted])

    @property
    def seconds_long(self) -> float:
        """Seconds from tick 0 to the end of the last note."""
        return float(self.seconds(self.end))

    @property
    def beats_long(self) -> float:
        """Beats from tick 0 to the end of the last note."""
        return self.end / self.ticks_per_beat

    @cached_property
    def _tempo_map(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Return (tick, seconds at that tick, seconds a tick from there on), starting at tick 0."""
        ticks = self.tempos["tick"].astype(np.int64)
        beat = self.tempos["microseconds"].astype(np.float64)
        if not len(ticks) or ticks[0] > 0:
            ticks = np.concatenate(([0], ticks))
            beat = np.concatenate(([DEFAULT_TEMPO], beat))
        pace = beat / 1e6 / self.ticks_per_beat
        seconds = np.zeros(len(ticks))
        if len(ticks) > 1:
            np.cumsum((ticks[1:] - ticks[:-1]) * pace[:-1], out=seconds[1:])
        return ticks, seconds, pace

    def seconds(self, ticks: ArrayLike) -> NDArray[np.float64]:
        """Return the seconds from tick 0 to each of `ticks`.

        >>> Piece.of([], bpm=60, ticks_per_beat=480).seconds([0, 240, 480]).tolist()
        [0.0, 0.5, 1.0]
        """
        position = np.asarray(ticks, dtype=np.int64)
        changes, seconds, pace = self._tempo_map
        if len(changes) == 1:  # several times as fast, and usual in recordings
            return np.asarray(position * pace[0])
        at = changes[1:].searchsorted(position, side="right")
        since = (position - changes.take(at)) * pace.take(at)
        return np.asarray(seconds.take(at) + since)

    def ticks(self, seconds: ArrayLike) -> NDArray[np.int64]:
        """Return the tick nearest to each of `seconds` from tick 0; the inverse of `seconds`.

        >>> Piece.of([], bpm=60, ticks_per_beat=480).ticks([0.5, 1.0]).tolist()
        [240, 480]
        """
        position = np.asarray(seconds, dtype=np.float64)
        changes, starts, pace = self._tempo_map
        at = np.maximum(np.searchsorted(starts, position, side="right") - 1, 0)
        return np.rint(changes[at] + (position - starts[at]) / pace[at]).astype(np.int64)

    def at_resolution(self, ticks_per_beat: int) -> Piece:
        """Return the same music at another resolution, every position moved to the nearest tick.

        Tempos, metres, keys, pedals and extras that would come after MAX_TICK are left out. Raises
        PieceError if a note would end after it.

        >>> piece = Piece.of([(0, 480, 60)], ticks_per_beat=480)
        >>> piece.at_resolution(24).notes["duration"].tolist()
        [24]
        """
        if ticks_per_beat == self.ticks_per_beat:
            return self

        def moved(table: Table, column: str) -> Table:
            at = scaled_ticks(table[column], ticks_per_beat, self.ticks_per_beat)
            table, at = table[at <= MAX_TICK], at[at <= MAX_TICK]
            scaled = table.copy()
            scaled[column] = at
            if "duration" in (table.dtype.names or ()):
                end = table[column].astype(np.int64) + table["duration"]
                end = scaled_ticks(end, ticks_per_beat, self.ticks_per_beat)
                scaled["duration"] = np.maximum(end - scaled[column], 1)
            return scaled

        if scaled_ticks(np.int64(self.end), ticks_per_beat, self.ticks_per_beat) > MAX_TICK:
            raise PieceError(
                f"{self.end} ticks at {self.ticks_per_beat} a beat do not fit "
                f"{ticks_per_beat} a beat: no note may end after tick {MAX_TICK}"
            )
        return self.replace(
            notes=moved(self.notes, "start"),
            ticks_per_beat=ticks_per_beat,
            tempos=last_at_each_tick(moved(self.tempos, "tick")),
            time_signatures=last_at_each_tick(moved(self.time_signatures, "tick")),
            key_signatures=last_at_each_tick(moved(self.key_signatures, "tick")),
            pedals=moved(self.pedals, "start"),
            extras=self.extras.moved(
                lambda ticks: scaled_ticks(ticks, ticks_per_beat, self.ticks_per_beat)
            ),
        )

    def join(self, other: Piece) -> Piece:
        """Return this piece with all notes of `other` added, at the ticks that they have there.

        Tempos, metres and pedals are those of this piece up to its last onset, and those of `other`
        after it. The finer resolution is kept. A note of `other` stays in its track if that track
        has its program in this piece too; else it goes to the track with its program, or to a new
        one. The extras are those of this piece before the first onset of `other`; there, bends and
        the like are let go (`extras.go_on`).

        >>> Piece.of([(0, 480, 60)]).join(Piece.of([(480, 480, 62)])).notes["pitch"].tolist()
        [60, 62]
        """
        here, there = common_resolution(self, other)
        added = there.notes.copy()
        added["track"] = tracks_in(added, here.notes)
        cut = int(here.notes["start"].max(initial=-1))
        joined: dict[str, Any] = {}
        for name, column in (("tempos", "tick"), ("time_signatures", "tick"), ("pedals", "start")):
            first, then = getattr(here, name), getattr(there, name)
            parts = first[first[column] <= cut], then[then[column] > cut]
            joined[name] = np.concatenate(parts)
        if len(added):
            extras = here.extras.before(max(int(added["start"][0]), cut + 1))
            tracks, first = np.unique(added["track"], return_index=True)
            onsets = dict(zip(tracks.tolist(), added["start"][first].tolist(), strict=True))
            joined["extras"] = go_on(extras, cut, onsets)
        return here.replace(notes=np.concatenate((here.notes, added)), **joined)

    def then(self, other: Piece) -> Piece:
        """Return this piece and after it `other`, whose tick 0 comes at the first bar line there.

        That is the first bar line at or after the end of this piece's last note; all else is as in
        `join`.

        >>> one = Piece.of([(0, 480, 60)])  # bars of 1920 ticks
        >>> one.then(one).notes["start"].tolist()
        [0, 1920]
        """
        here, there = common_resolution(self, other)
        begin, bar = here.bar_at(here.end)
        return here.join(shifted(there, begin if begin == here.end else begin + bar))

    def without_leading_silence(self, *, bars: bool) -> Piece:
        """Return the piece moved so that it begins with its first note.

        bars: move by whole bars only, so that notes keep their positions in the bar.

        >>> piece = Piece.of([(2000, 480, 60)])  # bars of 1920 ticks
        >>> piece.without_leading_silence(bars=True).notes["start"].tolist()
        [80]
        """
        move = int(self.notes["start"][0]) if len(self) else 0
        if bars:
            move = self.bar_at(move)[0]
        notes, pedals = self.notes.copy(), self.pedals.copy()
        notes["start"] -= move
        pedals["start"] = np.maximum(pedals["start"] - move, 0)
        extras = self.extras.moved(lambda ticks: ticks - move)
        return self.replace(notes=notes, pedals=pedals, extras=extras, **maps_from(self, move))

    def bar_at(self, tick: int) -> tuple[int, int]:
        """Return the tick at which the bar of `tick` begins, and its ticks (4/4 before any metre).

        >>> Piece(ticks_per_beat=480).bar_at(2000)
        (1920, 1920)
        """
        metre = self.time_signatures[self.time_signatures["tick"] <= tick][-1:]
        since, numerator, denominator = metre[0].tolist() if len(metre) else (0, 4, 4)
        bar = max(4 * self.ticks_per_beat * numerator // denominator, 1)
        return int(since + (tick - since) // bar * bar), bar

    @property
    def since(self) -> int:
        """The tick at which an excerpt begins; 0 if it has the start of the piece."""
        if self.has_start:
            return 0
        return int(self.notes["start"][self.context]) if self.context < len(self) else self.end

    def excerpt(
        self,
        first: int = 0,
        stop: int | None = None,
        *,
        beats: Range | None = None,
        seconds: Range | None = None,
    ) -> Piece:
        """Return a part of the piece: by beats or seconds, or by notes for an encoder.

        **By beats or seconds**, such as beats=(8, 16), it is a piece of its own: the notes that
        begin at 8 or later and before 16, with 8 as tick 0, and with the tempo, metre, key, pedals
        and controllers that hold there. A note keeps its length, also past the end. beats=(8, None)
        goes to the end of the piece.

        **By notes**, it is the notes `first` to `stop` (exclusive; None: all after `first`), with
        the context that an encoder needs. Ticks stay those of the whole piece. Its whole tempo map,
        metres and pedals come along, and its extras before the next note of the piece.

        The context are notes before `first`, for drums and other notes apart, since an encoder may
        leave drums out:

        1. the window: all notes that end at most two beats or two seconds (whichever is more)
           before the last onset before the excerpt, or later, so all that still sound;
        2. two notes before that window, and the same window before the earlier one of them;
        3. two more notes before that;
        4. for each pitch and program, the earlier note that the pedal holds longest into the
           window.

        So no chord is torn apart on the coarsest grid, and an encoder knows the grid position at
        which the excerpt begins, and the last step before it. Raises PieceError for an impossible
        range.

        >>> piece = Piece.of([(480 * i, 480, 60 + i) for i in range(8)])
        >>> piece.excerpt(beats=(2, 4)).notes[["start", "pitch"]].tolist()
        [(0, 62), (480, 63)]
        >>> excerpt = piece.excerpt(6, 8)
        >>> len(excerpt) - excerpt.context, excerpt.since, excerpt.has_end
        (2, 2880, True)
        """
        if beats is not None or seconds is not None:
            if (first, stop) != (0, None) or (beats is not None and seconds is not None):
                raise PieceError("an excerpt is by notes, by beats or by seconds; give one of them")
            return self._between(beats=beats, seconds=seconds)
        stop = len(self) if stop is None else stop
        if not 0 <= first <= stop <= len(self):
            raise PieceError(f"no notes {first}:{stop} in a piece of {len(self)}")
        earlier = self.notes[:first]
        context = context_notes(earlier, self.held[:first], self._window_begin)
        if self.sustained is not self.held:
            context |= context_notes(earlier, self.sustained[:first], self._window_begin)
        before = self.notes[:first].compress(context)
        until = int(self.notes["start"][stop]) if stop < len(self) else self.until
        return self.replace(
            notes=np.concatenate((before, self.notes[first:stop])),
            context=len(before),
            until=until,
            has_start=self.has_start and first == 0,
            has_end=self.has_end and stop == len(self),
            extras=self.extras.before(until) if stop < len(self) else self.extras,
        )

    def _window_begin(self, tick: int) -> int:
        """Return the tick two beats or two seconds before `tick`, whichever is earlier."""
        seconds = int(self.ticks(self.seconds(tick) - 2.0))
        return min(tick - 2 * self.ticks_per_beat, seconds)
