"""Slices of a grid: the pitches that sound in each, and its position in the bar.

Conventions: L slices, N notes, V voices; note i sounds in slices first[i] .. stop[i] - 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import ranges, repeated
from howlkit.music.piece import Piece
from howlkit.music.tables import TIME_SIGNATURE, Table

__all__ = ["Metre", "highest_pitches", "mark_sounding", "newest_pitches"]

MOST_MARKED = 2**20
"""The most cells that are marked at once, so that their list stays below 20 MB."""

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Metre:
    """The time signatures of a piece on a grid; 4/4 until the first.

    starts: (S,) where each signature begins. bars: (S,) the lengths of their bars. Both are counted
    in parts of a slice, `unit` of them a slice. most: how many positions in a bar are told apart.
    """

    starts: Column
    bars: Column
    unit: int
    most: int

    @classmethod
    def of(cls, piece: Piece, grid: int, *, longest_bar: int) -> Metre:
        """Return the metre of a piece; grid: slices a beat; longest_bar: in beats."""
        table, most = piece.time_signatures, longest_bar * grid
        if not len(table):
            return _constant_metre(4, 4, piece.ticks_per_beat, grid, most)
        tick, numerator, denominator = table.item(0)
        if tick > 0:
            table = np.concatenate((np.array([(0, 4, 4)], TIME_SIGNATURE), table))
        elif len(table) == 1:
            return _constant_metre(numerator, denominator, piece.ticks_per_beat, grid, most)
        return cls._of(table, piece.ticks_per_beat, grid, most)

    @classmethod
    def _of(cls, table: Table, ticks_per_beat: int, grid: int, most: int) -> Metre:
        """Return the metre of a table of time signatures, the first one at tick 0."""
        # A bar is 4 * numerator / denominator beats, and a denominator divides 128.
        starts = table["tick"].astype(np.int64) * grid * 32
        bars = table["numerator"].astype(np.int64) * (128 // table["denominator"]) * grid
        return cls(starts, bars * ticks_per_beat, 32 * ticks_per_beat, most)

    def between(self, first: int, stop: int) -> NDArray[np.integer[Any]]:
        """Return (stop - first,): the positions of slices `first` to stop - 1; read-only.

        The same as `position`, but copied from one period where the metre never changes.
        """
        if len(self.starts) > 1:
            return self.position(np.arange(first, stop))
        return repeated(self._period, first, stop)

    @cached_property
    def _period(self) -> NDArray[np.uint16]:
        """(period,): the positions in a piece of one metre, up to where they repeat."""
        period = int(self.period(np.zeros(1, np.int64))[0])
        return self._find(np.arange(period)).astype(np.uint16)  # LONGEST_BAR * 48 at most

    def position(self, slices: Column) -> Column:
        """Return the whole slices since the bar line before each slice, at most `most` - 1."""
        if len(self.starts) > 1:
            return self._find(slices)
        period = self._period
        return period.take(slices % len(period)).astype(np.int64)

    def _find(self, slices: Column) -> Column:
        """Return `position` by searching the time signatures."""
        at = slices * self.unit
        now = np.searchsorted(self.starts, at, side="right") - 1
        at -= self.starts.take(now)
        at %= self.bars.take(now)
        at //= self.unit
        return np.minimum(at, self.most - 1)

    def period(self, slices: Column) -> Column:
        """Return after how many slices positions repeat, in the metre of each slice."""
        bars = self.bars[np.searchsorted(self.starts, slices * self.unit, side="right") - 1]
        return np.asarray(bars // np.gcd(bars, self.unit))


@lru_cache(maxsize=64)
def _constant_metre(
    numerator: int, denominator: int, ticks_per_beat: int, grid: int, most: int
) -> Metre:
    """Return the metre of a piece with one time signature; most pieces share a few of these."""
    table = np.array([(0, numerator, denominator)], TIME_SIGNATURE)
    return Metre._of(table, ticks_per_beat, grid, most)


def mark_sounding(cells: NDArray[np.uint8], first: Column, lengths: Column, *, step: int) -> None:
    """Set lengths[i] cells to 1, `step` apart, from cell first[i] on, for each note i.

    cells: slice after slice, each of `step` cells; so a note has one cell in each of its slices.
        first: rising among the notes of one key.
    """
    if int(lengths.sum()) <= MOST_MARKED:
        cells[ranges(first, lengths, step=step)] = 1
        return
    # Thousands may sound at once: they are joined first, so that the work does not grow with them.
    for begin, stop in _joined(first, lengths, len(cells), step):
        cells[begin:stop:step] = 1


def _joined(first: Column, lengths: Column, size: int, step: int) -> Iterator[tuple[int, int]]:
    """Return the first and last cell (exclusive) of each stretch of sound, without overlaps."""
    at, cell = np.divmod(first, step)
    line = cell * (size // step + 1)  # the keys lie one behind the other on a line, a slice apart
    order = cell.argsort(kind="stable")
    cell, line, at, lengths = (column.take(order) for column in (cell, line, at, lengths))
    reach = np.maximum.accumulate(line + at + lengths)
    opens, closes = np.ones((2, len(reach)), bool)
    np.greater((line + at)[1:], reach[:-1], out=opens[1:])  # nothing still sounds there
    closes[:-1] = opens[1:]
    begins = (at * step + cell).compress(opens)
    stops = ((reach - line) * step).compress(closes)
    return zip(begins.tolist(), stops.tolist(), strict=True)


def newest_pitches(
    pitch: NDArray[np.uint8],
    voice: Column,
    begins: Column,
    ends: Column,
    shape: tuple[int, int],
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return (voices, slices): each voice's newest pitch, and whether it begins in the slice.

    The newest pitch is the last to begin; of several that begin in one slice, the highest; 0 where
    nothing sounds. pitch: 1..255. Note i sounds in slices begins[i]..ends[i] - 1. begins: rising,
    may be below 0. ends: 1..slices.
    """
    voices, length = shape
    order = (begins << 8 | pitch).argsort(kind="stable")
    is_cut = len(begins) > 0 and begins[0] < 0
    first = np.maximum(begins, 0) if is_cut else begins
    lengths = ends - first
    first = first + voice * length  # the voices lie one behind the other
    pitch, first, lengths = pitch.take(order), first.take(order), lengths.take(order)
    sounds, struck = np.zeros(voices * length, np.uint8), np.zeros(voices * length, bool)
    # Usually few notes sound at once; where many do, memory must not grow with them.
    if int(lengths.sum()) <= 4 * len(sounds):
        marks = ranges(first << 8 | pitch, lengths, step=256)  # with the pitch as the low byte
        sounds[marks >> 8] = marks.astype(np.uint8)  # the last of several stays
    else:
        newest = np.zeros(len(sounds), np.int32)
        _mark_stretches(
            newest, np.arange(1, len(first) + 1, dtype=np.int32), first, first + lengths
        )
        sounds[:] = np.append(0, pitch).take(newest)
    if is_cut:
        first = first.compress(begins.take(order) >= 0)
    struck[first] = True  # a pitch that begins in a slice is newer than one that goes on
    return sounds.reshape(shape), struck.reshape(shape)


