"""The events of a track chunk, as far as what symusic lets pass has to be found before it parses.

Positions are ticks; offsets are bytes from the start of a chunk's contents. Events are walked only
in chunks that a quick look at all bytes makes suspicious: the walk takes longer than the parsing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from howlkit.errors import MidiError
from howlkit.music.midi.container import END_OF_TRACK, chunks_of
from howlkit.music.tables import MAX_TICK

__all__ = ["check_metas", "check_ticks"]

_META, _TEMPO, _TIME_SIGNATURE = 0xFF, 0x51, 0x58
_TEMPO_BYTES = 3
_MOST_POWER = 7  # of two, of a time signature's denominator: 128
_WITH_LENGTH = (0xF0, 0xF7, _META)
_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # of system messages; the others have none

# A tempo whose length is not 3 or a time signature that is short or has too large a denominator;
# also whatever other bytes look so.
_SUSPECT = re.compile(
    rb"\xff\x51[^\x03]|\xff\x58(?:[^\x02-\x7f]|[\x02-\x7f].[^\x00-\x07])", re.DOTALL
)


class _Event(NamedTuple):
    """One event: its tick, its status byte (0: running status), and where it stands."""

    tick: int
    status: int
    at: int


def check_ticks(data: bytes) -> None:
    """Refuse a standard file that runs past MAX_TICK, where symusic's 32-bit ticks wrap round."""
    if _longest(data) <= MAX_TICK:
        return
    for start, stop in chunks_of(data):
        body = data[start:stop]
        if _longest(body) <= MAX_TICK:  # mostly it is the bytes of tempos alone that look long
            continue
        tick = max((event.tick for event in _events(body)), default=0)
        if tick > MAX_TICK:
            raise MidiError(f"runs to tick {tick}; ticks up to {MAX_TICK} are allowed")


def check_metas(data: bytes) -> None:
    """Refuse tempos and time signatures that symusic reads wrongly: of another length, or wrapped.

    It takes the bytes that follow for the missing ones, and 2 ** power for 2 ** (power % 32).
    """
    if not _SUSPECT.search(data):
        return
    for start, stop in chunks_of(data):
        body = data[start:stop]
        for event in _events(body):
            if event.status == _META:
                _check_meta(body[event.at + 1 : event.at + 5])


def _check_meta(meta: bytes) -> None:
    """Refuse a meta event by what follows its status: type, length (one byte), numbers."""
    kind, length, numerator, power = meta.ljust(4, b"\0")
    if kind == _TEMPO and length != _TEMPO_BYTES:
        raise MidiError(f"has a tempo of {length} bytes; tempos have {_TEMPO_BYTES}")
    if kind == _TIME_SIGNATURE and not 2 <= length < 0x80:
        raise MidiError(f"has a time signature of {length} bytes; 2 or more are needed")
    if kind == _TIME_SIGNATURE and power > _MOST_POWER:
        raise MidiError(
            f"has a time signature {numerator}/2^{power}; the denominators 1, 2, 4 .. "
            f"{2**_MOST_POWER} (2^{_MOST_POWER}) are allowed"
        )


def _longest(data: bytes) -> int:
    """Return a bound on the ticks of any chunk, in a small part of the time of parsing.

    A delta time has its high bit set in all bytes but the last, so one of three bytes shows as two
    such bytes in a row, one of four as three. (Other bytes may look like it: hence a bound.)
    """
    codes = np.frombuffer(data, np.uint8)
    high = codes >= 0x80
    two = high[1:] & high[:-1]
    if len(data) < 2**18:
        short = len(data) // 3 << 14  # events of three bytes, waits of two: the most there can be
    else:
        short = len(data) * 127 + (int((codes[high] & 127).sum(dtype=np.int64)) << 7)
    pairs = int(np.count_nonzero(two))
    # Of three in a row there are fewer than of two: mostly too few to matter.
    three = pairs
    if short + (pairs << 21) + (three << 28) > MAX_TICK:
        three = int(np.count_nonzero(two[1:] & high[:-2]))
    return short + (pairs << 21) + (three << 28)


def _events(body: bytes) -> Iterator[_Event]:
    """Yield the events of a chunk's contents up to its end, as far as they are whole.

    After what is cut short there is nothing: symusic says so.
    """
    at = tick = size = 0
    while at < len(body):
        try:
            wait, at = _number(body, at)
            tick += wait
            status, begin = body[at], at
            if status < 0x80:  # running status: the bytes of the last event's kind
                status, at = 0, at + (size or 1)
            elif status < 0xF0:
                size = 1 if 0xC0 <= status < 0xE0 else 2
                at += 1 + size
            elif body[at : at + 2] == END_OF_TRACK[:2]:
                at = len(body)
            elif status in _WITH_LENGTH:  # a meta event has a type before the length
                length, at = _number(body, at + 1 + (status == _META))
                at += length
            else:
                at += 1 + _DATA_BYTES.get(status, 0)
        except IndexError:
            return
        yield _Event(tick, status, begin)


def _number(body: bytes, at: int) -> tuple[int, int]:
    """Return the variable-length number at a position, and the position after its 1 to 4 bytes."""
    value = body[at] & 127
    for last in range(at, at + 3):
        if body[last] < 0x80:
            return value, last + 1
        value = value << 7 | body[last + 1] & 127
    return value, at + 4
