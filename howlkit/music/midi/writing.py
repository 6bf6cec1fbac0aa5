"""A Piece to a Standard MIDI File; the docstring of the package has the rules."""

from __future__ import annotations

import itertools
import os
import struct
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.atomic_files import write_file
from howlkit.errors import MidiError, printable
from howlkit.music.extras import BEND, PRESSURE, SUSTAIN, Text
from howlkit.music.midi.arrangement import Written, arrange
from howlkit.music.midi.container import END_OF_TRACK
from howlkit.music.midi.controls import PROGRAM, Control
from howlkit.music.piece import Piece
from howlkit.music.tables import Table

__all__ = ["to_bytes", "to_bytes_counted", "write"]

_LONGEST_DELTA = 2**28 - 1  # four bytes of seven bits: the longest that the format allows


_EVENT = np.dtype([("tick", "<i8"), ("rank", "u1"), ("size", "u1"), ("bytes", "u1", (7,))])
"""A MIDI event: its tick, its rank among events at that tick, and the `size` bytes in use."""

_TEXT, _SETTING, _NOTE_OFF, _CONTROL, _PEDAL_OFF, _PEDAL_ON, _NOTE_ON, _END = range(8)  # ranks

_FILLER = (0xFF, 0x7F, 1, 0x7D)  # an event of the manufacturer that stands for none

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
    return to_bytes_counted(piece)[0]


def to_bytes_counted(piece: Piece) -> tuple[bytes, Written]:
    """Return what `to_bytes` does, and what the file could not say."""
    plan = arrange(piece)
    texts: defaultdict[int, list[Text]] = defaultdict(list)
    for chunk, text in plan.texts:
        texts[chunk].append(text)
    events: defaultdict[int, list[Table]] = defaultdict(list)
    for channel, chunks in plan.voices.items():
        for control_chunk, controls in _by_chunk(plan.controls[channel]):
            events[control_chunk].append(_control_events(controls, channel))
        if channel in plan.pedals:
            events[chunks[0]] += _pedal_events(plan.pedals[channel], channel)
    bounds = np.flatnonzero(np.diff(plan.chunks, prepend=0)).tolist()
    parts = [_chunk(_settings(piece), texts[0])]
    for chunk, (first, stop) in enumerate(itertools.pairwise([*bounds, len(plan.notes)]), 1):
        notes = _note_events(plan.notes[first:stop], plan.channels[first:stop])
        parts.append(_chunk([*events[chunk], *notes], texts[chunk]))
    header = struct.pack(">4sIHHH", b"MThd", 6, 1, len(parts), piece.ticks_per_beat)
    return header + b"".join(parts), plan.written


def _by_chunk(controls: list[Control]) -> Iterator[tuple[int, list[Control]]]:
    found: defaultdict[int, list[Control]] = defaultdict(list)
    for control in controls:
        found[control.chunk].append(control)
    yield from found.items()


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


def _control_events(controls: list[Control], channel: int) -> Table:
    """Return the events of program changes, controllers, bends and pressure, in their order."""
    rows = np.array(controls, np.int64).reshape(-1, 4)
    number, value = rows[:, 2], rows[:, 3]
    events = _events(rows[:, 0], _CONTROL, 0xB0 | channel, number & 127, value & 127)
    for which, status in ((PROGRAM, 0xC0), (PRESSURE, 0xD0), (BEND, 0xE0)):
        its = number == which
        events["bytes"][its, 0] = status | channel
        events["bytes"][its, 1] = value[its] & 127
        events["bytes"][its, 2] = value[its] >> 7
        events["size"][its] = 3 if which == BEND else 2
    return events


def _note_events(notes: Table, channels: Column) -> list[Table]:
    ends = notes["start"].astype(np.int64) + notes["duration"]
    status = 0x90 | channels
    return [
        # A release is a note-on of velocity 0, which keeps the running status.
        _events(ends, _NOTE_OFF, status, notes["pitch"], 0),
        _events(notes["start"], _NOTE_ON, status, notes["pitch"], notes["velocity"]),
    ]


def _pedal_events(pedals: list[tuple[int, int]], channel: int) -> list[Table]:
    downs, ups = np.array(pedals, np.int64).T
    return [
        _events(downs, _PEDAL_ON, 0xB0 | channel, SUSTAIN, 127),
        _events(ups, _PEDAL_OFF, 0xB0 | channel, SUSTAIN, 0),
    ]


def _text_events(texts: list[Text]) -> Table:
    """Return the beginning of each text: its type and its length, without its bytes."""
    events = _events(np.array([text.tick for text in texts], np.int64), _TEXT, 0xFF)
    for event, text in zip(events, texts, strict=True):
        (waits,), (needed,) = _delta_times(np.array([len(text.data)]))  # lengths are spelt alike
        head = [0xFF, text.kind, *waits[needed]]
        event["size"] = len(head)
        event["bytes"][: len(head)] = head
    return events


def _chunk(groups: list[Table], texts: list[Text]) -> bytes:
    """Return a track chunk of events in the order of ticks, with an end-of-track event.

    texts: by tick.
    """
    if texts:
        groups = [*groups, _text_events(texts)]
    last = max(int(events["tick"].max(initial=0)) for events in groups)
    if last > _LONGEST_DELTA:  # split the wait by events of no manufacturer
        stops = np.arange(_LONGEST_DELTA, last, _LONGEST_DELTA)
        groups = [*groups, _events(stops, _SETTING, *_FILLER)]
    events = np.concatenate([*groups, _events(last, _END, *END_OF_TRACK)])
    order = (events["tick"] << 3 | events["rank"]).argsort(kind="stable")
    events = events.take(order)  # several times as fast as events[order]
    codes = np.empty((len(events), 11), np.uint8)
    sends = np.empty((len(events), 11), np.bool_)
    codes[:, :4], sends[:, :4] = _delta_times(events["tick"])
    codes[:, 4:] = events["bytes"]
    np.less(np.arange(7), events["size"][:, None], out=sends[:, 4:])
    status = codes[:, 4]
    sends[1:, 4] &= (status[1:] != status[:-1]) | (status[1:] >= 0xF0)  # running status
    body: bytes = codes[sends].tobytes()
    if texts:
        after = sends.sum(axis=1).cumsum()[events["rank"] == _TEXT].tolist()
        cuts = [0, *after, len(body)]
        pieces = [body[first:stop] for first, stop in itertools.pairwise(cuts)]
        data = [text.data for text in texts]
        body = b"".join(itertools.chain(*zip(pieces, data, strict=False), pieces[-1:]))
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
