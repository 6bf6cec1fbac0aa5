"""The events of a track chunk, one after another, whatever stands in it.

A reading that is exact, and slow: some two million bytes a second. Positions are ticks from the
start of the chunk; offsets are bytes.

- Running status lasts over meta events and system-exclusive messages, as most readers take it.
- An event with an impossible data byte (128 or more) is left out as a whole, and so are data bytes
  before any status byte. Reading goes on after them.
- An event that the chunk cuts short is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from howlkit.errors import MidiError
from howlkit.music.tables import MAX_TICK

__all__ = [
    "EXCLUSIVE",
    "META",
    "SYSEX",
    "Chunk",
    "Message",
    "Meta",
    "events_of",
    "number_at",
    "system_event",
]

SYSEX = 0xF0
"""The kind of a system-exclusive message among `Chunk.others`."""

META = 0xFF
"""The status byte of a meta event."""

EXCLUSIVE = (0xF0, 0xF7)
"""The status bytes of an exclusive message, and of what goes on with one or escapes from it."""

_END_OF_TRACK, _PORT = 0x2F, 0x21
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes of other system messages, else none
_FIRST_OF_ONE, _AFTER_ONE = 0xC0, 0xE0  # program changes and channel pressure: one data byte


class Message(NamedTuple):
    """A channel message other than a note.

    order: how many strokes and releases stand before it in its chunk. channel: 16 times the port,
    plus 0..15. kind: its status without the channel, 0xA0..0xE0. value: the second data byte, or 0.
    """

    tick: int
    order: int
    channel: int
    kind: int
    number: int
    value: int


class Meta(NamedTuple):
    """A meta event, or (kind 0xF0) a system-exclusive message; tick and order as in `Message`."""

    tick: int
    order: int
    kind: int
    data: bytes


@dataclass
class Chunk:
    """What stands in a track chunk.

    ticks, keys, velocities: of each stroke and each release (velocity 0), in their order; a key is
    128 times the channel (as in `Message`) plus the pitch. others: all other events, in their
    order. end: the tick of the end of the track, or of its last event. broken: how many events were
    left out. cut: whether the chunk ends in the middle of an event. after: how many bytes stand
    after the end of the track.
    """

    ticks: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    velocities: list[int] = field(default_factory=list)
    others: list[Message | Meta] = field(default_factory=list)
    end: int = 0
    broken: int = 0
    cut: bool = False
    after: int = 0


def events_of(body: bytes) -> Chunk:
    """Return what stands in a track chunk with these contents.

    Raises MidiError if it runs past MAX_TICK.
    """
    chunk = Chunk()
    try:
        _walk(body, chunk)
    except IndexError:
        chunk.cut = True
    if chunk.end > MAX_TICK:
        raise MidiError(f"runs to tick {chunk.end}; ticks up to {MAX_TICK} are allowed")
    return chunk


def _walk(body: bytes, chunk: Chunk) -> None:
    """Walk over the events up to the end of the track; IndexError where the bytes run out."""
    ticks, keys, velocities = chunk.ticks, chunk.keys, chunk.velocities
    at, status, base, size = 0, 0, 0, len(body)  # base: the key of channel 0 at the present port
    while at < size:
        if (byte := body[at]) < 0x80:
            chunk.end += byte
            at += 1
        else:
            wait, at = number_at(body, at)
            chunk.end += wait
        byte = body[at]
        if byte < 0x80 and not status:  # data of no event
            chunk.broken += 1
            while (byte := body[at]) < 0x80:
                at += 1
        if byte >= 0xF0:
            kind, data, at = system_event(body, at)
            if kind == _END_OF_TRACK:
                chunk.after = size - at
                return
            if kind == _PORT and data:
                base = data[0] << 11
            if kind:
                chunk.others.append(Meta(chunk.end, len(ticks), kind, data))
            continue
        if byte >= 0x80:
            status = byte
            at += 1
        number = body[at]
        if _FIRST_OF_ONE <= status < _AFTER_ONE:
            value = 0
            at += 1
        else:
            value = body[at + 1]
            at += 2
        if number > 127 or value > 127:
            chunk.broken += 1
        elif status < 0xA0:
            ticks.append(chunk.end)
            keys.append(base | (status & 15) << 7 | number)
            velocities.append(value if status >= 0x90 else 0)
        else:
            channel = base >> 7 | status & 15
            chunk.others.append(
                Message(chunk.end, len(ticks), channel, status & 0xF0, number, value)
            )


def system_event(body: bytes, at: int) -> tuple[int, bytes, int]:
    """Return the kind and the data of a meta event or system message, and the offset after it.

    The kind of a meta event is its type, that of an exclusive message 0xF0, that of others 0.
    """
    status = body[at]
    if status == META:
        kind, at = body[at + 1], at + 2
    elif status in EXCLUSIVE:
        kind, at = SYSEX, at + 1
    else:
        return 0, b"", at + 1 + _SYSTEM_BYTES.get(status, 0)
    if kind == _END_OF_TRACK:  # its length is of no use, and may be wrong or missing
        return kind, b"", min(at + 1, len(body))
    length, at = number_at(body, at)
    if at + length > len(body):
        raise IndexError
    return kind, body[at : at + length], at + length


def number_at(body: bytes, at: int) -> tuple[int, int]:
    """Return the variable-length number at an offset, and the offset after its 1 to 4 bytes."""
    value = body[at] & 127
    for last in range(at, at + 3):
        if body[last] < 0x80:
            return value, last + 1
        value = value << 7 | body[last + 1] & 127
    return value, at + 4
