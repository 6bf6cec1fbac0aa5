"""A MIDI file to a Piece."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import MidiError, PieceError, printable
from howlkit.music.midi.container import StandardFile, chunks_of, load, standard_file
from howlkit.music.midi.events import check_metas, check_ticks
from howlkit.music.midi.limits import Limits, check_count, check_length, too_big
from howlkit.music.midi.parsing import parse
from howlkit.music.midi.repairs import count_overlapping, count_unreleased
from howlkit.music.piece import Piece
from howlkit.music.tables import (
    DRUMS,
    KEY_SIGNATURE,
    NOTE,
    PEDAL,
    TEMPO,
    TIME_SIGNATURE,
    Table,
    last_at_each_tick,
)

__all__ = ["Reading", "inspect", "inspect_bytes", "read", "read_bytes"]

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
        "unreleased_notes": count_unreleased(standard.data, len(reading.piece)),
        "overlapping_notes": count_overlapping(reading.piece.notes),
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
        reading = _reading(parse(standard.data), name, standard.beat, limits)
        check_length(reading.piece, limits)
    except (MidiError, PieceError) as error:
        says = "" if isinstance(error, MidiError) else "holds what no piece can: "
        raise MidiError(f"{printable(where)} {says}{error}") from error
    return reading, standard


def _reading(score: Any, name: str, beat: float | None, limits: Limits) -> Reading:  # noqa: ANN401 - as parse
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


def _notes(
    tracks: list[_Track], bounds: list[int], repairs: dict[str, int], limits: Limits
) -> Table:
    """Return the notes of all tracks, of each between two `bounds`; their lists are used up."""
    check_count(total := bounds[-1], limits)
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


def _tempos(score: Any, beat: float | None, repairs: dict[str, int]) -> Table:  # noqa: ANN401 - as parse
    if beat is not None:
        repairs["smpte_divisions"] = 1
        return np.array([(0, round(beat * 1e6))], TEMPO)
    table = _table(TEMPO, score.tempos, "time", "mspq")
    return _counted(table, "repeated_tempos", repairs)


def _time_signatures(score: Any, repairs: dict[str, int]) -> Table:  # noqa: ANN401 - as parse
    table = _table(TIME_SIGNATURE, score.time_signatures, "time", "numerator", "denominator")
    return _counted(table, "repeated_time_signatures", repairs)


def _key_signatures(score: Any, repairs: dict[str, int]) -> Table:  # noqa: ANN401 - as parse
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
