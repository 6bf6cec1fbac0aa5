"""The tables of a Piece: the columns of their rows, their order and their limits.

Positions and durations are whole ticks. Everything that a hostile file could break is checked here,
once, so that no later stage has to check it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import PieceError

__all__ = [
    "DEFAULT_TEMPO",
    "DRUMS",
    "DTYPES",
    "FOREVER",
    "KEY_SIGNATURE",
    "MAX_TICK",
    "NOTE",
    "PEDAL",
    "SLOWEST_TEMPO",
    "TEMPO",
    "TIME_SIGNATURE",
    "Table",
    "check_tables",
    "last_at_each_tick",
    "settle_notes",
]

DRUMS = 128
"""The program of notes on MIDI's drum channel; melodic programs are 0..127."""

MAX_TICK = 2**31 - 1
"""No note may end after this tick."""

FOREVER = 2**40
"""A tick after all others: the `until` of a piece after which no music follows."""

NOTE = np.dtype(
    [
        ("start", "<i4"),
        ("duration", "<i4"),
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("program", "u1"),
        ("track", "<u2"),
    ]
)
"""One note: start and duration in ticks (duration at least 1), pitch, velocity, program, track."""

TEMPO = np.dtype([("tick", "<i4"), ("microseconds", "<i4")])
"""The microseconds of a beat from this tick on (1 .. 2**24 - 1, as in a MIDI file)."""

TIME_SIGNATURE = np.dtype([("tick", "<i4"), ("numerator", "u1"), ("denominator", "u1")])
"""A metre, such as 6/8, from this tick on; the denominator is a power of two, 1..128."""

KEY_SIGNATURE = np.dtype([("tick", "<i4"), ("sharps", "i1"), ("minor", "u1")])
"""A key from this tick on: sharps from -7 (seven flats) to 7, minor 0 or 1."""

PEDAL = np.dtype([("start", "<i4"), ("duration", "<i4"), ("track", "<u2")])
"""The sustain pedal held down (controller 64 at 64 or more) on one track."""

DEFAULT_TEMPO = 500_000  # microseconds a beat: 120 beats a minute, before the first tempo

SLOWEST_TEMPO = 2**24 - 1  # microseconds a beat: the most that a MIDI file can say

Table = NDArray[Any]

DTYPES = {
    "notes": NOTE,
    "tempos": TEMPO,
    "time_signatures": TIME_SIGNATURE,
    "key_signatures": KEY_SIGNATURE,
    "pedals": PEDAL,
}
"""The tables of a Piece by name, and the type of each."""


def settle_notes(notes: Table) -> tuple[Table, int]:
    """Return `notes` in the order of a Piece, and the tick at which the last one ends, or 0.

    The order is start, program, pitch, track, duration, velocity. The first four columns fit one
    64-bit key, which is several times faster to sort than the columns one after the other; the
    other two are compared only where keys are equal. Raises PieceError for an impossible note.
    """
    if not len(notes):
        return notes, 0
    key = notes["start"].astype(np.int64)  # 31 bits, so the key has 63
    for name, bits in (("program", 8), ("pitch", 8), ("track", 16)):
        key <<= bits
        key |= notes[name]
    end = _checked_end(notes, int(np.bitwise_or.reduce(key)))
    if np.count_nonzero(key[1:] > key[:-1]) == len(key) - 1:
        return notes, end
    order = key.argsort(kind="stable")
    notes, key = notes.take(order), key.take(order)  # thirty times as fast as notes[order]
    ties = key[1:] == key[:-1]
    if np.count_nonzero(ties):
        tied = np.flatnonzero(np.append(ties, False) | np.append(False, ties))
        some = notes.take(tied)
        notes[tied] = some.take(np.lexsort((some["velocity"], some["duration"], key[tied])))
    return notes, end


def last_at_each_tick(table: Table) -> Table:
    """Return the rows of a table by tick; of several at one tick the last, as a player would."""
    if len(table) < 2:
        return table
    ticks = table["tick"]
    rises = ticks[1:] > ticks[:-1]
    return table if rises.all() else table.compress(np.append(rises, True))


