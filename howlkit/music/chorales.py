"""Bach's four-part chorales, the music that comes with howlkit: enough to train a first model.

Conventions. Voices are tracks: 0 soprano, 1 alto, 2 tenor, 3 bass; program 0, velocity 80. Tick 0
is a bar line: an upbeat stands at the end of a bar that begins with a rest. 24 ticks to a beat
hold every duration exactly. The scores carry neither tempo nor dynamics; one tempo stands for all.
Source: data/chorales.npz, made by scripts/make_chorales.py; data/README.md is its card.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError
from howlkit.music.piece import Piece
from howlkit.music.tables import KEY_SIGNATURE, NOTE, TEMPO, TIME_SIGNATURE

__all__ = ["BPM", "VELOCITY", "VOICES", "load", "where"]

VOICES = ("soprano", "alto", "tenor", "bass")
"""What tracks 0 to 3 are."""

BPM = 84
"""Quarters a minute, for all: an unhurried pace to sing at."""

VELOCITY = 80
"""The velocity of every note."""

FORMAT = 1  # of chorales.npz

Arrays = dict[str, NDArray[Any]]


def where() -> Path:
    """Return the file that holds them all."""
    return Path(__file__).parents[1] / "data" / "chorales.npz"


def load() -> list[Piece]:
    """Return the chorales by rising BWV number, each named by it and by its hymn's first line.

    Raises DataError if the installed file is of another version.

    >>> load()[1].name
    'BWV 3.6 Ach Gott, wie manches Herzeleid'
    """
    with np.load(where(), allow_pickle=False) as file:
        arrays = dict(file)
    if arrays["format"] != FORMAT:
        raise DataError(
            f"howlkit/data/chorales.npz has format {arrays['format']}, this version reads "
            f"{FORMAT}: reinstall howlkit"
        )
    tempos = np.array([(0, round(60e6 / BPM))], TEMPO)
    return [
        Piece(
            notes,
            ticks_per_beat=int(arrays["ticks_per_beat"]),
            tempos=tempos,
            time_signatures=meter,
            key_signatures=key,
            name=f"BWV {bwv} {title}".strip(),
        )
        for notes, meter, key, bwv, title in zip(
            _notes(arrays),
            _time_signatures(arrays),
            _key_signatures(arrays),
            arrays["bwv"],
            arrays["title"],
            strict=True,
        )
    ]


def _notes(arrays: Arrays) -> list[NDArray[Any]]:
    """Return the notes of each chorale; a line's starts are the running sum of its durations."""
    lengths = arrays["line_length"]  # (chorales, voices)
    duration = arrays["duration"].astype(np.int64)
    begins = np.cumsum(duration) - duration  # as if all lines stood end to end
    first = np.cumsum(lengths.ravel()) - lengths.ravel()
    notes = np.zeros(len(duration), NOTE)
    notes["start"] = begins - np.repeat(begins[first], lengths.ravel())
    notes["duration"] = duration
    notes["pitch"] = arrays["pitch"]
    notes["velocity"] = VELOCITY
    notes["track"] = np.repeat(np.tile(np.arange(len(VOICES)), len(lengths)), lengths.ravel())
    chorales = np.split(notes, np.cumsum(lengths.sum(axis=1))[:-1])
    return [chorale[chorale["pitch"] > 0] for chorale in chorales]


def _time_signatures(arrays: Arrays) -> list[NDArray[Any]]:
    table = np.zeros(len(arrays["meter_tick"]), TIME_SIGNATURE)
    for column in ("tick", "numerator", "denominator"):
        table[column] = arrays[f"meter_{column}"]
    return np.split(table, np.cumsum(arrays["meter_length"])[:-1])


def _key_signatures(arrays: Arrays) -> list[NDArray[Any]]:
    table = np.zeros(len(arrays["sharps"]), KEY_SIGNATURE)
    table["sharps"] = arrays["sharps"]
    table["minor"] = arrays["minor"]
    return np.split(table, len(table))
