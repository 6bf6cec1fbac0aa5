"""Finds the passages that lines of notes share with training lines, in any key and tempo.

Conventions. A **hit** is a pair of notes, one of a query line and one of a training line, at which
equal seeds begin whose rhythms agree. A **run** is a row of hits, each a note or two further in
both lines; one hit alone is chance, unless its seed is rare. A run is extended to both sides, over
notes that the query adds or leaves out (extension.py), to a **passage**. Notes are numbered through
all lines of a NoteLines.

Source: seed and extend, with a bound on how far the score may fall (Altschul and others, BLAST,
Journal of Molecular Biology 1990), for music.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import ranges
from howlkit.evaluation.copying.extension import extend
from howlkit.evaluation.copying.index import TrainingIndex
from howlkit.evaluation.copying.note_lines import NoteLines
from howlkit.evaluation.copying.seeds import CHOICES, NOTES, gapped_seeds, seeds_at

__all__ = ["LEAST", "Passages", "find"]

LEAST = 8
"""The notes that a passage shares with the training music, or more."""

_MOST_HITS = 100  # of a seed; of a more frequent one, those in the first training lines
_STRETCH = 4.0  # the most that a copy may be faster or slower
_SLACK, _SLACK_MS = 0.12, 30  # of a seed's length, by which its notes may be out of time
_RARE = 3  # so often, or less, a seed stands in the training music that is no chance
_NEXT = tuple((ours, theirs) for theirs in (1, 2) for ours in range(theirs, theirs + 3))
_AT_ONCE = 4096  # query notes, which bounds memory

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Hits(NamedTuple):
    """Hits, (k,) each.

    notes: the query note times 2^32 plus the training note. stretch: a length of time in the query
    divided by that in training. rare: whether the seed is.
    """

    notes: Ints
    stretch: Floats
    rare: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Passages:
    """p passages: (p,) each.

    first, last: notes of the query. their_first, their_last: notes of the training lines.
    shared: how many notes both have. length: the same, but notes count once where a figure repeats
    within the passage: a drone of a hundred notes is no long copy. transposed: semitones from the
    training music to the query. stretch: a length of time in the query, divided by that in the
    training music.
    """

    first: Ints
    last: Ints
    their_first: Ints
    their_last: Ints
    shared: Ints
    length: Ints
    transposed: Ints
    stretch: Floats

    def __len__(self) -> int:
        """Return the number of passages."""
        return len(self.first)

    def take(self, which: NDArray[Any]) -> Passages:
        """Return some of the passages, by number or by a mask."""
        return Passages(*(getattr(self, field.name)[which] for field in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Passages]) -> Passages:
        """Return the passages of at least one part, in order."""
        columns = ([getattr(part, field.name) for part in parts] for field in fields(cls))
        return cls(*map(np.concatenate, columns))


def find(query: NoteLines, index: TrainingIndex) -> Passages:
    """Return the passages that the lines of `query` share with training lines.

    Of those within another one of the query, only each line's longest is returned. They are ordered
    by where they begin.
    """
    edges = np.unique([*_edges(query), len(query.pitch)])
    parts = [
        _passages(query, index, np.arange(begin, stop))
        for begin, stop in zip(edges[:-1], edges[1:], strict=True)
    ]
    return Passages.joined([*parts, _passages(query, index, np.arange(0))])


def _edges(query: NoteLines) -> Iterator[int]:
    """Yield the first note of every so many lines, with `_AT_ONCE` notes between or a line."""
    last = -_AT_ONCE
    for begin in query.begins[:-1].tolist():
        if begin - last >= _AT_ONCE:
            yield begin
            last = begin


def _passages(query: NoteLines, index: TrainingIndex, notes: Ints) -> Passages:
    """Return the passages that begin at some notes of the query, or before."""
    training = index.lines
    ours, theirs, stretch = _runs(_all_hits(query, index, notes))
    before = extend(query, training, ours, theirs, stretch, forwards=False)
    after = extend(query, training, ours, theirs, stretch, forwards=True)
    shared = before.shared + after.shared + 1
    length = _lasting(query, before.ours, after.ours)
    their_length = _lasting(training, before.theirs, after.theirs)
    found = Passages(
        first=before.ours,
        last=after.ours,
        their_first=before.theirs,
        their_last=after.theirs,
        shared=shared,
        length=np.minimum(shared, _different(training, before.theirs, after.theirs)),
        transposed=query.pitch[ours].astype(np.int64) - training.pitch[theirs],
        stretch=length / np.maximum(their_length, 1),
    )
    found = found.take(found.shared >= LEAST)
    return found.take(_telling(found, query.line_of(found.first)))


def _different(lines: NoteLines, first: Ints, last: Ints) -> Ints:
    """Return (p,): the notes from `first` to `last`, those of a figure that repeats only once."""
    counts = np.maximum(last - first - NOTES + 2, 1)  # of the seeds between
    which = np.arange(len(first)).repeat(counts)
    begins = np.minimum(ranges(first, counts), len(lines.pitch) - NOTES)
    seed = seeds_at(lines, begins, CHOICES[0]).astype(np.int64)
    kinds = np.unique(which << 32 | seed) >> 32
    return np.bincount(kinds, minlength=len(first)) + (NOTES - 1)


def _lasting(lines: NoteLines, first: Ints, last: Ints) -> Ints:
    return np.asarray(lines.time[last].astype(np.int64) - lines.time[first])


def _all_hits(query: NoteLines, index: TrainingIndex, notes: Ints) -> Hits:
    parts = [_hits(query, index, notes, choice) for choice in CHOICES]
    return Hits(*map(np.concatenate, zip(*parts, strict=True)))


def _hits(query: NoteLines, index: TrainingIndex, notes: Ints, choice: Ints) -> Hits:
    """Return the hits at some query notes, by one choice of notes after each."""
    seed, first = gapped_seeds(query, notes, choice)
    low, high = index.places(seed)
    count = np.minimum(high - low, _MOST_HITS)
    some = count > 0
    low, count = low[some], count[some]
    ours = first[some].repeat(count)
    theirs = index.first[ranges(low, count)].astype(np.int64)
    fits, stretch = _in_time(query, index.lines, ours, theirs, choice)
    rare = (count <= _RARE).repeat(count)
    return Hits((ours << 32 | theirs)[fits], stretch[fits], rare[fits])


def _in_time(
    query: NoteLines, training: NoteLines, ours: Ints, theirs: Ints, choice: Ints
) -> tuple[NDArray[np.bool_], Floats]:
    """Return (k,): at which hits the two seeds have one rhythm at some tempo, and the stretch."""
    length = _lasting(query, ours, ours + choice[-1])
    their_length = _lasting(training, theirs, theirs + NOTES - 1)
    fits = (length > 0) & (length <= _STRETCH * their_length) & (their_length <= _STRETCH * length)
    stretch = length / np.maximum(their_length, 1)
    slack = _SLACK * length + _SLACK_MS
    for number in range(1, NOTES - 1):
        passed = _lasting(query, ours, ours + choice[number])
        theirs_passed = _lasting(training, theirs, theirs + number)
        fits &= np.abs(passed - stretch * theirs_passed) <= slack
    return fits, stretch


def _runs(hits: Hits) -> tuple[Ints, Ints, Floats]:
    """Return the query note, the training note and the stretch (r,) of each run's first hit."""
    notes, which = np.unique(hits.notes, return_index=True)
    follows, goes_on = np.zeros(len(notes), bool), hits.rare[which]
    for ours, theirs in _NEXT:
        further = notes + ((ours << 32) + theirs)
        at = np.searchsorted(notes, further)
        at[at == len(notes)] = 0
        there = notes[at] == further
        goes_on |= there
        follows[at[there]] = True
    begins = goes_on & ~follows
    return notes[begins] >> 32, notes[begins] & (2**32 - 1), hits.stretch[which[begins]]


def _telling(found: Passages, line: Ints) -> Ints:
    """Return the numbers of the passages that lie in no other, and of each line's longest."""
    order = np.lexsort((-found.length, -found.last, found.first))
    furthest = np.maximum.accumulate(found.last[order])
    outer = np.ones(len(order), bool)
    outer[1:] = found.last[order][1:] > furthest[:-1]
    longest = np.lexsort((found.first, -found.shared, -found.length, line))
    best = longest[np.append(True, line[longest][1:] != line[longest][:-1])[: len(longest)]]
    return np.union1d(order[outer], best)
