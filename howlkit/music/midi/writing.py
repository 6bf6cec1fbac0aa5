"""A Piece to a Standard MIDI File; the docstring of the package has the rules."""

from __future__ import annotations

import os
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.atomic_files import write_file
from howlkit.errors import MidiError, printable
from howlkit.music.midi.container import END_OF_TRACK
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, Table

__all__ = ["to_bytes", "write"]

_CONTROL_SUSTAIN = 64
_LONGEST_DELTA = 2**28 - 1  # four bytes of seven bits: the longest that the format allows


_EVENT = np.dtype([("tick", "<i8"), ("rank", "u1"), ("size", "u1"), ("bytes", "u1", (7,))])
"""A MIDI event: its tick, its rank among events at that tick, and the `size` bytes in use."""

_SETTING, _NOTE_OFF, _PEDAL_OFF, _PEDAL_ON, _NOTE_ON, _END = range(6)  # ranks

Column = int | NDArray[Any]


def write(piece: Piece, path: str | os.PathLike[str]) -> None:
    """Write a piece as a MIDI file, whole or not at all; a file of that name is replaced.

    Raises MidiError if the folder does not exist or cannot be written to, or as `to_bytes` does.
    """
    data = to_bytes(piece)
    try:
        write_file(path, data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MidiError(f"{printable(path)} cannot be written: {reason}") from error


def to_bytes(piece: Piece) -> bytes:
    """Return a piece as the bytes of a MIDI file, format 1, by the rules of this package.

    Raises MidiError if it has more (track, program) pairs than a file has chunks (65,534).
    """
    groups = _by_chunk(piece.notes)
    if len(groups) > 65534:
        raise MidiError(f"{len(groups)} tracks do not fit a MIDI file; 65534 do")
    channels = _channels([int(notes["program"][0]) for notes in groups])
    chunks = [_chunk(_settings(piece))]
    for notes, (port, channel) in zip(groups, channels, strict=True):
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


def _channels(programs: list[int]) -> list[tuple[int, int]]:
    """Return port and channel (0..15, 9 for drums) for each chunk, given its program."""
    melodic = [program for program in programs if program != DRUMS]
    shared = len(melodic) > 15
    channel_of = {program: index for index, program in enumerate(dict.fromkeys(melodic))}
    channels, index = [], -1
    for program in programs:
        if program == DRUMS:
            channels.append((0, 9))
            continue
        index = channel_of[program] if shared else index + 1
        port, channel = divmod(index, 15)
        channels.append((port, channel + (channel >= 9)))
    return channels


def _events(ticks: Column, rank: int, *columns: Column) -> Table:
    """Return events of one rank at `ticks`; columns: the bytes of the events, one a column."""
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
        # A release is a note-on of velocity 0, which keeps the running status.
        _events(ends, _NOTE_OFF, 0x90 | channel, notes["pitch"], 0),
        _events(notes["start"], _NOTE_ON, 0x90 | channel, notes["pitch"], notes["velocity"]),
    ]


def _pedal_events(pedals: Table, channel: int) -> list[Table]:
    """Return the pedal events of one track; overlapping spans are joined, empty ones dropped."""
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
    """Return a track chunk of events in the order of ticks, with an end-of-track event."""
    last = max(int(events["tick"].max(initial=0)) for events in groups)
    # A wait longer than the format allows is split by empty texts, which players skip.
    stops = np.arange(_LONGEST_DELTA, last, _LONGEST_DELTA)
    fillers = _events(stops, _SETTING, 0xFF, 0x01, 0)
    events = np.concatenate([*groups, fillers, _events(last, _END, *END_OF_TRACK)])
    events = events[np.argsort(events["tick"] << 3 | events["rank"], kind="stable")]
    waits, needed = _delta_times(events["tick"])  # (N, 4)
    sent = np.arange(7) < events["size"][:, None]  # (N, 7)
    status = events["bytes"][:, 0]
    sent[1:, 0] &= (status[1:] != status[:-1]) | (status[1:] >= 0xF0)  # running status
    body: bytes = np.hstack((waits, events["bytes"]))[np.hstack((needed, sent))].tobytes()
    return b"MTrk" + struct.pack(">I", len(body)) + body


def _delta_times(ticks: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the waits between `ticks` (N,) as bytes (N, 4), and which bytes to write (N, 4).

    A byte has seven bits, the highest come first; all but the last byte have the high bit set.
    """
    deltas = np.diff(ticks, prepend=0).astype(np.int32)[:, None]
    digits = deltas >> np.array([21, 14, 7, 0], np.int32)
    needed = digits > 0
    needed[:, 3] = True
    return (digits & 127 | np.array([128, 128, 128, 0])).astype(np.uint8), needed
