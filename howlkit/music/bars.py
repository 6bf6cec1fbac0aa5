"""Bars of a piece: they are counted from 1, and a new time signature begins a new bar."""

from __future__ import annotations

from howlkit.music.piece import Piece

__all__ = ["bar_of_tick", "tick_of_bar"]


def tick_of_bar(piece: Piece, number: int) -> int:
    """Return the tick at which bar `number` begins; bars are counted from 1, also after the end.

    A time signature in the middle of a bar ends that bar.

    >>> tick_of_bar(Piece(ticks_per_beat=480), 3)
    3840
    """
    tick, left = 0, number - 1
    for change in piece.time_signatures["tick"].tolist():
        if change > tick:
            _, bar = piece.bar_at(tick)
            bars = -(-(change - tick) // bar)
            if left < bars:
                return tick + left * bar
            tick, left = change, left - bars
    return tick + left * piece.bar_at(tick)[1]


def bar_of_tick(piece: Piece, tick: int) -> int:
    """Return the number of the bar in which a tick lies; `tick_of_bar` is the way back.

    >>> bar_of_tick(Piece(ticks_per_beat=480), 3840)
    3
    """
    begin, bars = 0, 0
    for change in piece.time_signatures["tick"].tolist():
        if begin < change <= tick:
            bars += -(-(change - begin) // piece.bar_at(begin)[1])
            begin = change
    return bars + (tick - begin) // piece.bar_at(begin)[1] + 1
