"""A plain Standard MIDI File to a Piece; the only module that imports symusic."""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import MidiError, PieceError, printable
from howlkit.music.midi.container import (
    END_OF_TRACK,
    Limits,
    StandardFile,
    chunks_of,
    load,
    raise_limit,
    standard_file,
    too_big,
)
from howlkit.music.midi.events import check_metas, check_ticks
from howlkit.music.piece import Piece
from howlkit.music.tables import (
    DRUMS,
    KEY_SIGNATURE,
    NOTE,
    PEDAL,
    SLOWEST_TEMPO,
    TEMPO,
    TIME_SIGNATURE,
    Table,
    last_at_each_tick,
)

__all__ = ["REPAIRS", "Reading", "check_limits", "inspect", "inspect_bytes", "read", "read_bytes"]

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
    "surplus_chunks": "track chunks beyond those that the header promises, read all the same",
}
"""Everything that `inspect` counts, and what it means."""


_CONTROL_SUSTAIN = 64

_Track = tuple[Any, Any]  # symusic's track and its list of notes


@dataclass(frozen=True)
class Reading:
    """What came out of a file: the piece, and how often each of `REPAIRS` was needed, if it was."""

    piece: Piece
    repairs: dict[str, int]


def read(path: str | os.PathLike[str], *, limits: Limits = Limits()) -> Piece:
    """Return the piece in a MIDI file.

    Raises MidiError, naming the file and the cause, for anything that is not a readable MIDI file
    within `limits`. Only regular files are opened.
    """
    return _parse(load(path, limits), _name(path), str(path), limits)[0].piece


def read_bytes(data: bytes, *, name: str = "<bytes>", limits: Limits = Limits()) -> Piece:
    """Return the piece in the bytes of a MIDI file (of standard input, say); errors as `read`."""
    return _parse(data, _name(name), name, limits)[0].piece


def inspect(path: str | os.PathLike[str], *, limits: Limits = Limits()) -> Reading:
    """Return the piece in a MIDI file and what had to be mended; takes twice as long as `read`.

    Raises MidiError as `read` does.
    """
    return _inspected(load(path, limits), str(path), limits)


def inspect_bytes(data: bytes, *, name: str = "<bytes>", limits: Limits = Limits()) -> Reading:
    """Return as `inspect` what is in the bytes of a MIDI file (of standard input, say)."""
    return _inspected(data, name, limits)


def _inspected(data: bytes, where: str, limits: Limits) -> Reading:
    reading, standard = _parse(data, _name(where), where, limits)
    missing = standard.promised - len(chunks_of(standard.data))
    counted = {
        "unreleased_notes": _count_unreleased(standard.data, len(reading.piece)),
        "overlapping_notes": _count_overlapping(reading.piece.notes),
        "missing_chunks": missing,
        "surplus_chunks": -missing,
    }
    repairs = reading.repairs | {name: count for name, count in counted.items() if count > 0}
    return Reading(reading.piece, repairs)


def _name(path: str | os.PathLike[str]) -> str:
    return printable(os.path.basename(os.fspath(path)))


def _parse(data: bytes, name: str, where: str, limits: Limits) -> tuple[Reading, StandardFile]:
    """Return the reading of a file's bytes, and the standard file that symusic was given."""
    if len(data) > limits.max_bytes:
        raise MidiError(too_big(printable(where), len(data), limits))
    try:
        standard = standard_file(data)
        check_ticks(standard.data)
        check_metas(standard.data)
        reading = _reading(_score(standard.data), name, standard.beat, limits)
        _check_length(reading.piece, limits)
    except (MidiError, PieceError) as error:
        says = "" if isinstance(error, MidiError) else "holds what no piece can: "
        raise MidiError(f"{printable(where)} {says}{error}") from error
    return reading, standard


@cache
def _parser() -> Callable[[bytes], Any]:
    from symusic import Score  # late: `howlkit --help` does without

    return Score.from_midi