def check_tables(tables: Mapping[str, Table]) -> None:
    """Check the tables named in `DTYPES`: every type, and all values but those of the notes.

    `settle_notes` checks the values of the notes. Raises PieceError for a table of another type or
    shape, a value out of its range, or ticks that do not rise.
    """
    for name, dtype in DTYPES.items():
        table = tables[name]
        if not isinstance(table, np.ndarray) or table.dtype != dtype or table.ndim != 1:
            raise PieceError(f"{name} must be a 1-D array of dtype {dtype}")
    tempos, metres, keys = (tables["tempos"], tables["time_signatures"], tables["key_signatures"])
    if len(tempos):
        _check_range("tempo (microseconds a beat)", tempos["microseconds"], 1, SLOWEST_TEMPO)
    if len(metres):
        _check_range("time signature numerator", metres["numerator"], 1, 255)
        _check_denominators(metres["denominator"])
    if len(keys):
        _check_range("key signature sharps", keys["sharps"], -7, 7)
        _check_range("key signature minor", keys["minor"], 0, 1)
    pedals = tables["pedals"]
    if len(pedals):
        _check_range("pedal start", pedals["start"], 0, MAX_TICK)
        _check_range("pedal duration", pedals["duration"], 0, MAX_TICK)
    for name in ("tempos", "time_signatures", "key_signatures"):
        if len(table := tables[name]):
            _check_ticks(name, table["tick"])


def _checked_end(notes: Table, bits: int) -> int:
    """Return the tick at which the last of one or more notes ends; PieceError for a wrong note.

    bits: the bits set in the key of any note.
    """
    durations = notes["duration"].copy()  # aligned: quicker
    ends = (notes["start"] + durations).view(np.uint32)  # beyond MAX_TICK int32 wraps round
    end = int(np.maximum.reduce(ends))
    least, loudest = np.minimum.reduce(durations), np.maximum.reduce(notes["velocity"] - _ONE)
    if bits < 0 or bits >> 16 & 128 or least < 1 or end > MAX_TICK or loudest > 126:
        _check_range("note start", notes["start"], 0, MAX_TICK)
        _check_range("note duration", durations, 1, MAX_TICK)
        _check_range("pitch", notes["pitch"], 0, 127)
        _check_range("velocity", notes["velocity"], 1, 127)
        raise PieceError(f"note end is {end}; 0..{MAX_TICK} are allowed")
    if bits >> 24 & 255 > DRUMS:  # these are the bits of all programs: each may be allowed
        _check_range("program", notes["program"], 0, DRUMS)
    return end


_FEW = 32  # up to this many values, Python is quicker than numpy

_ONE = np.uint8(1)  # 0 minus this wraps round to 255

_DENOMINATORS = {2**power for power in range(8)}

_EXTREMES = {
    np.dtype(kind): (int(np.iinfo(kind).min), int(np.iinfo(kind).max))
    for kind in ("i1", "u1", "u2", "<i4")
}


def _check_ticks(name: str, ticks: Table) -> None:
    if len(ticks) > 1 and (ticks[1:] <= ticks[:-1]).any():
        raise PieceError(f"{name} must stand at rising ticks, one at each")
    if ticks[0] < 0:
        raise PieceError(f"{name} tick is {ticks[0]}; 0..{MAX_TICK} are allowed")


def _check_range(what: str, values: Table, low: int, high: int) -> None:
    if len(values) <= _FEW:
        few = values.tolist()
        least, most = min(few), max(few)
    else:  # a limit that the type of a column keeps is not checked
        type_least, type_most = _EXTREMES[values.dtype]
        least = int(np.minimum.reduce(values)) if low > type_least else low
        most = int(np.maximum.reduce(values)) if high < type_most else high
    if least < low or most > high:
        worst = least if least < low else most
        raise PieceError(f"{what} is {worst}; {low}..{high} are allowed")


def _check_denominators(values: Table) -> None:
    for worst in set(values.tolist()) - _DENOMINATORS:
        raise PieceError(f"time signature denominator is {worst}; 1, 2, 4 .. 128 are allowed")
