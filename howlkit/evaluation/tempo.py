"""How much of a piece's tempo and metre is left in its decoded version.

Both are compared beat by beat. `decode(steps)` without `like` has the music at the same beats as
the piece, even if it lost the tempo and so has it at other seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.evaluation.tally import Tally
from howlkit.music.piece import Piece
from howlkit.music.tables import Table

__all__ = ["compare_tempo_and_metre"]

_DEFAULT_TEMPO = 500_000  # microseconds a beat before the first tempo, as in a MIDI file

Floats = NDArray[np.float64]


def compare_tempo_and_metre(piece: Piece, version: Piece) -> Tally:
    """Return the fields `tempo`, `tempo_error`, `metre` and `metre_kept` of a Tally.

    version: as `decode(steps)` returns it, without `like`.

    >>> notes = [(0, 960, 60)]
    >>> compare_tempo_and_metre(Piece.of(notes, bpm=60), Piece.of(notes, bpm=120)).tempo_error
    2.0
    """
    total = piece.beats_long
    tables = [t for p in (piece, version) for t in ((p, p.tempos), (p, p.time_signatures))]
    changes = [table["tick"] / owner.ticks_per_beat for owner, table in tables]
    cuts = np.unique(np.clip(np.concatenate([[0.0, total], *changes]), 0.0, total))
    middles = (cuts[1:] + cuts[:-1]) / 2  # between two cuts nothing changes
    beat, other_beat = (_microseconds_a_beat(p, middles) for p in (piece, version))
    metre, other_metre = (_metre(p, middles) for p in (piece, version))
    seconds = np.diff(cuts) * beat / 1e6
    tempo = (beat != _DEFAULT_TEMPO).any() * seconds
    metres = (metre != _metre(Piece(), middles)).any() * seconds
    return Tally(
        tempo=float(tempo.sum()),
        tempo_error=float((tempo * np.abs(beat / other_beat - 1)).sum()),
        metre=float(metres.sum()),
        metre_kept=float((metres * (metre == other_metre)).sum()),
    )


def _microseconds_a_beat(piece: Piece, beats: Floats) -> Floats:
    """Return the microseconds a beat at each of `beats`."""
    return _in_force(piece, piece.tempos, piece.tempos["microseconds"], _DEFAULT_TEMPO, beats)


def _metre(piece: Piece, beats: Floats) -> Floats:
    """Return a number for the metre at each of `beats`; 4/4 before the first time signature."""
    table = piece.time_signatures
    code = table["numerator"] * np.int64(256) + table["denominator"]
    return _in_force(piece, table, code, 4 * 256 + 4, beats)


def _in_force(piece: Piece, table: Table, values: Table, default: int, beats: Floats) -> Floats:
    """Return, at each of `beats`, the value of the last row before it, or `default`."""
    at = np.searchsorted(table["tick"] / piece.ticks_per_beat, beats, side="right")
    return np.concatenate(([default], values)).astype(np.float64)[at]
