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
from howlkit.music.midi.exact.events import EXCLUSIVE, META, SYSEX, number_at, system_event
from howlkit.music.tables import MAX_TICK

__all__ = ["DRUM_CHANNEL", "NotPlainError", "Plain", "head_program", "plain"]

DRUM_CHANNEL = 9  # counted from 0

_LONGEST = MAX_TICK - 2**28
"""The ticks of a chunk that leave room for what closing.py adds."""

_STRIKE, _CONTROL, _PROGRAM = 0x90, 0xB0, 0xC0
_STRIKES = [(channel, bytes((_STRIKE | channel,))) for channel in range(16)]

# An exclusive message that is followed by a status byte.
_MESSAGE = re.compile(
    rb"\xf0([\x00-\x7f])([\x00-\x7f]*)\xf7(?=[\x80-\xff]{0,3}[\x00-\x7f][\x80-\xff])"
)
# What an exclusive message may say: systems in which only banks make drums, and Yamaha's channel
# 10 as drums. The others that begin as messages about drums do.
_NO_DRUMS = re.compile(
    rb"\x7e.\x09|\x43[\x10-\x1f]\x4c(?!\x08)|\x43[\x10-\x1f]\x4c\x08\x09\x07\x01"
    rb"|\x41.\x42\x12\x40\x00|\x43[^\x10-\x1f]",
    re.DOTALL,
)
# Other system messages, after which symusic knows no running status; it refuses those left out.
_SYSTEM_BYTES = [bytes((status,)) for status in b"\xf1\xf2\xf3\xf6\xf8\xfa\xfb\xfc\xfe"]
_WITH_STATUS = re.compile(rb"[\x80-\xff]{0,3}[\x00-\x7f][\x80-\xef]")
_YAMAHA = re.compile(rb"\x43[\x10-\x1f]\x4c\x00\x00\x7e")

# A tempo whose length is not 3, a time signature that is short or has too large a denominator, a
# short key signature, and any other bytes that look like one.
_WRONG_META = re.compile(
    rb"\xff\x51[^\x03]|\xff\x58(?:[^\x02-\x7f]|[\x02-\x7f].[^\x00-\x07])|\xff\x59[^\x02-\x7f]",
    re.DOTALL,
)
_TEMPO = re.compile(rb"\xff\x51\x03...", re.DOTALL)
_PORT = re.compile(rb"\xff\x21\x01[^\x00]")

