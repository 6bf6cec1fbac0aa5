"""The bytes of a MIDI file: from the disk to a plain Standard MIDI File that symusic reads."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass

import numpy as np

from howlkit.errors import MidiError, printable
from howlkit.piece import (
    MAX_TICK,
)

__all__ = [
    "END_OF_TRACK",
    "Limits",
    "check_ticks",
    "chunks_of",
    "load",
    "standard_file",
    "too_big",
]

END_OF_TRACK = b"\xff\x2f\x00"


@dataclass(frozen=True)
class Limits:
    """How big a file may be before it is refused; guards against files made to do harm.

    max_bytes: size of the file. max_seconds, max_beats: from its start to the end of its last note.
    max_notes: how many notes.
    """

    max_bytes: int = 64 * 2**20
    max_seconds: float = 6 * 3600.0
    max_beats: float = 200_000.0
    max_notes: int = 5_000_000


def load(path: str | os.PathLike[str], limits: Limits) -> bytes:
    """Return the bytes of a regular file of allowed size; nothing else is ever opened."""
    shown = printable(path)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise MidiError(f"{shown} is {kind}, not a MIDI file")
        if status.st_size > limits.max_bytes:
            raise MidiError(too_big(shown, status.st_size, limits))
        with open(path, "rb") as file:
            return file.read(limits.max_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise MidiError(f"{shown} cannot be read: {reason}") from error


def too_big(shown: str, size: int, limits: Limits) -> str:
    """Return the words for a file over the limit."""
    return (
        f"{shown} has {size} bytes; at most {limits.max_bytes} are read "
        "(a higher max_bytes allows more)"
    )


def standard_file(data: bytes) -> tuple[bytes, float | None]:
    """Return the file with a six-byte header and ticks a beat, and seconds a beat if it had none.

    Raises MidiError with the cause alone; the caller names the file.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = _unwrap(data)
    if data[:4] != b"MThd":
        what = "it is empty" if not data else f"it begins with {data[:4]!r}, not b'MThd'"
        raise MidiError(f"is not a MIDI file: {what}")
    if len(data) < 14:
        raise MidiError(f"is cut short: a header has 14 bytes, this file {len(data)}")
    length, form, chunks, division = struct.unpack(">IHHH", data[4:14])
    if length < 6 or 8 + length > len(data):
        raise MidiError(f"has a header of {length} bytes; 6 or more that are there are allowed")
    if form > 2 or (form == 2 and chunks > 1):
        raise MidiError(
            f"is of format {form} with {chunks} tracks; formats 0 and 1 can be read "
            "(format 2 holds independent pieces: save each as a file of its own)"
        )
    division, beat = _ticks_a_beat(division)
    if length == 6 and beat is None:
        return data, None
    header = struct.pack(">4sIHHH", b"MThd", 6, form, chunks, division)
    return header + data[8 + length :], beat


def _unwrap(data: bytes) -> bytes:
    """Return the MIDI file in a RIFF file of type RMID: the contents of its 'data' chunk."""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack("<4sI", data[at : at + 8])
        if kind == b"data":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2  # chunks start at even positions
    raise MidiError("is an RMID file without a 'data' chunk")


def _ticks_a_beat(division: int) -> tuple[int, float | None]:
    """Return ticks a beat, and for an SMPTE division the seconds of a beat (else None).

    The high byte of an SMPTE division is minus the frames a second, the low one ticks a frame.
    """
    if division < 0x8000:
        if division == 0:
            raise MidiError("has 0 ticks a beat; 1..32767 are allowed")
        return division, None
    frames, ticks = 256 - (division >> 8), division & 255
    if frames not in (24, 25, 29, 30) or ticks == 0:
        raise MidiError(
            f"counts {frames} frames a second of {ticks} ticks; SMPTE has 24, 25, 29 (for 29.97) "
            "or 30 frames, of 1 tick or more"
        )
    return (30 * ticks, 1.001) if frames == 29 else (frames * ticks, 1.0)


def chunks_of(data: bytes) -> list[tuple[int, int]]:
    """Return where the contents of each track chunk of a standard file begin and stop, in bytes."""
    found: list[tuple[int, int]] = []
    at = 14
    while at + 8 <= len(data):
        kind, size = struct.unpack(">4sI", data[at : at + 8])
        if kind == b"MTrk":
            found.append((at + 8, at + 8 + size))
        at += 8 + size
    return found[: int.from_bytes(data[10:12], "big")]


def check_ticks(data: bytes) -> None:
    """Refuse a standard file that runs past MAX_TICK, where symusic's 32-bit ticks wrap round."""
    if _longest(data) <= MAX_TICK:
        return
    for start, stop in chunks_of(data):
        tick = _last_tick(data[start:stop])
        if tick > MAX_TICK:
            raise MidiError(f"runs to tick {tick}; ticks up to {MAX_TICK} are allowed")


def _longest(data: bytes) -> int:
    """Return a bound on the ticks of any chunk, in a small part of the time of parsing.

    A delta time has its high bit set in all bytes but the last, so one of three bytes shows as two
    such bytes in a row, one of four as three. (Other bytes may look like it: hence a bound.)
    """
    codes = np.frombuffer(data, np.uint8)
    high = codes >= 0x80
    two = high[1:] & high[:-1]
    three = int(np.count_nonzero(two[1:] & high[:-2]))
    if len(data) < 2**18:
        short = len(data) // 3 << 14  # events of three bytes, waits of two: the most there can be
    else:
        short = len(data) * 127 + (int((codes[high] & 127).sum(dtype=np.int64)) << 7)
    return short + (int(np.count_nonzero(two)) << 21) + (three << 28)


def _last_tick(body: bytes) -> int:
    """Return the tick of the last event of a chunk's contents, as far as they are whole."""
    at = tick = size = 0
    try:
        while at < len(body):
            wait, at = _number(body, at)
            tick += wait
            status = body[at]
            if status < 0x80:  # running status: the bytes of the last event's kind
                at += size or 1
            elif status < 0xF0:
                size = 1 if 0xC0 <= status < 0xE0 else 2
                at += 1 + size
            elif body[at : at + 2] == END_OF_TRACK[:2]:
                break
            else:  # a meta event has a type, then, as system exclusive messages, a length
                length, at = _number(body, at + 1 + (status == 0xFF))
                at += length
    except IndexError:
        pass  # cut short: symusic says so
    return tick


def _number(body: bytes, at: int) -> tuple[int, int]:
    """Return the variable-length number at a position, and the position after its 1 to 4 bytes."""
    value = body[at] & 127
    for last in range(at, at + 3):
        if body[last] < 0x80:
            return value, last + 1
        value = value << 7 | body[last + 1] & 127
    return value, at + 4
