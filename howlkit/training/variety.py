"""How varied excerpts of the training music are: what made music is held to.

That is the entropy of each field, how often passages come back, and how consonant notes are with
what sounds where they begin.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.network.note_spans import NoteSpans
from howlkit.note_pitches import notes_of
from howlkit.protocols import Encoder
from howlkit.schema import STEP, Schema, Steps

__all__ = ["VARIETY", "entropies", "shares", "typical", "variety"]

VARIETY = "variety"
"""The name of what `variety` returns among the facts of a run."""

LONGEST = 256
"""An excerpt is never longer, in steps: a tune of some forty seconds, a note a step."""

SHORTEST = 16
"""Shorter pieces say nothing of how varied music is."""

PASSAGE = 4
"""The notes of a passage that comes back."""

CONSONANT = (0, 3, 4, 5, 7, 8, 9)
"""Intervals in semitones, whatever the octave: thirds, fourths, fifths, sixths and octaves."""

BEFORE = 32
"""A note is compared with no more of the notes before it."""

FEWEST_INTERVALS = 20
"""With fewer in an excerpt there is no saying how consonant it is."""


def variety(encoder: Encoder, pieces: Iterable[Piece]) -> dict[str, Any]:
    """Return how varied the first steps of pieces are, JSON-ready.

    steps: how many of a piece count; half of the pieces have so many. entropies: by field of
    classes, in bits. shares: those of `shares`. All of it is `typical` of the pieces.
    Pieces that are shorter are left out. {}: there are none that count.
    """
    rows = [row for row in map(encoder.encode, pieces) if _count(row) >= SHORTEST]
    if not rows:
        return {}
    steps = min(LONGEST, int(np.median([_count(row) for row in rows])))
    long = [row for row in rows if _count(row) >= steps]
    return {
        "steps": steps,
        "entropies": _typical_of(entropies(encoder.schema, row, steps) for row in long),
        "shares": _typical_of(shares(encoder.schema, row, steps) for row in long),
    }


def _typical_of(found: Iterable[dict[str, float]]) -> dict[str, float]:
    """Return by name what is typical of numbers; those that are nowhere defined are left out."""
    all_found = list(found)
    each = {name: typical(one[name] for one in all_found) for name in all_found[0]}
    return {name: value for name, value in each.items() if not math.isnan(value)}


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


def shares(schema: Schema, row: Steps, steps: int) -> dict[str, float]:
    """Return what share of the first `steps` steps comes back, and is consonant, 0..1.

    repeated: the share of passages of four notes, each a pitch and the time since the onset before,
    that came before. consonant: the share of the intervals of notes to those that sound where they
    begin which are thirds, fourths, fifths, sixths or octaves; NaN: there are too few.
    row: encoded, with or without a start. {} for an encoder whose steps do not say which note each
    begins, when, and how long it lasts (`NoteSpans`).

    >>> from howlkit import Piece, encoder
    >>> tuples = encoder("tuple")
    >>> row = tuples.encode(Piece.of([(480 * i, 480, 60 + i % 4) for i in range(12)]))
    >>> round(shares(tuples.schema, row, 12)["repeated"], 2)  # the first shift is another one
    0.44
    """
    notes = notes_of(schema)
    if notes is None or not NoteSpans.possible(schema):
        return {}
    ordinary = row[row["mark"] == STEP][:steps]
    ((name, pitches),) = notes.pitches.items()
    pitch = pitches[ordinary[name]]
    shift = sum(adds[ordinary[each]] for each, adds in notes.shifts.items())
    length = sum(adds[ordinary[each]] for each, adds in notes.lengths.items())
    is_note = pitch >= 0
    for each, are_drums in notes.drums.items():
        is_note &= ~are_drums[ordinary[each]]
    onset = np.cumsum(shift)
    return {
        "repeated": _repeated(np.stack((pitch, shift), 1)),
        "consonant": _consonant(pitch[is_note], onset[is_note], (onset + length)[is_note]),
    }


def _repeated(notes: NDArray[np.int64]) -> float:
    """Return the share of passages of notes (T, 2) that came before; NaN: there are none."""
    if len(notes) < PASSAGE:
        return math.nan
    passages = np.lib.stride_tricks.sliding_window_view(notes, PASSAGE, axis=0)
    flat = passages.reshape(len(passages), -1)
    return 1 - len(np.unique(flat, axis=0)) / len(flat)


def _consonant(pitch: NDArray[np.int64], onset: NDArray[np.int64], end: NDArray[np.int64]) -> float:
    """Return the share of intervals that are consonant, of notes (T,) in the order of onsets."""
    counts = np.zeros(12)
    for back in range(1, min(BEFORE, len(pitch) - 1) + 1):
        sounds = end[:-back] > onset[back:]
        counts += np.bincount((pitch[back:] - pitch[:-back])[sounds] % 12, minlength=12)
    total = counts.sum()
    return float(counts[list(CONSONANT)].sum() / total) if total >= FEWEST_INTERVALS else math.nan


def _count(row: Steps) -> int:
    return int(np.count_nonzero(row["mark"] == STEP))
