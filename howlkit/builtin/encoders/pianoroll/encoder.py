"""Encoder `pianoroll`: one step a time slice, its keys as bits.

With `onsets`, a slice has two sets of keys: `held`, the keys that go on from the slice before, and
`onset`, the keys struck in it; so a repeated note is not a long one. Onsets and ends are moved to
the nearest slice border. A note shorter than that lasts one slice, and a key may be struck again in
the slice in which it ended. Where notes overlap on one key, the later one ends the earlier one, and
lasts until both have ended.

Without `onsets`, a slice has one set, `keys`: the keys that sound at its beginning, as in the
published tables of Bach's chorales (Boulanger-Lewandowski, Bengio and Vincent 2012). Its beginning
is taken an eighth of a slice late, so that a note that begins a little late counts, and one that
ends a little late does not. A note that sounds at no beginning is left out, unless its slice would
be silent. Equal neighbours are one note.

Keys below or above the range are moved into it by octaves, drums are left out, and one piano plays
everything. Silent slices belong to the note after them: a piece ends with its last note.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import differences
from howlkit.builtin.encoders.pianoroll.grammar import PianorollGrammar, sounding_keys
from howlkit.builtin.encoders.pianoroll.spec import PianorollSpec
from howlkit.builtin.encoders.shared.grid import Grid
from howlkit.builtin.encoders.shared.notes import velocity_classes, velocity_values
from howlkit.builtin.encoders.shared.slices import Metre, mark_sounding
from howlkit.errors import OptionError
from howlkit.hookspecs import hookimpl
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, NOTE, Table
from howlkit.options import option
from howlkit.protocols import Encoder
from howlkit.schema import END, START, STEP, Field, Schema, Steps, bits

MOST_SLICES = 2**18
"""The most slices in a piece, so that 2^31 ticks of silence or of one held note stay below 50 MB. A
piece has at most MOST_UNITS beats or seconds, too. Notes beyond are left out."""

MOST_UNITS = 30_000  # over four hours, at any resolution a Piece can have within its ticks
LONGEST_BAR = 8  # beats; later positions in a bar share the last value of `position`
VELOCITY = 80  # of every note, if slices have no loudness

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Pianoroll:
    """Piano-roll: one step a time slice - the keys held, and the keys struck."""

    clock: Literal["beats", "seconds"] = option("beats", "what the slices divide")
    grid: int = option(0, "slices a beat or a second; 0: 4 a beat, 20 a second", low=0, high=48)
    onsets: bool = option(True, "tell struck keys from held ones; false: keys that sound")
    low: int = option(21, "lowest key; notes below go up by octaves", low=0, high=116)
    high: int = option(108, "highest key; notes above go down by octaves", low=11, high=127)
    velocities: int = option(
        0, "loudnesses of a slice's onsets; 0: none, every note is 80", low=0, high=127
    )
    position: bool = option(True, "tell the network the place in the bar (beats only)")
    longest_rest: int = option(
        16, "beats or seconds; a longer silence is shortened, by whole bars", low=4, high=256
    )

    name: ClassVar[str] = "pianoroll"

    def __post_init__(self) -> None:
        """Refuse a range smaller than an octave, and loudness without onsets."""
        if self.high - self.low < 11:
            raise OptionError(
                f"pianoroll: low={self.low} and high={self.high} leave {self.high - self.low + 1} "
                "keys; it takes 12 to hold an octave"
            )
        if self.velocities and not self.onsets:
            raise OptionError(
                f"pianoroll: velocities={self.velocities} needs onsets=true, since loudness is "
                "that of the onsets; leave one of them out"
            )

    @cached_property
    def _time(self) -> Grid:
        return Grid(self.clock, self.grid or {"beats": 4, "seconds": 20}[self.clock])

    @property
    def _eighths(self) -> int:
        """How `Grid` rounds: to the nearest position, or so that t holds what sounds at t + 1/8."""
        return 4 if self.onsets else 7

    @property
    def _keys(self) -> int:
        return self.high - self.low + 1

    @cached_property
    def _key_of(self) -> Column:
        """(128,): the key of each pitch, 0 the lowest."""
        return _fold(np.arange(128), self.low, self.high)

    @cached_property
    def _byte_of(self) -> Column:
        """(128,): the byte of a row that holds each pitch, in `held` or in `keys`."""
        return self._key_of + self._offset("held" if self.onsets else "keys")

    def _offset(self, name: str) -> int:
        """Return the byte of a row at which a field begins."""
        fields = self.schema.dtype.fields
        return fields[name][1] if fields else 0

    @property
    def _most_slices(self) -> int:
        return min(MOST_SLICES, MOST_UNITS * self._time.divisions)

    @property
    def _longest_rest(self) -> int:
        """The most silent slices in a row."""
        return self.longest_rest * self._time.divisions

    @property
    def _has_position(self) -> bool:
        return self.position and self.clock == "beats"

    @cached_property
    def schema(self) -> Schema:
        """Mark, then held, [loudness,] onset or else keys, [position]."""
        unit = f"key, the lowest is MIDI {self.low}"
        fields = [bits("keys", self._keys, unit=unit)]
        if self.onsets:
            fields = [bits("held", self._keys, unit=unit), bits("onset", self._keys, unit=unit)]
        if self.velocities:
            struck = tuple(range(1, self.velocities + 1))
            loudness = Field(
                "loudness", self.velocities + 1, ordered=True, unit="0: no onset, 1: softest"
            )
            onset = bits("onset", self._keys, when=("loudness", struck), unit=unit)
            fields[1:] = [loudness, onset]
        if self._has_position:
            count = LONGEST_BAR * self._time.divisions
            unit = f"1/{self._time.divisions} beat after the bar line, of the next slice"
            fields.append(Field("position", count, ordered=True, unit=unit, derived=True))
        return Schema(tuple(fields), self.clock)

    # Piece to steps -----------------------------------------------------------------------------

    def encode(self, piece: Piece) -> Steps:
        """Return start, a step for each slice, end."""
        notes, context = piece.notes, piece.context
        spans = self._time.borders(piece, notes, eighths=self._eighths)  # first slice, one after
        kept = notes["program"] != DRUMS
        if len(notes) and spans[0, -1] >= self._most_slices:
            kept &= spans[0] < self._most_slices
        if not kept.all():
            context = int(np.count_nonzero(kept[:context]))
            notes, spans = notes.compress(kept), spans.compress(kept, axis=1)
        start, last = spans
        np.minimum(last, self._most_slices, out=last)
        there = None if self.onsets else _heard_at_beginnings(start, last)
        # A silence belongs to the note after it, so that a piece whose drums go on longer than its
        # other notes does not end in silence.
        np.maximum(last, start + 1, out=last)
        since, until = self._time.edges(piece, eighths=self._eighths)
        first = min(since, int(last[:context].max(initial=0))) if since else 0
        stop = max(first, min(until, int(last.max(initial=0))))
        slices, earlier = self._without_long_rests(piece, start, last, first, stop)
        steps = self._rows(piece, slices, first, stop)
        body = steps[int(first == 0) : len(steps) - piece.has_end]
        spans -= earlier
        if there is not None:
            notes, spans = notes.compress(there), spans.compress(there, axis=1)
        self._fill(body, notes, *spans)
        return steps

    def _without_long_rests(
        self, piece: Piece, start: Column, last: Column, first: int, stop: int
    ) -> tuple[range | Column, int | Column]:
        """Return the slices from the one before `first` to `stop`, without the ends of long rests.

        Also return the number to subtract from the slices of each note to get its rows.
        start, last: (N,) the first slice of each note and the one after its last. A rest is
        shortened by whole bars if possible, so that the positions in the bar stay right.
        """
        most = self._longest_rest
        begin = max(first - 1, 0)
        # A rest is no longer than the time from one onset to the next.
        gaps = differences(start, first)
        if gaps.max(initial=0) <= most:
            return range(begin, stop), begin
        reach = np.empty_like(last)  # where all earlier notes have ended
        reach[:1], reach[1:] = first, last[:-1]
        rests = start - np.maximum.accumulate(reach, out=reach)
        long = np.flatnonzero(rests > most)
        if not len(long):
            return range(begin, stop), begin
        excess = rests[long] - most
        if self.clock == "beats":
            period = self._metre(piece).period(start[long])
            excess = np.where(period <= most, -(-excess // period) * period, excess)
        shift = np.zeros_like(start)
        shift[long] = excess
        shift = np.cumsum(shift)
        # From row to row, how many slices to go on: one, or more over the end of a rest.
        stride = np.ones(stop - begin - int(excess.sum()), np.int64)
        after = start[long] - shift[long] - begin
        stride[after[after < len(stride)]] += excess[after < len(stride)]
        stride[0] = begin
        return np.cumsum(stride), shift + begin

    def _rows(self, piece: Piece, slices: range | Column, first: int, stop: int) -> Steps:
        """Return the rows of an excerpt without keys: marks, and positions in the bar."""
        is_start = first == 0
        steps = self.schema.steps(is_start + len(slices) + piece.has_end)
        if is_start:
            steps["mark"][0] = START
        if piece.has_end:
            steps["mark"][-1] = END
        if self._has_position:
            metre, position = self._metre(piece), steps["position"]
            if isinstance(slices, range):
                ahead = metre.between(first, stop + 1)
            else:
                ahead = metre.position(np.append(slices[not is_start :], stop))
            position[: len(ahead)] = ahead
            position[len(ahead) :] = ahead[-1]
        return steps

    def _metre(self, piece: Piece) -> Metre:
        return Metre.of(piece, self._time.divisions, longest_bar=LONGEST_BAR)

    def _fill(self, rows: Steps, notes: Table, start: Column, stop: Column) -> None:
        """Set in `rows` the keys of notes that sound from row `start` until before row `stop`."""
        since = np.maximum(start, 0)
        if len(start) and (start[0] < 0 or start[-1] >= len(rows)):
            inside = (stop > 0) & (since < len(rows))
            notes = notes.compress(inside)
            start, since, stop = (column.compress(inside) for column in (start, since, stop))
        cells, width = rows.view(np.uint8), rows.dtype.itemsize
        at = since * width
        at += self._byte_of.take(notes["pitch"])
        mark_sounding(cells, at, np.minimum(stop, len(rows)) - since, step=width)
        if not self.onsets:
            return
        if len(start) and start[0] < 0:
            struck = start >= 0
            notes, start, at = notes.compress(struck), start.compress(struck), at.compress(struck)
        cells[at] = 0
        at += self._offset("onset") - self._offset("held")
        cells[at] = 1
        if self.velocities:
            self._set_loudness(rows, start, self._key_of[notes["pitch"]], notes["velocity"])

    def _set_loudness(self, rows: Steps, at: Column, key: Column, velocity: Table) -> None:
        """Set the mean velocity of the keys struck in each row; a key counts once, the loudest."""
        order = np.lexsort((velocity, key, at))
        at, key, velocity = at[order], key[order], velocity[order]
        loudest = np.append((np.diff(at) != 0) | (np.diff(key) != 0), True)[: len(at)]
        at, velocity = at[loudest], velocity[loudest]
        count = np.bincount(at, minlength=len(rows))
        total = np.bincount(at, velocity, len(rows)).astype(np.int64)
        mean = (2 * total + count) // np.maximum(2 * count, 1)
        rows["loudness"] = np.where(count, 1 + velocity_classes(mean, self.velocities), 0)

    # Steps to piece -----------------------------------------------------------------------------

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> Column:
        """Return the tick of each slice in `decode`'s result; the end row has that of the last."""
        _, to_ticks = self._time.frame(like)
        return np.asarray(to_ticks(np.maximum(np.cumsum(steps["mark"] == STEP) - 1, 0)))

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return a note for each onset; without onsets, for each run of a key."""
        empty, to_ticks = self._time.frame(like)
        steps = steps[steps["mark"] == STEP]
        sounding, held = sounding_keys(steps)
        held[1:] &= sounding[:-1]
        held[:1] = False
        ends = sounding.copy()
        ends[:-1] &= ~held[1:]
        # Of each key, beginnings and ends alternate.
        key, first = np.nonzero((sounding & ~held).T)
        last = np.nonzero(ends.T)[1]
        notes = np.zeros(len(key), NOTE)
        notes["start"] = to_ticks(first)
        notes["duration"] = np.maximum(to_ticks(last + 1) - notes["start"], 1)
        notes["pitch"] = key + self.low
        notes["velocity"] = VELOCITY
        if self.velocities:
            softest = 1  # 0 says that nothing is struck
            loudness = steps["loudness"][first].astype(np.int64) - softest
            notes["velocity"] = velocity_values(loudness, self.velocities)
        return empty.replace(notes=notes)

    def grammar(self, rows: int, *, like: Piece | None = None) -> PianorollGrammar:
        """Return the grammar of `rows` rows at the start of pieces in the metre of `like`."""
        spec = PianorollSpec(
            keys=self._keys,
            low=self.low,
            divisions=self._time.divisions,
            longest_rest=self._longest_rest,
            most_slices=self._most_slices,
            velocities=self.velocities > 0,
        )
        return PianorollGrammar(spec, self._metre(Piece() if like is None else like), rows)


def _fold(pitch: Column, low: int, high: int) -> Column:
    """Return the key of each pitch, 0 the lowest, after moving it by octaves into low..high."""
    up = np.maximum(low - pitch + 11, 0) // 12
    down = np.maximum(pitch - high + 11, 0) // 12
    return np.asarray(pitch + 12 * (up - down) - low)


def _heard_at_beginnings(start: Column, end: Column) -> NDArray[np.bool_]:
    """Return (N,): the notes that slices without onsets show.

    They sound at the beginning of a slice, or in a slice that would be silent. start, end: (N,) in
    slices, `start` rising; where both are the same, a note sounds at no beginning.
    """
    longer = end > start
    if longer.all():
        return longer
    begins, ends = start[longer], np.maximum.accumulate(end[longer])
    reach = np.append(-1, ends)[np.searchsorted(begins, start, side="right")]
    return np.asarray(longer | (reach <= start))


@hookimpl
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register the piano-roll."""
    register(Pianoroll)


__all__ = ["Pianoroll"]
