"""MIDI files to Pieces and back; the only module that imports symusic.

Positions and durations are ticks, lengths of files are seconds and beats. The format is that of the
Standard MIDI Files 1.0 specification (RP-001); symusic 0.6 parses the events, and what it lets pass
is checked here: header, limits, and all values by `Piece` itself. Rules where a file leaves room:

**Tracks.** A track of a Piece is one (chunk, channel, program) of the file that has a note, in that
order, numbered from 0. A note has the program that its channel, in its chunk, had when it began; on
channel 10 it is `DRUMS`, whatever the program.

**Pairing.** Of several notes of one pitch that sound at once in one chunk and channel, the first to
begin is the first to end (MIDI has no way to say which is meant). So notes that nest come back as
notes that overlap: the same starts and velocities, the same ends, in order.

**Mending.** What has one sensible reading is mended and counted by `inspect` (`REPAIRS` lists all):
a note of no length lasts one tick, a note never released is dropped, a pedal never released is held
until the last note of its track ends, of several tempos, metres or keys at one tick the last counts
(in symusic's order: its sort is not stable where a file has dozens of them).

**SMPTE divisions** count ticks a second: such a file becomes one of a constant tempo, a beat a
second (1.001 s at 29.97 frames a second), and its own tempo events mean nothing. **RMID** files
(MIDI in a RIFF wrapper) are unwrapped. **Headers** longer than 6 bytes are legal, the rest skipped.

**Writing.** The writer is ours: symusic's leaves out pedals and numbers channels by track. Format
1: a chunk of tempos, metres and keys, then one for each (track, program) in order, drums on channel
10. Up to 15 melodic chunks have a channel each; more share a channel where they share a program;
past 15 programs the next 15 go to another port (meta event 0x21), which has channels of its own.
At one tick ends come before beginnings, so that touching notes stay apart.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError, MidiError, PieceError
from howlkit.piece import (
    DRUMS,
    KEY_SIGNATURE,
    MAX_TICK,
    NOTE,
    PEDAL,
    TEMPO,
    TIME_SIGNATURE,
    Piece,
    Table,
)

__all__ = [
    "ENDINGS",
    "REPAIRS",
    "Limits",
    "Reading",
    "find",
    "inspect",
    "printable",
    "read",
    "read_bytes",
    "to_bytes",
    "write",
]

ENDINGS = (".mid", ".midi", ".kar")
"""What the names of MIDI files end in, in any case."""

REPAIRS = {
    "zero_length_notes": "notes of no length, lengthened to one tick",
    "unreleased_notes": "notes never released, dropped",
    "overlapping_notes": "notes begun while one of their pitch and track sounds, kept",
    "unreleased_pedals": "pedals never released, held until the track's last note ends",
    "repeated_tempos": "tempos followed by another at the same tick, dropped",
    "repeated_time_signatures": "time signatures followed by another at the same tick, dropped",
    "repeated_key_signatures": "key signatures followed by another at the same tick, dropped",
    "impossible_key_signatures": "key signatures of more than 7 sharps or flats, dropped",
    "smpte_divisions": "resolutions in ticks a second, rewritten as ticks a beat",
    "missing_chunks": "track chunks that the header promises and the file lacks",
}
"""Everything that `inspect` counts, and what it means."""

_CONTROL_SUSTAIN = 64
_END_OF_TRACK = b"\xff\x2f\x00"
_LONGEST_DELTA = 2**28 - 1  # four bytes of seven bits: the longest that the format allows


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


@dataclass(frozen=True)
class Reading:
    """What came out of a file: the piece, and how often each of `REPAIRS` was needed, if it was."""

    piece: Piece
    repairs: dict[str, int]


def read(path: str | os.PathLike[str], *, limits: Limits = Limits()) -> Piece:  # noqa: B008 - frozen
    """Return the piece in a MIDI file.

    Raises MidiError, naming the file and the cause, for anything that is not a readable MIDI file
    within `limits`. Only regular files are opened.
    """
    return _parse(_load(path, limits), _name(path), str(path), limits)[0].piece


def read_bytes(data: bytes, *, name: str = "<bytes>", limits: Limits = Limits()) -> Piece:  # noqa: B008 - frozen
    """Return the piece in the bytes of a MIDI file (of standard input, say); errors as `read`."""
    return _parse(data, _name(name), name, limits)[0].piece


def inspect(path: str | os.PathLike[str], *, limits: Limits = Limits()) -> Reading:  # noqa: B008 - frozen
    """Return the piece in a MIDI file and what had to be mended; takes twice as long as `read`.

    Raises MidiError as `read` does.
    """
    reading, standard = _parse(_load(path, limits), _name(path), str(path), limits)
    counted = {
        "unreleased_notes": _count_unreleased(standard, len(reading.piece)),
        "overlapping_notes": _count_overlapping(reading.piece.notes),
        "missing_chunks": int.from_bytes(standard[10:12], "big") - len(_chunks(standard)),
    }
    repairs = reading.repairs | {name: count for name, count in counted.items() if count > 0}
    return Reading(reading.piece, repairs)


def printable(text: object) -> str:
    r"""Return `text` with everything escaped that a terminal would not print as it is.

    >>> printable("evil\x1b[2J.mid")
    'evil\\x1b[2J.mid'
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text)
    )


