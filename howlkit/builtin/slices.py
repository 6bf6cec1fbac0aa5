"""Music cut into slices of a grid: what sounds in each, and where it stands in the bar.

Conventions: L slices, N notes, V voices; note i sounds in slices first[i] .. stop[i] - 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.piece import TIME_SIGNATURE, Piece

__all__ = ["Metre", "highest_pitches", "highest_ranks"]

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Metre:
    """The time signatures of a piece on a grid: 4/4 until the first.

    starts: (S,) where each begins, bars: (S,) how long its bars are, in `unit`s a slice.
    most: how many positions are told apart.
    """

    starts: Column
    bars: Column
    unit: int
    most: int

    @classmethod
    def of(cls, piece: Piece, grid: int, *, longest_bar: int) -> Metre:
        """Return the metre of a piece on a grid of so many slices a beat; longest_bar: in beats."""
        table = piece.time_signatures
        if not len(table) or table["tick"][0] > 0:
            table = np.concatenate((np.array([(0, 4, 4)], TIME_SIGNATURE), table))
        # A bar is 4 * numerator / denominator beats, and a denominator divides 128.
        unit = 32 * piece.ticks_per_beat
        starts = table["tick"].astype(np.int64) * grid * 32
        bars = table["numerator"].astype(np.int64) * (128 // table["denominator"]) * grid
        return cls(starts, bars * piece.ticks_per_beat, unit, longest_bar * grid)

    def position(self, slices: Column) -> Column:
        """Return the whole slices since the bar began; of a longer bar the last that is counted."""
        at = slices * self.unit
        if len(self.starts) == 1:  # of most music
            at %= self.bars[0]
        else:
            now = np.searchsorted(self.starts, at, side="right") - 1
            at -= self.starts.take(now)
            at %= self.bars.take(now)
        at //= self.unit
        return np.minimum(at, self.most - 1)

    def period(self, slices: Column) -> Column:
        """Return after how many slices positions repeat themselves, in the metre of each slice."""
        bars = self.bars[np.searchsorted(self.starts, slices * self.unit, side="right") - 1]
        return np.asarray(bars // np.gcd(bars, self.unit))


def highest_ranks(
    rank: NDArray[np.int32], voice: Column, first: Column, stop: Column, shape: tuple[int, int]
) -> NDArray[np.int32]:
    """Return (voices, slices): the highest rank of the notes that sound; 0 where none does.

    rank: above 0. Note i sounds in slices first[i]..stop[i] - 1 (one at least) of voice[i].
    """
    voices, length = shape
    highest = np.zeros(voices * length, np.int32)
    line = voice * length  # one voice behind the other
    first, stop = line + first, line + stop
    # Few notes sound at once as a rule. But memory should not grow with those that do.
    _mark = _mark_slices if (stop - first).sum() <= 4 * len(highest) else _mark_stretches
    _mark(highest, rank, first, stop)
    return highest.reshape(shape)


def _mark_slices(
    highest: NDArray[np.int32], rank: NDArray[np.int32], first: Column, stop: Column
) -> None:
    """Raise `highest` to the rank of each note in the slices in which it sounds."""
    lengths = stop - first
    behind = lengths.cumsum()
    at = (stop - behind).repeat(lengths)
    at += np.arange(len(at))
    np.maximum.at(highest, at, rank.repeat(lengths))


def _mark_stretches(
    highest: NDArray[np.int32], rank: NDArray[np.int32], first: Column, stop: Column
) -> None:
    """Do as `_mark_slices`, with work that grows with the logarithm of a note's length.

    A note is the two stretches of 2^k slices that cover it; from the longest k down, stretches are
    halved.
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
    pitch: Column,
    first: Column,
    stop: Column,
    begun: NDArray[np.bool_],
    shape: tuple[int, int],
    pitches: int,
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Return (voices, slices): the highest pitches of each slice, and whether they begin there.

    pitch: 1..pitches. begun: which notes begin in the slices at hand, at first[i].
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
    sounds, struck = np.zeros(shape, np.int16), np.zeros(shape, bool)
    sounds[rank, at] = pitches - rows
    struck[rank, at] = begins[at, rows]
    return sounds, struck
