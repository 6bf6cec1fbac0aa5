"""The bytes of a MIDI file: from the disk to its header and its track chunks, mended if need be."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass

from howlkit.errors import MidiError, printable
from howlkit.music.midi.compressed import unpacked
from howlkit.music.midi.limits import Limits, too_big

__all__ = ["END_OF_TRACK", "StandardFile", "check_file", "load", "standard_file"]

END_OF_TRACK = b"\xff\x2f\x00"
_HEADER = 14  # bytes before the first chunk of a standard file
_MOST_CHUNKS = 2**16 - 1  # the most that a header can count
_FRONT = 1024  # bytes before the header that are skipped: mail and old Macintosh files have some
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)  # Windows would translate line ends


@dataclass(frozen=True)
class StandardFile:
    """The parts of a Standard MIDI File.

    data: the bytes. chunks: where in them the contents of each track chunk begin and end.
    ticks_per_beat: the resolution. beat: the seconds of a beat if the file counts ticks a second,
    else None. repairs: the number of each of `REPAIRS` that this took.
    sound: whether header and chunks are as the standard has them, none cut or missing.
    """

    data: bytes
    chunks: list[tuple[int, int]]
    ticks_per_beat: int
    beat: float | None
    repairs: dict[str, int]

    @property
    def sound(self) -> bool:
        """Whether header and chunks are as the standard has them, none cut short."""
        return not self.repairs

    def bodies(self) -> list[bytes]:
        """Return the contents of each track chunk."""
        return [self.data[start:stop] for start, stop in self.chunks]


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
    """Return the parts of a file.

    Damage to lengths costs only what stands there. Raises MidiError with the cause if there is no
    header, if its resolution makes no sense, or if it holds several pieces (format 2); the caller
    adds the name of the file.
    """
    repairs: dict[str, int] = {}
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = _unwrap(data)
    if data[:4] != b"MThd":
        data = _without_front(data)
        repairs["bytes_before_header"] = 1
    if len(data) < _HEADER:
        raise MidiError(f"is cut short: a header has 14 bytes, this file {len(data)}")
    length, form, promised, division = struct.unpack_from(">IHHH", data, 4)
    ticks_per_beat, beat = _ticks_a_beat(division)
    first = 8 + length
    if length < 6 or not (first == len(data) or _begins_chunk(data, first)):
        repairs["wrong_chunk_lengths"] = 1
        first = max(data.find(b"MTrk"), _HEADER)
    chunks = _chunks(data, first, promised, repairs)
    if form == 2 and max(promised, len(chunks)) > 1:
        raise MidiError(
            f"is of format 2 with {max(promised, len(chunks))} tracks; formats 0 and 1 can be read "
            "(format 2 holds independent pieces: save each as a file of its own)"
        )
    if form > 2:
        repairs["unknown_formats"] = 1
    if missing := promised - len(chunks):
        repairs["missing_chunks" if missing > 0 else "surplus_chunks"] = abs(missing)
    return StandardFile(data, chunks, ticks_per_beat, beat, repairs)


def _unwrap(data: bytes) -> bytes:
    """Return the MIDI file in a RIFF file of type RMID: the contents of its 'data' chunk."""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack("<4sI", data[at : at + 8])
        if kind == b"data":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2  # chunks start at even positions
    raise MidiError("is an RMID file without a 'data' chunk")


def _without_front(data: bytes) -> bytes:
    """Return the bytes from the header on; MidiError if no header is near the beginning."""
    at = data.find(b"MThd", 0, _FRONT)
    if at < 0:
        what = "it is empty" if not data else f"it begins with {data[:4]!r}, not b'MThd'"
        raise MidiError(f"is not a MIDI file: {what}")
    return data[at:]


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


def _chunks(data: bytes, at: int, promised: int, repairs: dict[str, int]) -> list[tuple[int, int]]:
    """Return where the contents of each track chunk begin and end; count what is wrong.

    A chunk with a wrong length ends where the next one begins, or with the file. What follows the
    promised chunks is music only if it is whole: it may be what is left of another file.
    """
    found: list[tuple[int, int]] = []
    while at + 8 <= len(data) and len(found) < _MOST_CHUNKS:
        kind, size = struct.unpack_from(">4sI", data, at)
        if kind == b"MThd":  # another file, stuck to the end of this one
            break
        begin, stop = at + 8, at + 8 + size
        if kind != b"MTrk" and not _begins_chunk(data, at):  # bytes that belong to no chunk
            following = data.find(b"MTrk", at)
            if following < 0:
                break
            repairs["stray_bytes"] = repairs.get("stray_bytes", 0) + 1
            at = following
            continue
        if not (stop == len(data) or _begins_chunk(data, stop) or _ends(data, begin, stop)):
            if len(found) >= promised:
                break
            repairs["wrong_chunk_lengths"] = repairs.get("wrong_chunk_lengths", 0) + 1
            following = data.find(b"MTrk", begin)
            stop = following if following >= 0 else len(data)
        if kind == b"MTrk":
            found.append((begin, stop))
        at = stop
    if data[at:].strip(b"\0"):  # not only padding
        repairs["stray_bytes"] = repairs.get("stray_bytes", 0) + 1
    return found


def _begins_chunk(data: bytes, at: int) -> bool:
    """Say whether a chunk begins at an offset: four letters, as MTrk and XFIH are."""
    return data[at : at + 4].isalnum() and len(data) >= at + 8


def _ends(data: bytes, begin: int, stop: int) -> bool:
    """Say whether a chunk ends with the event that ends a track, whatever comes after it."""
    return begin <= stop - 3 and data[stop - 3 : stop] == END_OF_TRACK
