"""The bytes of a MIDI file: from the disk to a plain Standard MIDI File that symusic reads."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass

from howlkit.errors import MidiError, printable
from howlkit.music.midi.limits import Limits, too_big

__all__ = [
    "END_OF_TRACK",
    "StandardFile",
    "check_file",
    "chunks_of",
    "load",
    "standard_file",
]

END_OF_TRACK = b"\xff\x2f\x00"
_HEADER = 14  # bytes before the first chunk of a standard file
_MOST_CHUNKS = 2**16 - 1  # that a header can count
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)  # Windows would translate line ends


@dataclass(frozen=True)
class StandardFile:
    """A plain Standard MIDI File, and what had to be changed to make it one.

    data: with a header of 14 bytes that counts ticks a beat, and all chunks that are there.
    beat: seconds a beat of a file that counted ticks a second, else None.
    promised: how many track chunks the file's own header counts.
    """

    data: bytes
    beat: float | None
    promised: int


def check_file(path: str | os.PathLike[str], limits: Limits) -> int:
    """Return the bytes of a file; MidiError unless it is a regular one of allowed size.

    Nothing is opened. Raises OSError, and ValueError for a path that none can be.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise MidiError(f"{printable(path)} is {kind}, not a file of music")
    if status.st_size > limits.max_bytes:
        raise MidiError(too_big(printable(path), status.st_size, limits))
    return status.st_size


def load(path: str | os.PathLike[str], limits: Limits) -> bytes:
    """Return the bytes of a regular file of allowed size; nothing else is ever opened."""
    try:
        size = check_file(path, limits)
        file = os.open(path, _READ)  # in half the time of open(), which counts for small files
        try:
            # One byte more shows that it grew. (A buffer of max_bytes costs more than the reading.)
            data = os.read(file, size + 1)
            while len(data) != size and (more := os.read(file, limits.max_bytes + 1 - len(data))):
                data += more
            return data
        finally:
            os.close(file)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise MidiError(f"{printable(path)} cannot be read: {reason}") from error


def standard_file(data: bytes) -> StandardFile:
    """Return the file as symusic can read it whole.

    Raises MidiError with the cause alone; the caller names the file.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = _unwrap(data)
    if data[:4] != b"MThd":
        what = "it is empty" if not data else f"it begins with {data[:4]!r}, not b'MThd'"
        raise MidiError(f"is not a MIDI file: {what}")
    if len(data) < _HEADER:
        raise MidiError(f"is cut short: a header has 14 bytes, this file {len(data)}")
    length, form, promised, division = struct.unpack_from(">IHHH", data, 4)
    if length < 6 or 8 + length > len(data):
        raise MidiError(f"has a header of {length} bytes; 6 or more that are there are allowed")
    division, beat = _ticks_a_beat(division)
    if length > 6:
        data = data[:_HEADER] + data[8 + length :]
    # symusic reads as many as the header counts, and what stands after them is music too.
    whole = sum([stop <= len(data) for _, stop in chunks_of(data)])
    chunks = max(promised, min(whole, _MOST_CHUNKS))
    if form > 2 or (form == 2 and chunks > 1):
        raise MidiError(
            f"is of format {form} with {chunks} tracks; formats 0 and 1 can be read "
            "(format 2 holds independent pieces: save each as a file of its own)"
        )
    header = struct.pack(">4sIHHH", b"MThd", 6, form, chunks, division)
    if not data.startswith(header):
        data = header + data[_HEADER:]
    return StandardFile(data, beat, promised)


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
    at = _HEADER
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(">4sI", data, at)
        if kind == b"MThd":  # another file, stuck to the end of this one
            break
        if kind == b"MTrk":
            found.append((at + 8, at + 8 + size))
        at += 8 + size
    return found