# Notes, controllers and bends, tempos, metres and keys; the same up to the end of a chunk.
_ORDINARY = re.compile(
    rb"(?:[\x80-\xff]{0,3}[\x00-\x7f]"
    rb"(?:[\x80-\xbf\xe0-\xef]?[\x00-\x7f]{2}"
    rb"|\xff(?:\x51\x03.{3}|\x58\x04.{4}|\x59\x02.{2}|[\x01-\x07]\x00|\x21\x01.)))*+",
    re.DOTALL,
)
_NO_PROGRAMS = re.compile(
    _ORDINARY.pattern + rb"[\x80-\xff]{0,3}[\x00-\x7f]\xff\x2f\x00",
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
    yamaha = _systems(bodies) if b"\xf0" in data or b"\xf7" in data else False
    if yamaha is None or _WRONG_META.search(data):
        return None
    statuses = [status for status in _SYSTEM_BYTES if status in data]
    if statuses and any(_may_have_systems(body, statuses) for body in bodies):
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
    for body, its in zip(bodies, channels, strict=True):
        if not its and body.find(END_OF_TRACK[:2]) < len(body) - 3:  # closing.py adds nothing here
            return None
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
    one = 0xC0 <= status < 0xE0
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

    programs: its program changes, as status and program. system: whether there is an exclusive
    message. stop: the offset after it.
    """

    programs: list[tuple[int, int]]
    system: bool
    stop: int


def _head(body: bytes) -> _Head | None:
    """Return the head of a chunk, or None if it makes no sense."""
    programs: list[tuple[int, int]] = []
    at, status, size, system = 0, 0, len(body), False
    while at + 2 < size:
        wait, after = number_at(body, at)
        byte = body[after]
        if wait or 0x80 <= byte < 0xA0 or body.startswith(END_OF_TRACK, after):
            return _Head(programs, system, at)
        if byte >= 0xF0:
            kind, _, at = system_event(body, after)
            system = system or kind == SYSEX
            continue
        if byte >= 0x80:
            status, after = byte, after + 1
        elif not status:
            return None
        if status & 0xF0 == 0xC0:
            programs.append((status, body[after]))
        at = after + 1 + (not 0xC0 <= status < 0xE0)
    return None


def _systems(bodies: Sequence[bytes]) -> bool | None:
    """Return whether a chunk names Yamaha's XG; None if a message could be read wrongly.

    symusic takes what follows an exclusive message for its end if that has running status.
    """
    yamaha = False
    for body in bodies:
        said = _messages(body)
        if said is None and not _without_systems(body):
            return None
        for message in said or ():
            if message[:1] in (b"\x41", b"\x43", b"\x7e") and not _NO_DRUMS.match(message):
                return None
            yamaha = yamaha or _YAMAHA.match(message) is not None
    return yamaha


def _may_have_systems(body: bytes, statuses: Sequence[bytes]) -> bool:
    """Say whether a chunk may have a system message that running status follows.

    statuses: the status bytes of such messages that occur in the file.
    """
    last = 0
    for status in statuses:
        at = body.find(status, 1)
        while at > 0:
            if body[at - 1] < 0x80 and not _in_a_map(body, at):
                # From 0xF6 on, such messages have no data.
                if status < b"\xf6" or not _WITH_STATUS.match(body, at + 1):
                    last = max(last, at)
            at = body.find(status, at + 1)
    return last > 0 and not _is_without(body, last)


def _in_a_map(body: bytes, at: int) -> bool:
    """Say whether an offset is in the data of a tempo or of a key signature."""
    before = body[max(at - 5, 0) : at]
    return b"\xff\x51\x03" in before or b"\xff\x59\x02" in before[-4:]


def _is_without(body: bytes, last: int) -> bool:
    """Say whether a chunk has no system messages but exclusive ones, up to the offset `last`."""
    at = 0
    try:
        while at <= last:
            if run := _ORDINARY.match(body, at, last + 16):
                at = run.end()
            if at > last:
                return True
            _, at = number_at(body, at)
            if body[at] in (META, *EXCLUSIVE):
                kind, _, at = system_event(body, at)
                if kind == END_OF_TRACK[1]:
                    return True
            elif 0xC0 <= body[at] < 0xE0 and _status_follows(body, at + 2):
                at += 2
            else:
                return False
    except IndexError:
        return False
    return True


def _messages(body: bytes) -> list[bytes] | None:
    """Return the exclusive messages of a chunk; None if bytes look like others.

    A status byte comes after the last byte of a wait, which is below 128, and not in a tempo.
    """
    found, stops = [], set()
    for status in EXCLUSIVE:
        at = body.find(status)
        while at >= 0:
            in_wait = at > 0 and body[at - 1] >= 0x80
            if not (in_wait or at in stops or _in_a_map(body, at)):
                message = _MESSAGE.match(body, at)
                if message is None or message[1][0] != len(message[2]) + 1:
                    return None
                if not _status_follows(body, message.end()):
                    return None
                found.append(message[2])
                stops.add(message.end() - 1)
            at = body.find(status, at + 1)
    return found


def _status_follows(body: bytes, at: int) -> bool:
    """Say whether the first event from an offset on that is no meta event has a status byte."""
    try:
        while True:
            _, at = number_at(body, at)
            if body[at] != META:
                return body[at] >= 0x80
            kind, _, at = system_event(body, at)
            if kind == END_OF_TRACK[1]:
                return True
    except IndexError:
        return False


def _without_systems(body: bytes) -> bool:
    """Say whether a chunk has no exclusive message, though bytes look like one."""
    try:
        head = _head(body)
    except IndexError:
        return False
    if head is None or head.system:
        return False
    return _NO_PROGRAMS.fullmatch(body, head.stop) is not None


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
