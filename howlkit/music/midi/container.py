"""The bytes of a MIDI file: from the disk to a plain Standard MIDI File that symusic reads."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass

from howlkit.errors import MidiError, printable
from howlkit.music.midi.compressed import unpacked
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
_MOST_CHUNKS = 2**16 - 1  # the most that a header can count
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)  # Windows would translate line ends


@dataclass(frozen=True)
class StandardFile:
    """A plain Standard MIDI File, and what was changed to make it one.

    data: the bytes, with a header of 14 bytes in ticks a beat that counts all chunks.
    beat: the seconds of a beat if the file counted ticks a second, else None.
    promised: how many track chunks the file's own header counts.
    """

    data: bytes
    beat: float | None
    promised: int


def check_file(path: str | os.PathLike[str], limits: Limits) -> int:
    """Return the size of a file in bytes; MidiError unless it is a regular file of allowed size.

    Nothing is opened. Raises OSError, and ValueError for an impossible path.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise MidiError(f"{printable(path)} is {kind}, not a file of music")
    if status.st_size > limits.max_bytes:
        raise MidiError(too_big(printable(path), status.st_size, limits))
    return status.st_size


def load(path: str | os.PathLike[str], limits: Limits) -> bytes:
    """Return the contents of a regular file of allowed size; MidiError for anything else."""
    try:
        size = check_file(path, limits)
        file = os.open(path, _READ)  # in half the time of open(), which counts for small files
        try:
            # One byte more shows that the file grew. (A buffer of max_bytes is slower.)
            data = os.read(file, size + 1)
            while len(data) != size and (more := os.read(file, limits.max_bytes + 1 - len(data))):
                data += more
            return unpacked(data, path, limits)
        finally:
            os.close(file)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise MidiError(f"{printable(path)} cannot be read: {reason}") from error


def standard_file(data: bytes) -> StandardFile:
    """Return a file as symusic reads all of it.

    Raises MidiError with the cause; the caller adds the name of the file.
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
    # symusic reads as many chunks as the header counts, but those after them are music too.
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
    """Return the ticks of a beat, and for an SMPTE division the seconds of a beat (else None).

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
    """Return the byte at which the contents of each track chunk begin, and the one after them."""
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
