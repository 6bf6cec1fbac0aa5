"""Bar lines of a piece: bars are counted from 1, and a new time signature begins a new bar."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from howlkit.music.piece import Piece

__all__ = ["bar_lines", "tick_of_bar"]


def bar_lines(piece: Piece) -> Iterator[int]:
    """Yield the tick of each bar line from tick 0 on, without end.

    A time signature in the middle of a bar ends that bar.

    >>> [*islice(bar_lines(Piece(ticks_per_beat=480)), 3)]
    [0, 1920, 3840]
    """
    metres = [tick for tick in piece.time_signatures["tick"].tolist() if tick > 0]
    tick = 0
    while True:
        yield tick
        begin, length = piece.bar_at(tick)
        following = begin + length
        while metres and metres[0] <= tick:
            metres.pop(0)
        tick = min(following, metres[0]) if metres else following


def tick_of_bar(piece: Piece, number: int) -> int:
    """Return the tick at which bar `number` begins; bars are counted from 1.

    >>> tick_of_bar(Piece(ticks_per_beat=480), 3)
    3840
    """
    return next(islice(bar_lines(piece), number - 1, None))