def _name(path: str | os.PathLike[str]) -> str:
    return printable(os.path.basename(os.fspath(path)))


# --- Bytes: from the disk to a plain file that symusic reads -------------------------------------


def _load(path: str | os.PathLike[str], limits: Limits) -> bytes:
    """Return the bytes of a regular file of allowed size; nothing else is ever opened."""
    shown = printable(path)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise MidiError(f"{shown} is {kind}, not a MIDI file")
        if status.st_size > limits.max_bytes:
            raise MidiError(_too_big(shown, status.st_size, limits))
        with open(path, "rb") as file:
            return file.read(limits.max_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise MidiError(f"{shown} cannot be read: {reason}") from error


def _too_big(shown: str, size: int, limits: Limits) -> str:
    return (
        f"{shown} has {size} bytes; at most {limits.max_bytes} are read "
        "(a higher max_bytes allows more)"
    )


def _standard(data: bytes) -> tuple[bytes, float | None]:
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


def _chunks(data: bytes) -> list[tuple[int, int]]:
    """Return where the contents of each track chunk of a standard file begin and stop, in bytes."""
    found: list[tuple[int, int]] = []
    at = 14
    while at + 8 <= len(data):
        kind, size = struct.unpack(">4sI", data[at : at + 8])
        if kind == b"MTrk":
            found.append((at + 8, at + 8 + size))
        at += 8 + size
    return found[: int.from_bytes(data[10:12], "big")]


def _check_ticks(data: bytes) -> None:
    """Refuse a standard file that runs past MAX_TICK, where symusic's 32-bit ticks wrap round."""
    if _longest(data) <= MAX_TICK:
        return
    for start, stop in _chunks(data):
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
            elif body[at : at + 2] == _END_OF_TRACK[:2]:
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


# --- Reading -------------------------------------------------------------------------------------


def _parse(data: bytes, name: str, where: str, limits: Limits) -> tuple[Reading, bytes]:
    """Return the reading of a file's bytes, and the standard file that symusic was given."""
    where = printable(where)
    if len(data) > limits.max_bytes:
        raise MidiError(_too_big(where, len(data), limits))
    try:
        standard, beat = _standard(data)
        _check_ticks(standard)
        reading = _reading(_score(standard), name, beat, limits)
        _check_length(reading.piece, limits)
    except (MidiError, PieceError) as error:
        says = "" if isinstance(error, MidiError) else "holds what no piece can: "
        raise MidiError(f"{where} {says}{error}") from error
    return reading, standard


def _score(data: bytes) -> Any:  # noqa: ANN401 - symusic's class, imported late
    """Return symusic's score of a standard file; whatever it raises becomes a MidiError."""
    from symusic import Score

    try:
        return Score.from_midi(data)
    except Exception as error:  # its C++ raises RuntimeError, ValueError, MemoryError ...
        cause = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error")
        raise MidiError(
            f"is damaged or cut short ({printable(cause)}); save it again if you can"
        ) from error


def _reading(score: Any, name: str, beat: float | None, limits: Limits) -> Reading:  # noqa: ANN401 - as _score
    """Return the piece that a score holds; `beat` is the constant length of one, in seconds."""
    tracks = [(track, notes) for track in score.tracks if len(notes := track.notes)]
    repairs: dict[str, int] = {}
    piece = Piece(
        notes=_notes(tracks, repairs, limits),
        ticks_per_beat=score.ticks_per_quarter,
        tempos=_tempos(score, beat, repairs),
        time_signatures=_time_signatures(score, repairs),
        key_signatures=_key_signatures(score, repairs),
        pedals=_pedals(tracks, repairs),
        name=name,
    )
    return Reading(piece, {what: count for what, count in repairs.items() if count})


def _check_length(piece: Piece, limits: Limits) -> None:
    slowest = max(piece.tempos["microseconds"].max(initial=0), 500_000) / 1e6  # seconds a beat
    beats = piece.beats_long
    if beats > limits.max_beats:
        raise MidiError(_too_long("beats", beats, limits.max_beats))
    # The exact length needs the tempo map: worth the work only where the bound does not do.
    if beats * slowest > limits.max_seconds and piece.seconds_long > limits.max_seconds:
        raise MidiError(_too_long("seconds", piece.seconds_long, limits.max_seconds))


def _too_long(unit: str, length: float, most: float) -> str:
    return (
        f"lasts {length:.0f} {unit}; at most {most:.0f} are read (a higher max_{unit} allows more)"
    )


def _notes(tracks: list[Any], repairs: dict[str, int], limits: Limits) -> Table:
    lengths = [len(notes) for _, notes in tracks]
    total = sum(lengths)
    if total > limits.max_notes:
        raise MidiError(f"has {total} notes; at most {limits.max_notes} are read")
    if len(tracks) > 2**16:
        raise MidiError(f"has {len(tracks)} tracks; at most {2**16} are read")
    table = np.empty(total, NOTE)
    stop = 0
    for index, (track, notes) in enumerate(tracks):
        start, stop = stop, stop + lengths[index]
        rows, columns = table[start:stop], notes.numpy()
        rows["start"] = columns["time"]
        rows["duration"] = columns["duration"]
        rows["pitch"] = columns["pitch"]
        rows["velocity"] = columns["velocity"]
        rows["program"] = DRUMS if track.is_drum else track.program
        rows["track"] = index
    empty = table["duration"] == 0
    repairs["zero_length_notes"] = int(np.count_nonzero(empty))
    table["duration"] += empty
    return table


def _tempos(score: Any, beat: float | None, repairs: dict[str, int]) -> Table:  # noqa: ANN401 - as _score
    if beat is not None:
        repairs["smpte_divisions"] = 1
        return np.array([(0, round(beat * 1e6))], TEMPO)
    table = _table(TEMPO, score.tempos, "time", "mspq")
    return _last_at_each_tick(table, "repeated_tempos", repairs)


def _time_signatures(score: Any, repairs: dict[str, int]) -> Table:  # noqa: ANN401 - as _score
    table = _table(TIME_SIGNATURE, score.time_signatures, "time", "numerator", "denominator")
    return _last_at_each_tick(table, "repeated_time_signatures", repairs)


def _key_signatures(score: Any, repairs: dict[str, int]) -> Table:  # noqa: ANN401 - as _score
    table = _table(KEY_SIGNATURE, score.key_signatures, "time", "key", "tonality")
    if not len(table):
        return table
    possible = (table["sharps"] >= -7) & (table["sharps"] <= 7) & (table["minor"] <= 1)
    repairs["impossible_key_signatures"] = int(np.count_nonzero(~possible))
    return _last_at_each_tick(table[possible], "repeated_key_signatures", repairs)


def _table(dtype: np.dtype[Any], events: Any, *names: str) -> Table:  # noqa: ANN401 - a symusic list
    """Return symusic's `events` as an array of `dtype`, whose columns it calls `names`."""
    table = np.empty(len(events), dtype)
    if len(table):
        columns = events.numpy()
        for ours, theirs in zip(dtype.names or (), names, strict=True):
            table[ours] = columns[theirs]
    return table


def _last_at_each_tick(table: Table, repair: str, repairs: dict[str, int]) -> Table:
    """Return of several entries at one tick the last, as a player would; count the others."""
    if len(table) < 2:
        return table
    last = np.append(table["tick"][1:] != table["tick"][:-1], True)
    repairs[repair] = int(np.count_nonzero(~last))
    return np.asarray(table[last])


def _pedals(tracks: list[Any], repairs: dict[str, int]) -> Table:
    """Return the spans of the sustain pedal, by start."""
    found = []
    for index, (track, notes) in enumerate(tracks):
        begins, ends = _presses(track.controls)
        if len(begins) > len(ends):
            sounding = notes.numpy()
            end = (sounding["time"] + sounding["duration"]).max()
            ends = np.append(ends, max(end, begins[-1]))
            repairs["unreleased_pedals"] = repairs.get("unreleased_pedals", 0) + 1
        if len(begins):
            spans = np.empty(len(begins), PEDAL)
            spans["start"], spans["duration"], spans["track"] = begins, ends - begins, index
            found.append(spans[spans["duration"] != 0])
    if not found:
        return np.empty(0, PEDAL)
    pedals = np.concatenate(found)
    return np.asarray(pedals[np.argsort(pedals["start"], kind="stable")])


def _presses(controls: Any) -> tuple[NDArray[np.int32], NDArray[np.int32]]:  # noqa: ANN401 - a symusic list
    """Return the ticks at which the sustain pedal goes down, and those at which it comes up.

    They are made of the controllers: symusic 0.6 has the first pedal of every channel but the first
    begin at tick 0, and drops a pedal that is not released.
    """
    none = np.empty(0, np.int32)
    if not len(controls):
        return none, none
    columns = controls.numpy()
    at = np.flatnonzero(columns["number"] == _CONTROL_SUSTAIN)
    if not len(at):
        return none, none
    down = columns["value"][at] >= 64
    changes = np.flatnonzero(down[1:] != down[:-1]) + 1
    if down[0]:
        changes = np.append(0, changes)
    ticks = columns["time"][at[changes]]
    return ticks[::2], ticks[1::2]  # down, up, down, up ...


# --- What symusic does not tell ------------------------------------------------------------------

_RELEASE_ALL = b"\x00".join(
    bytes((0x80 | channel, pitch, 64)) for channel in range(16) for pitch in range(128)
)


def _count_unreleased(data: bytes, released: int) -> int:
    """Return how many notes of a standard file are never released, besides the `released` ones.

    symusic drops them. A copy of the file in which every pitch is released at the end of every
    chunk has exactly so many notes more; where notes of one pitch pile up, releasing repeatedly.
    The copy may not grow without end: past 64 notes piled up, or 4096 chunks, the rest is not seen.
    """
    found, times, chunks = 0, 1, len(_chunks(data))
    while times <= 64 and chunks * times <= 4096:
        try:
            tracks = _score(_released(data, times)).tracks
        except MidiError:  # its chunks end so oddly that the copy does not parse
            break
        now = sum(len(track.notes) for track in tracks) - released
        if now <= found:
            break
        found, times = now, times * 2
    return found


def _released(data: bytes, times: int) -> bytes:
    """Return a standard file with every pitch of every channel released at each chunk's end."""
    parts = [data[:14]]
    release = b"\x00".join([_RELEASE_ALL] * times + [_END_OF_TRACK])
    for start, stop in _chunks(data):
        body = data[start:stop]
        ended = body.endswith(_END_OF_TRACK)
        # The first release takes over the delta time of the end-of-track event.
        body = (body[:-3] if ended else body + b"\x00") + release
        parts.append(b"MTrk" + struct.pack(">I", len(body)) + body)
    return b"".join(parts)


def _count_overlapping(notes: Table) -> int:
    key = (notes["track"].astype(np.int64) << 7) | notes["pitch"]
    order = np.argsort(key, kind="stable")  # notes are by start already
    key, notes = key[order], notes[order]
    ends = notes["start"].astype(np.int64) + notes["duration"]
    return int(np.count_nonzero((key[1:] == key[:-1]) & (notes["start"][1:] < ends[:-1])))


# --- Writing -------------------------------------------------------------------------------------

_EVENT = np.dtype([("tick", "<i8"), ("rank", "u1"), ("size", "u1"), ("bytes", "u1", (7,))])
"""A MIDI event: when, its place among those at the same tick, and `size` of the bytes."""

_SETTING, _NOTE_OFF, _PEDAL_OFF, _PEDAL_ON, _NOTE_ON, _END = range(6)  # ranks

Column = int | NDArray[Any]


def write(piece: Piece, path: str | os.PathLike[str]) -> None:
    """Write a piece as a MIDI file, whole or not at all; a file of that name is replaced.

    Raises MidiError if the folder is not there or not writable, or as `to_bytes`.
    """
    data = to_bytes(piece)
    target = os.path.realpath(path)
    part = f"{target}.{os.getpid()}.part"
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            Path(target).write_bytes(data)  # a device or pipe is written to, never replaced
            return
        try:
            Path(part).write_bytes(data)
            os.replace(part, target)
        finally:
            Path(part).unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MidiError(f"{printable(path)} cannot be written: {reason}") from error


def to_bytes(piece: Piece) -> bytes:
    """Return a piece as the bytes of a MIDI file, format 1, by the rules at the top of this module.

    Raises MidiError if it has more (track, program) pairs than a file has chunks (65,534).
    """
    groups = _by_chunk(piece.notes)
    if len(groups) > 65534:
        raise MidiError(f"{len(groups)} tracks do not fit a MIDI file; 65534 do")
    places = _places([int(notes["program"][0]) for notes in groups])
    chunks = [_chunk(_settings(piece))]
    for notes, (port, channel) in zip(groups, places, strict=True):
        events = [_events(0, _SETTING, 0xFF, 0x21, 1, port)] if port else []
        events += _note_events(notes, channel)
        events += _pedal_events(piece.pedals[piece.pedals["track"] == notes["track"][0]], channel)
        chunks.append(_chunk(events))
    header = struct.pack(">4sIHHH", b"MThd", 6, 1, len(chunks), piece.ticks_per_beat)
    return header + b"".join(chunks)


def _by_chunk(notes: Table) -> list[Table]:
    """Return the notes of each (track, program), in that order, each still sorted by start."""
    key = notes["track"].astype(np.int64) << 8 | notes["program"]
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    return np.split(notes[order], cuts) if len(notes) else []


def _places(programs: list[int]) -> list[tuple[int, int]]:
    """Return port and channel (0..15, 9 for drums) for each chunk, given its program."""
    melodic = [program for program in programs if program != DRUMS]
    shared = len(melodic) > 15
    seats = {program: seat for seat, program in enumerate(dict.fromkeys(melodic))}
    places, seat = [], -1
    for program in programs:
        if program == DRUMS:
            places.append((0, 9))
            continue
        seat = seats[program] if shared else seat + 1
        port, channel = divmod(seat, 15)
        places.append((port, channel + (channel >= 9)))
    return places


def _events(ticks: Column, rank: int, *columns: Column) -> Table:
    """Return events of one rank at `ticks`; each of `columns` is one byte of all of them."""
    events = np.zeros(np.size(ticks), _EVENT)
    events["tick"], events["rank"], events["size"] = ticks, rank, len(columns)
    for index, column in enumerate(columns):
        events["bytes"][:, index] = column
    return events


def _settings(piece: Piece) -> list[Table]:
    """Return the events of tempos, time signatures and key signatures."""
    tempos, metres, keys = piece.tempos, piece.time_signatures, piece.key_signatures
    beat = tempos["microseconds"]
    power = np.log2(metres["denominator"]).astype("u1")
    sharps = keys["sharps"].view("u1")  # two's complement
    return [
        _events(tempos["tick"], _SETTING, 0xFF, 0x51, 3, beat >> 16, beat >> 8 & 255, beat & 255),
        # 24 MIDI clocks a metronome click, 8 thirty-seconds a quarter: the usual values.
        _events(metres["tick"], _SETTING, 0xFF, 0x58, 4, metres["numerator"], power, 24, 8),
        _events(keys["tick"], _SETTING, 0xFF, 0x59, 2, sharps, keys["minor"]),
    ]


def _note_events(notes: Table, channel: int) -> list[Table]:
    program = int(notes["program"][0])
    ends = notes["start"].astype(np.int64) + notes["duration"]
    return [
        _events(0, _SETTING, 0xC0 | channel, 0 if program == DRUMS else program),
        _events(ends, _NOTE_OFF, 0x90 | channel, notes["pitch"], 0),  # keeps the status running
        _events(notes["start"], _NOTE_ON, 0x90 | channel, notes["pitch"], notes["velocity"]),
    ]


def _pedal_events(pedals: Table, channel: int) -> list[Table]:
    """Return the events of one track's pedal; spans that overlap become one, empty ones none."""
    pedals = np.sort(pedals[pedals["duration"] > 0], order="start")
    if not len(pedals):
        return []
    starts = pedals["start"].astype(np.int64)
    ends = np.maximum.accumulate(starts + pedals["duration"])
    apart = starts[1:] >= ends[:-1]
    begins, releases = starts[np.append(True, apart)], ends[np.append(apart, True)]
    return [
        _events(begins, _PEDAL_ON, 0xB0 | channel, _CONTROL_SUSTAIN, 127),
        _events(releases, _PEDAL_OFF, 0xB0 | channel, _CONTROL_SUSTAIN, 0),
    ]


def _chunk(groups: list[Table]) -> bytes:
    """Return a track chunk of these events, in order, with its end-of-track event."""
    last = max(int(events["tick"].max(initial=0)) for events in groups)
    # A wait longer than the format allows is split by empty texts, which players skip.
    stops = np.arange(_LONGEST_DELTA, last, _LONGEST_DELTA)
    fillers = _events(stops, _SETTING, 0xFF, 0x01, 0)
    events = np.concatenate([*groups, fillers, _events(last, _END, *_END_OF_TRACK)])
    events = events[np.argsort(events["tick"] << 3 | events["rank"], kind="stable")]
    waits, needed = _delta_times(events["tick"])  # (N, 4)
    sent = np.arange(7) < events["size"][:, None]  # (N, 7)
    status = events["bytes"][:, 0]
    sent[1:, 0] &= (status[1:] != status[:-1]) | (status[1:] >= 0xF0)  # running status
    body: bytes = np.hstack((waits, events["bytes"]))[np.hstack((needed, sent))].tobytes()
    return b"MTrk" + struct.pack(">I", len(body)) + body


def _delta_times(ticks: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the waits between `ticks` (N,) as bytes (N, 4), and which of them are sent (N, 4).

    Seven bits a byte, the highest first; all but the last have the high bit set.
    """
    deltas = np.diff(ticks, prepend=0).astype(np.int32)[:, None]
    digits = deltas >> np.array([21, 14, 7, 0], np.int32)
    needed = digits > 0
    needed[:, 3] = True
    return (digits & 127 | np.array([128, 128, 128, 0])).astype(np.uint8), needed


# --- Finding files -------------------------------------------------------------------------------


def find(
    paths: Iterable[str | os.PathLike[str]], *, warn: Callable[[str], None] | None = None
) -> Iterator[Path]:
    """Return the MIDI files that `paths` name: files as they are, folders searched to any depth.

    In a folder those regular files count whose name ends in one of `ENDINGS`, by name; links are
    followed, and each real folder is visited once, so that loops end. Nothing is opened.
    warn: called with a sentence for each folder or entry that had to be left out.
    Raises DataError, at once, for a path that does not exist.
    """
    roots = [Path(path) for path in paths]
    for root in roots:
        if not os.path.exists(root):
            raise DataError(f"{printable(root)} does not exist; name MIDI files or folders of them")
    return _walk(roots, warn or (lambda _: None))


def _walk(roots: list[Path], warn: Callable[[str], None]) -> Iterator[Path]:
    visited: set[tuple[int, int]] = set()
    for root in roots:
        if not root.is_dir():
            yield root
            continue
        stack = [iter(_entries(str(root), visited, warn))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif _is_dir(entry):
                stack.append(iter(_entries(entry.path, visited, warn)))
            elif entry.name.lower().endswith(ENDINGS):
                if _is_file(entry):
                    yield Path(entry.path)
                else:
                    warn(f"{printable(entry.path)} is no regular file: left out")


def _entries(
    folder: str, visited: set[tuple[int, int]], warn: Callable[[str], None]
) -> list[os.DirEntry[str]]:
    """Return what is in a folder, by name; nothing if it was visited before or cannot be listed."""
    try:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in visited:
            return []
        visited.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        warn(f"{printable(folder)} cannot be listed ({error.strerror}): left out")
        return []


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
