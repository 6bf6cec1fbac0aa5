"""MIDI files made by hand, a byte at a time."""

import struct

from howlkit.music import midi

EVERYTHING = midi.Limits(max_seconds=float("inf"), max_beats=float("inf"))
"""No limit on length."""

END = b"\xff\x2f\x00"


def wait(ticks):
    """Return a delta time as the standard spells it."""
    out = [ticks & 127]
    while ticks := ticks >> 7:
        out.append(ticks & 127 | 128)
    return bytes(reversed(out))


def chunk(*events, end=END):
    """Return a track chunk of (tick, bytes); those of one tick keep their order."""
    body, now = b"", 0
    for tick, data in sorted(events, key=lambda event: event[0]):
        body, now = body + wait(tick - now) + bytes(data), tick
    body += b"\0" + end if end else b""
    return b"MTrk" + struct.pack(">I", len(body)) + body


def file(*chunks, form=1, division=480, extra=b""):
    head = struct.pack(">4sIHHH", b"MThd", 6 + len(extra), form, len(chunks), division)
    return head + extra + b"".join(chunks)


def on(tick, pitch, velocity=80, channel=0):
    return tick, (0x90 | channel, pitch, velocity)


def off(tick, pitch, channel=0):
    return tick, (0x80 | channel, pitch, 0)


ONE_NOTE = chunk(on(0, 60), off(480, 60))


def rows(piece):
    return [tuple(int(value) for value in row) for row in piece.notes]
