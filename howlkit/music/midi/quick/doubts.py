"""Whether a MIDI file is plain: symusic reads it as the exact reader does. Told from its bytes.

The looks are quick, since every file is looked at; where one cannot tell, the file counts as not
plain. A byte of 128 or more is a status byte, or belongs to a wait, a meta event or an exclusive
message; so a status byte that does not occur says that no such event does. Before a status byte
stands the last byte of a wait, which is below 128, and so are the data bytes after it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from howlkit.music.midi.container import END_OF_TRACK, StandardFile
from howlkit.music.midi.exact.events import number_at, system_event
from howlkit.music.midi.quick.systems import (
    AFTER_ONE,
    FIRST_OF_ONE,
    ORDINARY,
    names_yamaha,
    status_follows,
)
from howlkit.music.tables import MAX_TICK

__all__ = ["DRUM_CHANNEL", "NotPlainError", "Plain", "head_program", "plain"]

DRUM_CHANNEL = 9  # counted from 0

_LONGEST = MAX_TICK - 2**28
"""The ticks of a chunk that leave room for what closing.py adds."""

_STRIKE, _CONTROL, _PROGRAM = 0x90, 0xB0, 0xC0
_STRIKES = [(channel, bytes((_STRIKE | channel,))) for channel in range(16)]

# A tempo whose length is not 3, a time signature that is short or has too large a denominator, a
# short key signature, and any other bytes that look like one.
_WRONG_META = re.compile(
    rb"\xff\x51[^\x03]|\xff\x58(?:[^\x02-\x7f]|[\x02-\x7f].[^\x00-\x07])|\xff\x59[^\x02-\x7f]",
    re.DOTALL,
)
_TEMPO = re.compile(rb"\xff\x51\x03...", re.DOTALL)
_PORT = re.compile(rb"\xff\x21\x01[^\x00]")

# Ordinary events up to the end of a chunk.
_NO_PROGRAMS = re.compile(
    ORDINARY.pattern + rb"[\x80-\xff]{0,3}[\x00-\x7f]\xff\x2f\x00",
    re.DOTALL,
)


class NotPlainError(Exception):
    """The file has something that symusic does not read as the exact reader does."""


class Plain(NamedTuple):
    """What was told from the bytes of a plain file.

    bodies: the contents of each chunk. channels: for each, those (0..15), rising, that may have
    notes there, or settings that count for notes elsewhere. shared: the channels with settings that
    may count for notes elsewhere. yamaha: whether Yamaha's banks say what is a drum.
    """

    bodies: list[bytes]
    channels: list[list[int]]
    shared: frozenset[int]
    yamaha: bool


def plain(file: StandardFile) -> Plain | None:
    """Return what can be told from the bytes of a file; None if it may not be plain.

    The file's header and chunks are whole.
    """
    data, bodies = file.data, file.bodies()
    if _longest(data) > _LONGEST and any(_longest(_TEMPO.sub(b"", b)) > _LONGEST for b in bodies):
        return None
    if _PORT.search(data):
        return None
    yamaha = names_yamaha(data, bodies)
    if yamaha is None or _WRONG_META.search(data):
        return None
    for body in bodies:
        if not body.endswith(END_OF_TRACK):
            return None
    channels = [
        [c for c, strike in _STRIKES if strike in body and _may_occur(_STRIKE | c, body)]
        for body in bodies
    ]
    shared: frozenset[int] = frozenset()
    if len(bodies) > 1:
        channels, shared = _with_settings(bodies, channels)
    return Plain(bodies, channels, shared, yamaha)


def _with_settings(
    bodies: Sequence[bytes], channels: list[list[int]]
) -> tuple[list[list[int]], frozenset[int]]:
    """Return the channels of each chunk with those that have settings there, and `Plain.shared`.

    channels: those with notes, by chunk. The settings of a channel stay where they are if they
    stand in the only chunk that has its notes.
    """
    noted: dict[int, list[int]] = {}
    for index, its in enumerate(channels):
        for channel in its:
            noted.setdefault(channel, []).append(index)
    shared = set()
    for channel, chunks in noted.items():
        control, program = _CONTROL | channel, _PROGRAM | channel
        setting = [
            index
            for index, body in enumerate(bodies)
            if _may_occur(control, body) or _may_occur(program, body)
        ]
        if setting and (len(chunks) > 1 or setting != chunks):
            shared.add(channel)
            for index in setting:
                if index not in chunks:
                    channels[index] = sorted([*channels[index], channel])
    return channels, frozenset(shared)


def _may_occur(status: int, body: bytes, begin: int = 0) -> bool:
    """Say whether an event with a status byte may stand in a chunk from an offset on."""
    one = FIRST_OF_ONE <= status < AFTER_ONE
    at = body.find(status, begin + 1)
    while at >= 0:
        if body[at - 1] < 0x80 and body[at + 1] < 0x80 and (one or body[at + 2] < 0x80):
            return True
        at = body.find(status, at + 1)
    return False


def head_program(body: bytes, channel: int) -> int | None:
    """Return the program that a chunk sets for a channel, if only before its first note, at tick 0.

    None if it may set another one later.
    """
    head = _head(body)
    if head is None:
        return None
    # After the head, the first of a row of program changes has a status byte.
    later = _may_occur(_PROGRAM | channel, body, head.stop)
    if later and not _NO_PROGRAMS.fullmatch(body, head.stop):
        return None
    its = [program for status, program in head.programs if status & 15 == channel]
    return its[-1] if its else None


class _Head(NamedTuple):
    """The events of a chunk before its first note or its first wait.

    programs: its program changes, as status and program. stop: the offset after it. Running status
    after it has two data bytes.
    """

    programs: list[tuple[int, int]]
    stop: int


def _head(body: bytes) -> _Head | None:
    """Return the head of a chunk, or None if it, or what follows, may make no sense."""
    programs: list[tuple[int, int]] = []
    at, status, size = 0, 0, len(body)
    while at + 2 < size:
        wait, after = number_at(body, at)
        byte = body[after]
        if wait or 0x80 <= byte < 0xA0 or body.startswith(END_OF_TRACK, after):
            if FIRST_OF_ONE <= status < AFTER_ONE and not status_follows(body, at):
                return None
            return _Head(programs, at)
        if byte >= 0xF0:
            _, _, at = system_event(body, after)
            continue
        if byte >= 0x80:
            status, after = byte, after + 1
        elif not status:
            return None
        if status & 0xF0 == 0xC0:
            programs.append((status, body[after]))
        at = after + 1 + (not FIRST_OF_ONE <= status < AFTER_ONE)
    return None


def _longest(data: bytes) -> int:
    """Return an upper bound on the ticks of any chunk, in a small part of the time of parsing.

    A delta time has its high bit set in all bytes but the last. So a delta time of three bytes
    shows as two such bytes in a row, one of four as three. Other bytes may look like that, which
    makes this a bound.
    """
    codes = np.frombuffer(data, np.uint8)
    high = codes >= 0x80
    two = high[1:] & high[:-1]
    if len(data) < 2**18:
        short = len(data) // 3 << 14  # the most: events of three bytes, waits of two
    else:
        short = len(data) * 127 + (int((codes[high] & 127).sum(dtype=np.int64)) << 7)
    pairs = int(np.count_nonzero(two))
    # Three in a row are rarer than two, so first assume as many.
    three = pairs
    if short + (pairs << 21) + (three << 28) > MAX_TICK:
        three = int(np.count_nonzero(two[1:] & high[:-2]))
    return short + (pairs << 21) + (three << 28)
