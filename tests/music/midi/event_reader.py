"""A plain reader of MIDI files, written from the standard alone, to compare howlkit with.

It walks the bytes of each chunk, merges all chunks by tick (at one tick: in the order of the file),
and plays the events as a synthesizer with one port would: programs and notes count for a channel,
and a note ends at the first note-off of its channel and key. Slow, and short enough to be checked
by eye. What is damaged raises ValueError or IndexError.
"""

from collections import defaultdict, deque
from typing import NamedTuple


class Event(NamedTuple):
    """An event: its tick, its chunk, its status byte (0xFF for metas), and its data bytes.

    The first data byte of a meta event is its type.
    """

    tick: int
    chunk: int
    status: int
    data: bytes


class Note(NamedTuple):
    start: int
    end: int
    channel: int
    key: int
    velocity: int
    program: int  # of the channel when the note begins
    chunk: int


def number(data, at):
    """Return a variable-length number and the offset after it."""
    value = 0
    while True:
        value = value << 7 | data[at] & 127
        at += 1
        if data[at - 1] < 128:
            return value, at


def chunk_events(body, chunk):
    """Yield the events of a track chunk."""
    at = tick = status = 0
    while at < len(body):
        delta, at = number(body, at)
        tick += delta
        first = body[at]
        if first in (0xF0, 0xF7, 0xFF):
            begin = at + 1 + (first == 0xFF)
            length, content = number(body, begin)
            yield Event(tick, chunk, first, body[at + 1 : begin] + body[content : content + length])
            at = content + length
            continue
        if first >= 0x80:  # otherwise running status, which metas and SysEx leave as it was
            status, at = first, at + 1
        if not 0x80 <= status < 0xF0:
            raise ValueError(f"no status at byte {at} of chunk {chunk}")
        size = 1 if status >> 4 in (0xC, 0xD) else 2
        yield Event(tick, chunk, status, body[at : at + size])
        at += size


def division(data):
    """Return the ticks of a beat."""
    return int.from_bytes(data[12:14], "big")


def events(data):
    """Return the events of all track chunks, merged."""
    at, found, chunk = 8 + int.from_bytes(data[4:8], "big"), [], 0
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk":
            found += chunk_events(data[at + 8 : at + 8 + size], chunk)
            chunk += 1
        at += 8 + size
    return sorted(found, key=lambda event: event.tick)  # stable


def notes(data):
    """Return the notes that end, in the order of (channel, key, start)."""
    return played(events(data))


def played(events):
    """Return the notes of events that come by tick, as `notes` does for those of a file."""
    programs, sounding, found = defaultdict(int), defaultdict(deque), []
    for event in events:
        kind, channel = event.status >> 4, event.status & 15
        if kind == 0xC:
            programs[channel] = event.data[0]
        elif kind in (0x8, 0x9):
            key, velocity = event.data
            waiting = sounding[channel, key]
            if kind == 0x9 and velocity:
                waiting.append((event, programs[channel]))
            elif waiting:
                on, program = waiting.popleft()
                note = (on.tick, event.tick, channel, key, on.data[1], program, on.chunk)
                found.append(Note(*note))
    return sorted(found, key=lambda note: (note.channel, note.key, note.start))


def controls(data):
    """Return (tick, channel, number, value) of all controllers; 128 is the bend, 129 pressure."""
    found = []
    for tick, _, status, values in events(data):
        kind, channel = status >> 4, status & 15
        if kind == 0xB:
            found.append((tick, channel, *values))
        elif kind == 0xE:
            found.append((tick, channel, 128, values[0] | values[1] << 7))
        elif kind == 0xD:
            found.append((tick, channel, 129, values[0]))
    return found


def metas(data, *kinds):
    """Return (tick, chunk, type, bytes) of the meta events of these types."""
    return [
        (event.tick, event.chunk, event.data[0], event.data[1:])
        for event in events(data)
        if event.status == 0xFF and event.data[0] in kinds
    ]
