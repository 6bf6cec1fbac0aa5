"""Exclusive and other system messages of a chunk: whether symusic reads them as they stand.

symusic knows no running status after them, takes no data of an escape (0xF7), and does not see what
says that a channel plays drums.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from howlkit.music.midi.container import END_OF_TRACK
from howlkit.music.midi.exact.events import META, SYSEX, number_at, system_event

__all__ = ["AFTER_ONE", "FIRST_OF_ONE", "ORDINARY", "names_yamaha", "status_follows"]

FIRST_OF_ONE, AFTER_ONE = 0xC0, 0xE0
"""The first status byte of an event with one data byte, and the first one after those."""

ORDINARY = re.compile(
    rb"(?:[\x80-\xff]{0,3}[\x00-\x7f]"
    rb"(?:[\x80-\xbf\xe0-\xef]?[\x00-\x7f]{2}"
    rb"|\xff(?:\x51\x03.{3}|\x58\x04.{4}|\x59\x02.{2}|[\x01-\x07]\x00|\x21\x01.)))*+",
    re.DOTALL,
)
"""Events with their waits: notes, controllers, bends, tempos, metres, keys, and empty texts."""

# symusic refuses the system messages that are not here.
_STATUSES = [bytes((status,)) for status in b"\xf0\xf1\xf2\xf3\xf6\xf7\xf8\xfa\xfb\xfc\xfe"]
_WITHOUT_DATA = b"\xf6\xf8\xfa\xfb\xfc\xfe"
_WITH_STATUS = re.compile(rb"[\x80-\xff]{0,3}[\x00-\x7f][\x80-\xef]")

_MESSAGE = re.compile(rb"[\x00-\x7f]{0,126}\xf7")
# What an exclusive message may say: systems in which only banks make drums, and Yamaha's channel
# 10 as drums. The others that begin as messages about drums do.
_NO_DRUMS = re.compile(
    rb"\x7e.\x09|\x43[\x10-\x1f]\x4c(?!\x08)|\x43[\x10-\x1f]\x4c\x08\x09\x07\x01"
    rb"|\x41.\x42\x12\x40\x00|\x43[^\x10-\x1f]",
    re.DOTALL,
)
_YAMAHA = re.compile(rb"\x43[\x10-\x1f]\x4c\x00\x00\x7e")


def names_yamaha(data: bytes, bodies: Sequence[bytes]) -> bool | None:
    """Say whether a file names Yamaha's XG; None if symusic may read a system message wrongly.

    bodies: the contents of its chunks.
    """
    statuses = [status for status in _STATUSES if status in data]
    yamaha = False
    for body in bodies if statuses else ():
        if not (last := _last_system(body, statuses)):
            continue
        messages = _messages(body, last)
        if messages is None:
            return None
        for message in messages:
            if message[:1] in (b"\x41", b"\x43", b"\x7e") and not _NO_DRUMS.match(message):
                return None
            yamaha = yamaha or _YAMAHA.match(message) is not None
    return yamaha


def _last_system(body: bytes, statuses: Sequence[bytes]) -> int:
    """Return the offset after which no system message matters; 0 if none does.

    A status byte comes after the last byte of a wait, which is below 128, and not in the data of a
    tempo or a key signature. One without data is of no matter if a status byte follows.
    """
    last = 0
    for status in statuses:
        at = body.find(status, 1)
        while at > 0:
            if body[at - 1] < 0x80 and not _in_a_map(body, at):
                if status not in _WITHOUT_DATA or not _WITH_STATUS.match(body, at + 1):
                    last = max(last, at)
            at = body.find(status, at + 1)
    return last


def _in_a_map(body: bytes, at: int) -> bool:
    before = body[max(at - 5, 0) : at]
    return b"\xff\x51\x03" in before or b"\xff\x59\x02" in before[-4:]


def _messages(body: bytes, last: int) -> list[bytes] | None:
    """Return the exclusive messages up to an offset; None if there may be other system messages.

    None too if running status follows such a message.
    """
    found, at = [], 0
    try:
        while at <= last:
            if run := ORDINARY.match(body, at, last + 16):
                at = run.end()
            if at > last:
                break
            _, at = number_at(body, at)
            status = body[at]
            if status == META:
                kind, _, at = system_event(body, at)
                if kind == END_OF_TRACK[1]:
                    break
            elif status == SYSEX:
                _, said, at = system_event(body, at)
                if not (_MESSAGE.fullmatch(said) and status_follows(body, at)):
                    return None
                found.append(said)
            elif FIRST_OF_ONE <= status < AFTER_ONE and status_follows(body, at + 2):
                at += 2
            else:
                return None
    except IndexError:
        return None
    return found


def status_follows(body: bytes, at: int) -> bool:
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
