"""Statistics and features of many pieces, by name, and their quantiles for a table."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.errors import DataError
from howlkit.evaluation.statistics import features, pitches, rhythm
from howlkit.music.piece import Piece

__all__ = ["FEATURES", "STATISTICS", "Spread", "spread", "tabulate"]

Function = Callable[[Piece], ArrayLike]

STATISTICS: Mapping[str, Function] = {
    "pitch_range": pitches.pitch_range,
    "n_pitches_used": pitches.n_pitches_used,
    "n_pitch_classes_used": pitches.n_pitch_classes_used,
    "polyphony": rhythm.polyphony,
    "polyphony_rate": rhythm.polyphony_rate,
    "pitch_in_scale_rate": pitches.pitch_in_scale_rate,
    "scale_consistency": pitches.scale_consistency,
    "pitch_entropy": pitches.pitch_entropy,
    "pitch_class_entropy": pitches.pitch_class_entropy,
    "empty_beat_rate": rhythm.empty_beat_rate,
    "empty_measure_rate": rhythm.empty_measure_rate,
    "groove_consistency": functools.partial(rhythm.groove_consistency, steps_per_beat=16),
    "drum_in_pattern_rate": rhythm.drum_in_pattern_rate,
    "drum_pattern_consistency": rhythm.drum_pattern_consistency,
    "note_count": features.note_count,
    "average_pitch_interval": features.average_pitch_interval,
    "average_inter_onset_interval": features.average_inter_onset_interval,
}
"""One number for each piece: MusPy's fourteen metrics, and the features of Yang and Lerch that are
one number. Options have MusPy's defaults, except that the groove has 16 steps a beat: on ticks,
pieces of different resolution could not be compared."""

FEATURES: Mapping[str, Function] = {
    "pitch_count": features.pitch_count,
    "pitch_class_histogram": features.pitch_class_histogram,
    "pitch_class_transition_matrix": features.pitch_class_transition_matrix,
    "pitch_range": features.pitch_range,
    "average_pitch_interval": features.average_pitch_interval,
    "note_count": features.note_count,
    "average_inter_onset_interval": features.average_inter_onset_interval,
    "note_length_histogram": features.note_length_histogram,
    "note_length_transition_matrix": features.note_length_transition_matrix,
}
"""The features of Yang and Lerch: a number or a vector for each piece, for `set_distances`."""


def tabulate(
    pieces: Iterable[Piece], *tables: Mapping[str, Function]
) -> tuple[dict[str, NDArray[np.float64]], ...]:
    """Return the values of the functions in each table, by name: (N,) or (N, D), a row a piece.

    `pieces` is iterated once. Raises DataError if it is empty.

    >>> from howlkit.evaluation.statistics import pitch_range
    >>> (values,) = tabulate([Piece.of([(0, 480, 60), (0, 480, 67)])], {"range": pitch_range})
    >>> values
    {'range': array([7.])}
    """
    columns: list[dict[str, list[ArrayLike]]] = [{name: [] for name in table} for table in tables]
    for piece in pieces:
        for table, column in zip(tables, columns, strict=True):
            for name, function in table.items():
                column[name].append(function(piece))
    found = tuple({name: np.array(c, np.float64) for name, c in table.items()} for table in columns)
    if not all(len(values) for table in found for values in table.values()):
        raise DataError("there are no pieces to measure")
    return found


@dataclass(frozen=True)
class Spread:
    """How many pieces have a number, and its quantiles over them (NaN if no piece has it)."""

    pieces: int
    low: float
    median: float
    high: float


def spread(values: NDArray[np.float64]) -> Spread:
    """Return the 10 %, 50 % and 90 % quantiles of values (N,), without those that are NaN.

    Between two values they are interpolated, as numpy does by default.

    >>> spread(np.array([0.0, 10.0, np.nan, 20.0]))
    Spread(pieces=3, low=2.0, median=10.0, high=18.0)
    """
    defined = values[~np.isnan(values)]
    if not len(defined):
        return Spread(0, math.nan, math.nan, math.nan)
    low, median, high = np.quantile(defined, [0.1, 0.5, 0.9]).tolist()
    return Spread(len(defined), low, median, high)