def _mark_stretches(
    highest: NDArray[np.int32], rank: NDArray[np.int32], first: Column, stop: Column
) -> None:
    """Raise `highest` to the rank of each note in the slices in which it sounds.

    Two stretches of 2^k slices cover a note. From the longest k down, each stretch is marked and
    then halved, so the work grows with the logarithm of a note's length.
    """
    levels = np.frexp(stop - first)[1] - 1  # k
    for level in range(int(levels.max(initial=0)), -1, -1):
        size = 1 << level
        notes = np.flatnonzero(levels == level)
        for begin in (first[notes], stop[notes] - size):
            np.maximum.at(highest, begin, rank[notes])
        if half := size // 2:  # numpy sees to it that the two may overlap
            np.maximum(highest[half:], highest[:-half], out=highest[half:])


def highest_pitches(
    pitch: NDArray[np.uint8],
    first: Column,
    stop: Column,
    begun: NDArray[np.bool_],
    shape: tuple[int, int],
    pitches: int,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return (voices, slices): the highest pitches of each slice, and whether they begin there.

    Note i sounds in slices first[i]..stop[i] - 1. pitch: 1..pitches, at most 128. begun: (N,),
    whether a note begins at first[i]; else it began before slice 0.
    """
    voices, length = shape
    row = pitches - pitch  # from the highest down
    changes = np.zeros((length + 1, pitches), np.int32)
    np.add.at(changes, (first, row), 1)
    np.add.at(changes, (stop, row), -1)
    begins = np.zeros((length, pitches), bool)
    begins[first[begun], row[begun]] = True
    on = np.cumsum(changes[:-1], axis=0, out=changes[:-1]) > 0
    rank = np.cumsum(on, axis=1, dtype=np.uint8)  # from 1
    at, rows = np.nonzero(on & (rank <= voices))
    rank = rank[at, rows] - 1
    sounds, struck = np.zeros(shape, np.uint8), np.zeros(shape, bool)
    sounds[rank, at] = pitches - rows
    struck[rank, at] = begins[at, rows]
    return sounds, struck
