"""What symusic parses: the file, with a beginning and an end of ours for each chunk.

Each chunk gets them for each channel that may have notes or settings there:

- if the channel's program may be set in another chunk, it first gets one that no event of the chunk
  can set. A track that still has it at the end has no program of its own;
- a marker with our text takes the place of the event that ends the track, so that it is known to be
  one, and the chunk to have come to its last bytes;
- long after the last event (`FAR`) every key is released, and then a note is struck. A note that
  ends there was never released.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

from howlkit.music.midi.container import END_OF_TRACK, StandardFile
from howlkit.music.midi.quick.doubts import NotPlainError, Plain
from howlkit.music.midi.quick.systems import status_follows

__all__ = ["END_TEXT", "FAR", "MANY", "Place", "closed", "probes"]

FAR = 2**27
"""The ticks between the last event of a chunk and the end that it is given."""

MANY = 64
"""How often a key is released that was seen never to be."""

Place = tuple[int, int]
"""A chunk, and a channel in it."""


def _closing(channel: int) -> bytes:
    """Return events that release all keys of a channel and strike one, without the first wait."""
    releases = [bytes((key, 0)) for key in range(128)]
    releases[0] = bytes((0x90 | channel, 0, 0))
    return b"\0".join([*releases, b"\0\1"]) + b"\1\0\0"


END_TEXT = "howlkit"
"""The text of the marker that takes the place of the event that ended the track.

If a chunk's last bytes are no such event, but a wait and data, this marker is not found.
"""

_END_MARK = b"\xff\x06" + bytes((len(END_TEXT),)) + END_TEXT.encode()
_WAIT = b"\xc0\x80\x80\x00"  # of FAR

_CLOSINGS = [_closing(channel) for channel in range(16)]


def probes(said: Plain) -> list[dict[int, int]]:
    """Return by chunk a program for each shared channel that may set one there; none occurs there.

    Raises NotPlainError if a chunk may set any program, or if ours would be the status of its data.
    """
    probes: list[dict[int, int]] = []
    for body, channels in zip(said.bodies, said.channels, strict=True):
        setting = [c for c in channels if c in said.shared and bytes((0xC0 | c,)) in body]
        if setting and not status_follows(body, 0):
            raise NotPlainError
        probes.append({channel: _unused_program(body, 0xC0 | channel) for channel in setting})
    return probes


def _unused_program(body: bytes, status: int) -> int:
    """Return a program above 0 that no event of `status` in a chunk can set.

    Every byte like `status` is taken for an event, and what follows for more of them, with running
    status. Raises NotPlainError if there is no such program.
    """
    used, at, size = {0}, body.find(status), len(body)
    while at >= 0:
        following = at + 1
        while following < size and body[following] < 0x80:  # a program
            used.add(body[following])
            following += 1
            while following < size and body[following] >= 0x80:  # the bytes of a wait
                following += 1
            following += 1
        at = body.find(status, at + 1)
    for program in range(127, 0, -1):
        if program not in used:
            return program
    raise NotPlainError


def closed(
    file: StandardFile,
    said: Plain,
    probes: Sequence[Mapping[int, int]],
    held: Iterable[tuple[Place, int]] = (),
) -> bytes:
    """Return the file with a plain header, a beginning and an end for each chunk.

    held: keys, by their places, that are released many times.
    """
    again: dict[int, list[bytes]] = {}
    for (chunk, channel), key in held:
        again.setdefault(chunk, []).append(bytes((0x90 | channel, key, 0)))
    parts = [struct.pack(">4sIHHH", b"MThd", 6, 1, len(file.chunks), file.ticks_per_beat)]
    for index, (body, channels) in enumerate(zip(said.bodies, said.channels, strict=True)):
        before = b"".join([bytes((0, 0xC0 | c, p)) for c, p in probes[index].items()])
        after = _END_MARK + b"\0" + END_OF_TRACK
        if channels:
            closings = [_CLOSINGS[channel] for channel in channels]
            if index in again:
                closings[:0] = again[index] * MANY
            after = _END_MARK + _WAIT + b"\0".join(closings) + b"\0" + END_OF_TRACK
        size = len(before) + len(body) - len(END_OF_TRACK) + len(after)
        parts += (b"MTrk", struct.pack(">I", size), before, body[: -len(END_OF_TRACK)], after)
    return b"".join(parts)
