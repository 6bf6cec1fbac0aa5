"""How varied each field is within an excerpt of the training music: what made music is held to."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from howlkit.music.piece import Piece
from howlkit.protocols import Encoder
from howlkit.schema import STEP, Schema, Steps

__all__ = ["VARIETY", "entropies", "typical", "variety"]

VARIETY = "variety"
"""The name of what `variety` returns among the facts of a run."""

LONGEST = 256
"""An excerpt is never longer, in steps: a tune of some forty seconds, a note a step."""

SHORTEST = 16
"""Shorter pieces say nothing of how varied music is."""


def variety(encoder: Encoder, pieces: Iterable[Piece]) -> dict[str, Any]:
    """Return the entropy of each field of classes in the first steps of pieces, JSON-ready.

    steps: how many of a piece count; half of the pieces have so many. entropies: by field, in bits,
    `typical` of the pieces.
    Pieces that are shorter are left out. {}: there are none that count.
    """
    rows = [row for row in map(encoder.encode, pieces) if _count(row) >= SHORTEST]
    if not rows:
        return {}
    steps = min(LONGEST, int(np.median([_count(row) for row in rows])))
    long = [row for row in rows if _count(row) >= steps]
    found = [entropies(encoder.schema, row, steps) for row in long]
    typical_ones = {name: typical([each[name] for each in found]) for name in found[0]}
    known = {name: value for name, value in typical_ones.items() if not math.isnan(value)}
    return {"steps": steps, "entropies": known}


def typical(values: Iterable[float]) -> float:
    """Return the mean of the middle three fifths of values; NaN if none is defined.

    A few excerpts that lose their way, or loop, do not count for more, and less is left to chance
    than with the median.

    >>> typical([1.0, 2.0, 3.0, 4.0, 100.0])
    3.0
    """
    known = np.sort([value for value in values if not math.isnan(value)])
    cut = len(known) // 5
    middle = known[cut : len(known) - cut]
    return float(middle.mean()) if len(middle) else math.nan


def entropies(schema: Schema, row: Steps, steps: int) -> dict[str, float]:
    """Return by field of classes the entropy of its values in the first `steps` steps, in bits.

    row: encoded, with or without a start. Only where a field is active it counts; NaN: nowhere.

    >>> from howlkit import Piece, encoder
    >>> tuples = encoder("tuple")
    >>> row = tuples.encode(Piece.of([(480 * i, 480, 60 + i % 4) for i in range(8)]))
    >>> entropies(tuples.schema, row, 8)["pitch"]
    2.0
    """
    ordinary = row[row["mark"] == STEP][:steps]
    found = {}
    for field in schema.decisions[1:]:
        if field.kind != "class":
            continue
        values = ordinary[field.name][schema.active(field, ordinary)]
        if not len(values):
            found[field.name] = math.nan
            continue
        shares = np.unique(values, return_counts=True)[1] / len(values)
        found[field.name] = float(max(-(shares * np.log2(shares)).sum(), 0.0))
    return found


def _count(row: Steps) -> int:
    return int(np.count_nonzero(row["mark"] == STEP))