def _score(data: bytes) -> Any:  # noqa: ANN401 - symusic's class, imported late
    """Return symusic's score of a standard file; whatever it raises becomes a MidiError."""
    try:
        return _parser()(data)
    except Exception as error:  # its C++ raises RuntimeError, ValueError, MemoryError ...
        cause = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error")
        raise MidiError(
            f"is damaged or cut short ({printable(cause)}); save it again if you can"
        ) from error


def _reading(score: Any, name: str, beat: float | None, limits: Limits) -> Reading:  # noqa: ANN401 - as _score
    """Return the piece that a score holds; `beat` is the constant length of one, in seconds."""
    tracks = [(track, notes) for track in score.tracks if len(notes := track.notes)]
    bounds = [0, *itertools.accumulate(len(notes) for _, notes in tracks)]
    repairs: dict[str, int] = {}
    notes = _notes(tracks, bounds, repairs, limits)
    piece = Piece(
        notes=notes,
        ticks_per_beat=score.ticks_per_quarter,
        tempos=_tempos(score, beat, repairs),
        time_signatures=_time_signatures(score, repairs),
        key_signatures=_key_signatures(score, repairs),
        pedals=_pedals(tracks, bounds, notes, repairs),
        name=name,
    )
    return Reading(piece, {what: count for what, count in repairs.items() if count})


def check_limits(piece: Piece, limits: Limits) -> None:
    """Raise MidiError if a piece, whatever it was read from, is bigger than `limits` allow."""
    _check_count(len(piece), limits)
    _check_length(piece, limits)


def _check_length(piece: Piece, limits: Limits) -> None:
    beats = piece.beats_long
    if beats > limits.max_beats:
        raise MidiError(_too_long("beats", beats, limits.max_beats))
    # The exact length needs the tempo map: worth the work only where the bound does not do.
    longest = beats * SLOWEST_TEMPO / 1e6
    if longest > limits.max_seconds and piece.seconds_long > limits.max_seconds:
        raise MidiError(_too_long("seconds", piece.seconds_long, limits.max_seconds))


def _check_count(notes: int, limits: Limits) -> None:
    if notes > limits.max_notes:
        raise MidiError(
            f"has {notes} notes; at most {limits.max_notes} are read ({raise_limit('max_notes')})"
        )


def _too_long(unit: str, length: float, most: float) -> str:
    return f"lasts {length:.0f} {unit}; at most {most:.0f} are read ({raise_limit(f'max_{unit}')})"


def _notes(
    tracks: list[_Track], bounds: list[int], repairs: dict[str, int], limits: Limits
) -> Table:
    """Return the notes of all tracks, of each between two `bounds`; their lists are used up."""
    _check_count(total := bounds[-1], limits)
    if len(tracks) > 2**16:
        raise MidiError(f"has {len(tracks)} tracks; at most {2**16} are read")
    table = np.empty(total, NOTE)
    if not total:
        return table
    together = tracks[0][1]
    for _, notes in tracks[1:]:
        together.extend(notes)  # sooner done than the columns of each
    columns = together.numpy()
    table["start"] = columns["time"]
    table["duration"] = columns["duration"]
    table["pitch"] = columns["pitch"]
    table["velocity"] = columns["velocity"]
    programs, numbers = table["program"], table["track"]
    for index, (track, _) in enumerate(tracks):
        its = slice(bounds[index], bounds[index + 1])
        programs[its] = DRUMS if track.is_drum else track.program
        numbers[its] = index
    durations = table["duration"]
    if empty := total - int(np.count_nonzero(durations)):
        repairs["zero_length_notes"] = empty
        durations += durations == 0
    return table


def _tempos(score: Any, beat: float | None, repairs: dict[str, int]) -> Table:  # noqa: ANN401 - as _score
    if beat is not None:
        repairs["smpte_divisions"] = 1
        return np.array([(0, round(beat * 1e6))], TEMPO)
    table = _table(TEMPO, score.tempos, "time", "mspq")
    return _counted(table, "repeated_tempos", repairs)


def _time_signatures(score: Any, repairs: dict[str, int]) -> Table:  # noqa: ANN401 - as _score
    table = _table(TIME_SIGNATURE, score.time_signatures, "time", "numerator", "denominator")
    return _counted(table, "repeated_time_signatures", repairs)


