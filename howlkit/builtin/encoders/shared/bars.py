"""Bars on a grid: the metres that an encoder knows, and the bar of each position.

A metre is n/d with d one of 1, 2, 4, 8, 16, and a bar of it lasts 4n/d beats (a beat is a quarter
note), rounded to whole grid positions. A time signature begins a bar where it stands, even in the
middle of a bar, which it cuts short: that is how files write upbeats.

Any other metre is written as one of these. If d is above 16, the nearest n/16 is taken; then, if
the bar is longer than allowed, it is split into as few equal parts as n allows (12/4 into two bars
of 6/4). So bar lines may fall between grid positions, or differ from the file's; notes never move.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import differences, run_ends
from howlkit.music.tables import TIME_SIGNATURE, Table

__all__ = ["COMMON", "Bars", "Changes", "Metres"]

COMMON = (4, 4)
"""The metre until a time signature says otherwise."""

FINEST = 16  # the largest denominator

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Metres:
    """The metres whose bars last at most `longest` beats (4 or more); `grid` positions a beat."""

    grid: int
    longest: int

    @cached_property
    def all(self) -> tuple[tuple[int, int], ...]:
        """Every (numerator, denominator) in order; elsewhere a metre is its index here."""
        denominators = [2**k for k in range(FINEST.bit_length())]
        return tuple((n, d) for d in denominators for n in range(1, self.longest * d // 4 + 1))

    @cached_property
    def lengths(self) -> Column:
        """(metres,): the length of a bar of each, in grid positions; at least 1."""
        n, d = np.array(self.all).T
        return np.asarray(np.maximum(np.rint(4 * n * self.grid / d), 1), np.int64)

    @property
    def common(self) -> int:
        """The index of 4/4."""
        return self.all.index(COMMON)

    @cached_property
    def _written(self) -> Column:
        """(256, 8): the metre that numerator n over denominator 2^k is written as."""
        table = np.zeros((256, 8), np.int64)
        index = {metre: i for i, metre in enumerate(self.all)}
        for k in range(8):
            for n in range(1, 256):
                table[n, k] = index[self._fitted(n, 2**k)]
        return table

    def _fitted(self, n: int, d: int) -> tuple[int, int]:
        if d > FINEST:
            n, d = max(1, (2 * n * FINEST + d) // (2 * d)), FINEST
        parts = next(p for p in range(1, n + 1) if n % p == 0 and 4 * n <= p * self.longest * d)
        return n // parts, d

    def written(self, signatures: Table) -> Column:
        """Return the metre that each of `signatures` (`TIME_SIGNATURE`) is written as."""
        power = np.log2(signatures["denominator"]).astype(np.int64)
        return np.asarray(self._written[signatures["numerator"], power])

    def signatures(self, ticks: Column, metres: Column) -> Table:
        """Return a table of `TIME_SIGNATURE` with these metres, given as indices, at ticks."""
        table = np.zeros(len(ticks), TIME_SIGNATURE)
        table["tick"] = ticks
        table["numerator"], table["denominator"] = np.array(self.all)[metres].T
        return table

    def bars(self, positions: Column, metres: Column) -> Bars:
        """Return the bars of metres that begin at positions, rising or equal; 4/4 before them."""
        start, metre = np.append(0, positions), np.append(self.common, metres)
        last = run_ends(start)  # the last of several at one position counts
        start, metre = start[last], metre[last]
        return Bars(start, metre, self.lengths[metre], self.common)


class Changes(NamedTuple):
    """Values (K,), each from a position of `at` (K,), rising, on; `initial` before the first."""

    at: Column
    values: Column
    initial: int

    @classmethod
    def of(cls, at: Column, values: Column, usual: int) -> Changes:
        """Return the values that differ from the one before, and the value at position 0.

        at: (K,) rising or equal; of several at one position the last counts. usual: the value that
        holds before the first.
        """
        if len(at) > 1:
            last = run_ends(at)
            at, values = at.compress(last), values.compress(last)
        if len(at) and at[0] <= 0:
            usual, at, values = int(values[0]), at[1:], values[1:]
        news = differences(values, usual) != 0
        return cls(at.compress(news), values.compress(news), usual)

    def between(self, first: int, last: int) -> Changes:
        """Return the changes after position `first` up to `last`, and the value at `first`."""
        if not len(self.at):
            return self
        begin, stop = bisect_right(self.at, first), bisect_right(self.at, last)
        holds = int(self.values[begin - 1]) if begin else self.initial
        return Changes(self.at[begin:stop], self.values[begin:stop], holds)


@dataclass(frozen=True)
class Bars:
    """Stretches of bars of one metre, from position 0 on.

    start, metre, length: (S,) where each stretch begins, its metre, the length of its bars. The
    next stretch may cut the last bar of a stretch short. common: the metre that is never written.
    """

    start: Column
    metre: Column
    length: Column
    common: int

    @cached_property
    def _first(self) -> Column:
        """(S,): the number of the first bar of each stretch."""
        bars = -(-np.diff(self.start) // self.length[:-1])
        return np.append(0, np.cumsum(bars))

    @cached_property
    def cut(self) -> Column:
        """(S,): where in the bar before it each stretch cuts that bar short; 0: nowhere."""
        return np.append(0, np.diff(self.start) % self.length[:-1])

    @cached_property
    def changes(self) -> Changes:
        """The stretches that begin with another metre or cut a bar, as changes."""
        news = (np.diff(self.metre) != 0) | (self.cut[1:] > 0)
        stretches = 1 + news.nonzero()[0]
        return Changes(self.start.take(stretches), stretches, 0)

    def locate(self, positions: Column) -> tuple[Column, Column]:
        """Return the number of the bar of each position, and the position within the bar."""
        if len(self.start) == 1:  # the usual case
            return np.divmod(positions, int(self.length[0]))
        stretch = self.start.searchsorted(positions, side="right") - 1
        bars, within = np.divmod(positions - self.start.take(stretch), self.length.take(stretch))
        return self._first.take(stretch) + bars, within
