"""Note arrays: notes as one structured array, with times in several units.

The names of the columns are those of partitura (Cancino-Chacón et al. 2022,
https://partitura.readthedocs.io), whose own arrays are float32; these are float64, so that ticks
come back from beats and from seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import PieceError
from howlkit.music.piece_tables import PieceTables
from howlkit.music.tables import DRUMS, MAX_TICK, NOTE, Table

__all__ = ["NOTE_ARRAY", "note_array", "notes_of"]

NOTE_ARRAY = np.dtype(
    [
        ("onset_sec", "<f8"),
        ("duration_sec", "<f8"),
        ("onset_beat", "<f8"),
        ("duration_beat", "<f8"),
        ("onset_tick", "<i4"),
        ("duration_tick", "<i4"),
        ("pitch", "<i4"),
        ("velocity", "<i4"),
        ("track", "<i4"),
        ("channel", "<i4"),
        ("program", "<i4"),
        ("id", "<U16"),
    ]
)
"""A row of a note array."""

DRUM_CHANNEL = 9
"""MIDI's channel of drums, counted from 0."""

UNITS = ("beat", "quarter", "sec", "tick")
"""The units of time that are read, the first choice first."""


def note_array(piece: PieceTables) -> Table:
    """Return the notes of a piece as an array of `NOTE_ARRAY`."""
    notes = piece.notes
    array = np.zeros(len(notes), NOTE_ARRAY)
    begin = notes["start"].astype(np.int64)
    stop = begin + notes["duration"]
    array["onset_tick"], array["duration_tick"] = begin, notes["duration"]
    array["onset_beat"] = begin / piece.ticks_per_beat
    array["duration_beat"] = notes["duration"] / piece.ticks_per_beat
    array["onset_sec"] = piece.seconds(begin)
    array["duration_sec"] = piece.seconds(stop) - array["onset_sec"]
    for name in ("pitch", "velocity", "track", "program"):
        array[name] = notes[name]
    array["channel"] = np.where(notes["program"] == DRUMS, DRUM_CHANNEL, 0)
    array["id"] = [f"n{number}" for number in range(len(notes))]
    return array


def notes_of(array: Any, piece: PieceTables) -> Table:  # noqa: ANN401 - what users give
    """Return the notes of a note array, in the ticks of `piece`.

    Raises PieceError if a column is missing, or a value does not fit the table.
    """
    names = (array.dtype.names if isinstance(array, np.ndarray) else None) or ()
    unit = next((u for u in UNITS if {f"onset_{u}", f"duration_{u}"} <= set(names)), None)
    if unit is None or "pitch" not in names:
        raise PieceError(
            "a note array is a structured array with the columns pitch and onset_beat and "
            f"duration_beat (or _quarter, _sec, _tick); got {', '.join(names) or type(array)}"
        )
    begin, stop = _ticks(array[f"onset_{unit}"], array[f"duration_{unit}"], unit, piece)
    columns: dict[str, Any] = {"start": begin, "duration": np.maximum(stop - begin, 1)}
    drums = array["channel"] == DRUM_CHANNEL if "channel" in names else np.zeros(len(array), bool)
    defaults = {"pitch": 0, "velocity": 80, "track": 0, "program": np.where(drums, DRUMS, 0)}
    for name, default in defaults.items():
        columns[name] = array[name] if name in names else default
    notes = np.zeros(len(array), NOTE)
    for name, values in columns.items():
        most = np.iinfo(NOTE[name]).max
        if np.min(values, initial=0) < 0 or np.max(values, initial=0) > most:
            wrong = np.asarray(values)[(np.asarray(values) < 0) | (np.asarray(values) > most)]
            raise PieceError(f"{name} is {wrong[0]}; 0..{most} are allowed")
        notes[name] = values
    return notes


def _ticks(
    onset: Table, duration: Table, unit: str, piece: PieceTables
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ticks at which notes begin and end; the first is moved to 0 if it is before."""
    onset, duration = onset.astype(np.float64), duration.astype(np.float64)
    if not (np.isfinite(onset).all() and np.isfinite(duration).all()):
        raise PieceError("onsets and durations must be finite numbers")
    onset = onset - min(float(onset.min(initial=0)), 0.0)
    if unit == "sec":
        begin, stop = piece.ticks(onset), piece.ticks(onset + duration)
    else:
        factor = 1 if unit == "tick" else piece.ticks_per_beat
        begin, stop = (np.rint(part * factor) for part in (onset, onset + duration))
    if np.max(stop, initial=0) > MAX_TICK:
        raise PieceError(f"a note ends after tick {MAX_TICK}, the last that is allowed")
    return begin.astype(np.int64), stop.astype(np.int64)