def _key_signatures(score: Any, repairs: dict[str, int]) -> Table:  # noqa: ANN401 - as _score
    table = _table(KEY_SIGNATURE, score.key_signatures, "time", "key", "tonality")
    if not len(table):
        return table
    possible = (table["sharps"] >= -7) & (table["sharps"] <= 7) & (table["minor"] <= 1)
    repairs["impossible_key_signatures"] = int(np.count_nonzero(~possible))
    return _counted(table[possible], "repeated_key_signatures", repairs)


def _table(dtype: np.dtype[Any], events: Any, *names: str) -> Table:  # noqa: ANN401 - a symusic list
    """Return symusic's `events` as an array of `dtype`, whose columns it calls `names`."""
    table = np.empty(count := len(events), dtype)
    if count:
        columns = events.numpy()
        for ours, theirs in zip(dtype.names or (), names, strict=True):
            table[ours] = columns[theirs]
    return table


def _counted(table: Table, repair: str, repairs: dict[str, int]) -> Table:
    """Return of several entries at one tick the last, as a player would; count the others."""
    last = last_at_each_tick(table)
    repairs[repair] = len(table) - len(last)
    return last


def _pedals(
    tracks: list[_Track], bounds: list[int], notes: Table, repairs: dict[str, int]
) -> Table:
    """Return the spans of the sustain pedal, by start; notes, bounds: as `_notes` has them."""
    found = []
    for index, (track, _) in enumerate(tracks):
        if not (len(controls := track.controls) and len(ticks := _presses(controls))):
            continue
        begins, ends = ticks[::2], ticks[1::2]  # down, up, down, up ...
        pedals = np.empty(len(begins), PEDAL)
        pedals["start"], pedals["track"] = begins, index
        durations = pedals["duration"]
        np.subtract(ends, begins[: len(ends)], out=durations[: len(ends)])
        if len(begins) > len(ends):
            its = notes[bounds[index] : bounds[index + 1]]
            end = int(np.maximum.reduce(its["start"] + its["duration"]))
            durations[-1] = max(0, end - int(begins[-1]))
            repairs["unreleased_pedals"] = repairs.get("unreleased_pedals", 0) + 1
        found.append(pedals)
    if not found:
        return np.empty(0, PEDAL)
    pedals = found[0]
    if len(found) > 1:
        pedals = np.concatenate(found)
        pedals = pedals.take(pedals["start"].argsort(kind="stable"))
    if np.count_nonzero(pedals["duration"]) < len(pedals):
        pedals = pedals.compress(pedals["duration"] != 0)
    return pedals


def _presses(controls: Any) -> NDArray[np.int32]:  # noqa: ANN401 - a symusic list
    """Return the ticks at which the sustain pedal goes down and comes up, in turns.

    They are made of the controllers: symusic 0.6 has the first pedal of every channel but the first
    begin at tick 0, and drops a pedal that is not released.
    """
    columns = controls.numpy()
    sustain = columns["number"] == _CONTROL_SUSTAIN
    down = columns["value"].compress(sustain) >= 64
    changed = down.copy()  # at first it is up
    changed[1:] ^= down[:-1]
    return np.asarray(columns["time"].compress(sustain).compress(changed))


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
    found, times, chunks = 0, 1, len(chunks_of(data))
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
    release = b"\x00".join([_RELEASE_ALL] * times + [END_OF_TRACK])
    for start, stop in chunks_of(data):
        body = data[start:stop]
        ended = body.endswith(END_OF_TRACK)
        # The first release takes over the delta time of the end-of-track event.
        body = (body[:-3] if ended else body + b"\x00") + release
        parts.append(b"MTrk" + struct.pack(">I", len(body)) + body)
    return b"".join(parts)


def _count_overlapping(notes: Table) -> int:
    key = (notes["track"].astype(np.int64) << 7) | notes["pitch"]
    order = np.argsort(key, kind="stable")  # notes are by start already
    key, starts = key.take(order), notes["start"].take(order)
    ends = starts + notes["duration"].take(order)  # MAX_TICK at most
    return int(np.count_nonzero((key[1:] == key[:-1]) & (starts[1:] < ends[:-1])))
