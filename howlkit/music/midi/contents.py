"""What a reader finds in a MIDI file, and the rules for its tempos, metres and keys."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from howlkit.music.extras import NO_EXTRAS, Extras
from howlkit.music.tables import (
    KEY_SIGNATURE,
    MAX_TICK,
    NOTE,
    PEDAL,
    SLOWEST_TEMPO,
    TEMPO,
    TIME_SIGNATURE,
    Table,
    last_at_each_tick,
)

__all__ = ["Contents", "smpte_tempo", "usable_keys", "usable_metres", "usable_tempos"]

_MOST_DENOMINATOR = 128


@dataclass
class Contents:
    """The tables of a Piece, as a reader found them, and the number of each of `REPAIRS`."""

    notes: Table = field(default_factory=lambda: np.empty(0, NOTE))
    tempos: Table = field(default_factory=lambda: np.empty(0, TEMPO))
    time_signatures: Table = field(default_factory=lambda: np.empty(0, TIME_SIGNATURE))
    key_signatures: Table = field(default_factory=lambda: np.empty(0, KEY_SIGNATURE))
    pedals: Table = field(default_factory=lambda: np.empty(0, PEDAL))
    extras: Extras = field(default_factory=lambda: NO_EXTRAS)
    repairs: Counter[str] = field(default_factory=Counter)


def smpte_tempo(beat: float, repairs: Counter[str]) -> Table:
    """Return the tempo of a file that counts ticks a second; beat: the seconds of a beat."""
    repairs["smpte_divisions"] += 1
    return np.array([(0, round(beat * 1e6))], TEMPO)


def usable_tempos(table: Table, repairs: Counter[str]) -> Table:
    """Return the possible tempos of a table by tick, the last at each tick; count the others."""
    possible = (table["microseconds"] >= 1) & (table["microseconds"] <= SLOWEST_TEMPO)
    return _usable(table, possible, "tempos", repairs)


def usable_metres(table: Table, repairs: Counter[str]) -> Table:
    """Return the possible time signatures of a table; as `usable_tempos`.

    A denominator above 128 comes as 0.
    """
    denominators = table["denominator"]
    possible = (table["numerator"] >= 1) & (denominators >= 1)
    possible &= denominators <= _MOST_DENOMINATOR
    return _usable(table, possible, "time_signatures", repairs)


def usable_keys(table: Table, repairs: Counter[str]) -> Table:
    """Return the possible key signatures of a table; as `usable_tempos`."""
    possible = (np.abs(table["sharps"].astype(np.int16)) <= 7) & (table["minor"] <= 1)
    return _usable(table, possible, "key_signatures", repairs)


def _usable(table: Table, possible: Table, what: str, repairs: Counter[str]) -> Table:
    if not len(table):
        return table
    found = table.compress(possible & (table["tick"] <= MAX_TICK))
    last = last_at_each_tick(found)
    repairs[f"impossible_{what}"] += len(table) - len(found)
    repairs[f"repeated_{what}"] += len(found) - len(last)
    return last
