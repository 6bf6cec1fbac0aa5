"""The seven of MusPy's metrics that look at time; papers and conventions: the package.

Everything is computed from the edges of notes, never tick by tick, so that it takes as long as
sorting the notes, whatever the length of the piece.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import OptionError
from howlkit.evaluation.statistics.pitches import melodic
from howlkit.music.piece import DRUMS, Piece

__all__ = [
    "bar_ticks",
    "drum_in_pattern_rate",
    "drum_pattern_consistency",
    "empty_beat_rate",
    "empty_measure_rate",
    "groove_consistency",
    "polyphony",
    "polyphony_rate",
]

Ticks = NDArray[np.int64]
METERS = ("duple", "triple")


def polyphony(piece: Piece) -> float:
    """Return how many pitches sound at once, averaged over the ticks where any does [MusPy].

    1..128; drums are left out, and a pitch that two instruments play counts once.
    NaN: there is no note but drums.

    >>> polyphony(Piece.of([(0, 960, 60), (0, 480, 64)]))
    1.5
    """
    pitches, ticks = _sounding(piece)
    busy = int(ticks[pitches > 0].sum())
    return int((pitches * ticks).sum()) / busy if busy else math.nan


def polyphony_rate(piece: Piece, *, threshold: int = 2) -> float:
    """Return the share of the ticks where more than `threshold` pitches sound [MuseGAN, MusPy].

    0..1, a share of all ticks up to the end of the last note. That note may be a drum, although
    drums are left out of the pitches. As in MusPy and in MuseGAN (its "polyphonicity") it is *more*
    than the threshold: by default three pitches or more. NaN: there is no note.
    """
    pitches, ticks = _sounding(piece)
    return int(ticks[pitches > threshold].sum()) / piece.end if piece.end else math.nan


def empty_beat_rate(piece: Piece) -> float:
    """Return the share of the beats in which no note sounds, 0..1 [Pypianoroll, MusPy].

    Drums count. A beat is a quarter note. As in MusPy the end of a note belongs to it, so a note
    that ends on a beat fills that beat too, and there is one beat more than the length of the
    music. NaN: there is no note.

    One beat of sound, two of silence, one of sound:

    >>> round(empty_beat_rate(Piece.of([(0, 480, 60), (1440, 480, 60)])), 3)
    0.2
    """
    return _empty_rate(piece, piece.ticks_per_beat)


def empty_measure_rate(piece: Piece, *, measure_resolution: int | None = None) -> float:
    """Return the share of the bars in which no note sounds, 0..1 [MuseGAN, MusPy].

    measure_resolution: ticks a bar, by default `bar_ticks(piece)`; bars are counted from tick 0 and
    all of one length, whatever the time signatures in between. Drums count; ends as in
    `empty_beat_rate`. NaN: there is no note. Raises OptionError for a bar of less than a tick.
    """
    return _empty_rate(piece, _bar(piece, measure_resolution))


def groove_consistency(
    piece: Piece, *, measure_resolution: int | None = None, steps_per_beat: int | None = None
) -> float:
    """Return how alike the onsets of neighbouring bars are, 0..1 [Jazz Transformer, MusPy].

    1 minus the mean share of a bar's positions at which one of two neighbours has an onset and the
    other has none. Drums count. measure_resolution: ticks a bar, as in `empty_measure_rate`.

    steps_per_beat: positions a beat; onsets are rounded to them. By default every tick is a
    position, as in MusPy. Because almost all ticks of any bar are silent, that is near 1 for any
    music, and nearer the more ticks a beat has. The paper has 64 positions a bar, 16 a beat of 4/4,
    and so has `STATISTICS`. The paper averages over all pairs of bars, MusPy and we over
    neighbours.

    NaN: there are fewer than two bars. Raises OptionError for a number below 1.
    """
    bar, end, onsets = _bar(piece, measure_resolution), piece.end, _starts(piece)
    if steps_per_beat is not None:
        _check_positive("steps_per_beat", steps_per_beat)
        rows = np.concatenate(([bar, end], onsets))
        rows = (2 * steps_per_beat * rows + piece.ticks_per_beat) // (2 * piece.ticks_per_beat)
        bar, end, onsets = max(int(rows[0]), 1), int(rows[1]), rows[2:]
    onsets = np.unique(onsets)
    last = end // bar
    if last < 1:
        return math.nan
    # An onset differs from the bar before and from the bar after, save where they have it too:
    # then neither does. The first bar has none before, the last none after.
    differences = 2 * len(onsets) - int(((onsets < bar) | (onsets >= last * bar)).sum())
    differences -= 2 * int(np.isin(onsets + bar, onsets, assume_unique=True).sum())
    return 1 - differences / (bar * last)


def drum_in_pattern_rate(piece: Piece, *, meter: Literal["duple", "triple"] = "duple") -> float:
    """Return the share of the drum notes that begin on a subdivision of the beat [MuseGAN, MusPy].

    0..1. meter: duple is quarters of a beat (halves or whole beats, if a quarter is no whole number
    of ticks), triple is thirds. A time signature does not say how beats are divided (6/8 has its
    eighths at halves of a quarter note), so the default does not depend on the piece. An onset must
    be on the very tick: notes played by hand hardly ever are.
    NaN: there are no drums. Raises OptionError for another meter.
    """
    if meter not in METERS:
        raise OptionError(f"meter is {meter!r}; duple and triple are allowed")
    beat = piece.ticks_per_beat
    parts = next(n for n in ((4, 2, 1) if meter == "duple" else (3, 1)) if beat % n == 0)
    starts = _starts(piece)[piece.notes["program"] == DRUMS]
    return float((starts % (beat // parts) == 0).mean()) if len(starts) else math.nan


def drum_pattern_consistency(piece: Piece) -> float:
    """Return the larger `drum_in_pattern_rate` of the two meters, 0..1 [MusPy].

    NaN: there are no drums.
    """
    return max(
        drum_in_pattern_rate(piece, meter="duple"), drum_in_pattern_rate(piece, meter="triple")
    )


def bar_ticks(piece: Piece) -> int:
    """Return the ticks of a bar in the metre that lasts longest; 4/4 before any time signature.

    An upbeat that is written as a short bar of its own does not count, because it is short.

    >>> bar_ticks(Piece.of([(0, 480, 60)], ticks_per_beat=96))
    384
    """
    table, beat = piece.time_signatures, piece.ticks_per_beat
    ticks = table["tick"].astype(np.int64)
    bars = np.rint(4.0 * beat * table["numerator"] / table["denominator"]).astype(np.int64)
    if not len(ticks) or ticks[0] > 0:
        ticks, bars = np.append(0, ticks), np.append(4 * beat, bars)
    held = np.diff(np.minimum(np.append(ticks, piece.end), piece.end))
    lengths, which = np.unique(bars, return_inverse=True)
    return max(int(lengths[np.bincount(which, weights=held).argmax()]), 1)


def _bar(piece: Piece, measure_resolution: int | None) -> int:
    if measure_resolution is None:
        return bar_ticks(piece)
    _check_positive("measure_resolution", measure_resolution)
    return measure_resolution


def _check_positive(what: str, value: int) -> None:
    if value < 1:
        raise OptionError(f"{what} is {value}; 1 or more are allowed")


def _starts(piece: Piece) -> Ticks:
    return piece.notes["start"].astype(np.int64)


def _union(starts: Ticks, stops: Ticks) -> tuple[Ticks, Ticks]:
    """Return the union of intervals [start, stop) as disjoint intervals, by rising start."""
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(stops[order])
    fresh = np.ones(len(starts), bool)
    fresh[1:] = starts[1:] > reach[:-1]
    return starts[fresh], reach[np.append(fresh[1:], True)[: len(starts)]]


def _sounding(piece: Piece) -> tuple[Ticks, Ticks]:
    """Return how many pitches sound between each two edges of notes, and for how many ticks."""
    notes = melodic(piece)
    # Each pitch has its own part of the number line, which notes of other pitches do not reach.
    starts = (notes["pitch"].astype(np.int64) << 32) + notes["start"]
    starts, stops = _union(starts, starts + notes["duration"])
    edges = np.concatenate((starts, stops)) & (2**32 - 1)
    order = np.argsort(edges, kind="stable")
    change = np.repeat([1, -1], len(starts))[order]
    return np.cumsum(change)[:-1], np.diff(edges[order])


def _empty_rate(piece: Piece, unit: int) -> float:
    """Return the share of the units of `unit` ticks that no note touches; NaN without notes."""
    if not piece.end:
        return math.nan
    starts, stops = _union(_starts(piece) // unit, piece.ends // unit + 1)
    return 1 - int((stops - starts).sum()) / (piece.end // unit + 1)
