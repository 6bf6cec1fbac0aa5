"""Seeds: hashes of a few notes in a row, equal in copies whatever their key and tempo.

Conventions. A **seed** is the hash, uint32, of `NOTES` notes of a line: the steps in pitch from
each to the next, and which of them belong to one chord. A training line has a seed for each `NOTES`
notes in a row. A line that is looked at has many for each of its notes: for every choice of
`NOTES` among `WINDOW` notes in a row, so that notes which a copy adds do not hide it.

Source: spaced seeds (Ma, Tromp, Li, PatternHunter, Bioinformatics 2002), for music.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from howlkit.evaluation.copying.note_lines import NoteLines

__all__ = ["CHOICES", "NOTES", "WINDOW", "gapped_seeds", "seeds", "seeds_at"]

NOTES = 6
"""The notes of a seed; in 2.7 million notes of real music half of all notes share theirs with at
most three others."""

WINDOW = 8
"""The notes in a row among which those of a seed are chosen."""

CHOICES = np.array(
    [(0, *rest) for rest in itertools.combinations(range(1, WINDOW), NOTES - 1)], np.int64
)
"""(21, `NOTES`): the places of a seed's notes after its first one; the first row has no gaps."""

Seeds = NDArray[np.uint32]
Ints = NDArray[np.int64]


def seeds(lines: NoteLines) -> tuple[Seeds, Ints]:
    """Return the seeds (k,) of all lines, without gaps, and the first note (k,) of each."""
    return gapped_seeds(lines, np.arange(len(lines.pitch)), CHOICES[0])


def gapped_seeds(lines: NoteLines, first: Ints, choice: Ints) -> tuple[Seeds, Ints]:
    """Return the seeds (k,) that begin at notes `first` (m,), and the first note (k,) of each.

    choice: a row of `CHOICES`. Notes too near the end of their line have none.
    """
    first = first[first + choice[-1] < len(lines.pitch)]
    first = first[lines.line_of(first) == lines.line_of(first + choice[-1])]
    return seeds_at(lines, first, choice), first


def seeds_at(lines: NoteLines, first: Ints, choice: Ints) -> Seeds:
    """Return the seeds (m,) that begin at notes `first` (m,), each of which has one."""
    mixed = np.zeros(len(first), np.uint64)
    before = first
    for place in choice[1:]:
        note = first + place
        step = lines.pitch[note].astype(np.int64) - lines.pitch[before] + 128
        together = lines.time[note] == lines.time[before]
        mixed = _mix(mixed * np.uint64(31) + (step * 2 + together).astype(np.uint64))
        before = note
    return (mixed >> np.uint64(32)).astype(np.uint32)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return well-mixed 64-bit hashes (a step of splitmix64), the same on every machine."""
    mixed = (values + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
