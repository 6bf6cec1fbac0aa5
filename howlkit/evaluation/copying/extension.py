"""Extends matches of notes along two lines, over notes that one of them lacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.evaluation.copying.note_lines import NoteLines

__all__ = ["ADDED", "LEFT_OUT", "Extended", "extend"]

ADDED, LEFT_OUT = 0.4, 1.25
"""What a note that the query adds, and one that it leaves out, takes from the score."""

_FALL = 4.0  # how far the score may fall below its best
_AHEAD = np.array([1, 2, 3, 4, 5, 6, -1, -2])  # where in the query the next note is looked for
_SLACK, _SLACK_MS = 0.25, 30  # of the time since the note before, by which the next may be off
_CLEAR_MS = 100  # shorter times say little about the stretch
_LEARNT = 0.2  # how much of the stretch each note decides, so that it follows a ritardando

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Extended:
    """Where k matches end.

    ours, theirs: (k,) the last notes of the query and of the training lines. shared: (k,) how many
    notes both have beyond the first.
    """

    ours: Ints
    theirs: Ints
    shared: Ints


def extend(
    query: NoteLines,
    training: NoteLines,
    ours: Ints,
    theirs: Ints,
    stretch: Floats,
    *,
    forwards: bool,
) -> Extended:
    """Follow matches of notes `ours` (k,) and `theirs` (k,) as long as the score grows.

    The training line gives the next note and, by the stretch so far, when it should come; the query
    is searched for it. All matches take a step at a time, and those that have ended leave.
    stretch: (k,) at the start, a length of time in the query divided by that in training.
    """
    walk = _Walk(query, training, ours, theirs, stretch, 1 if forwards else -1)
    while len(walk.active):
        walk.step()
    return Extended(walk.best_ours, walk.best_theirs, walk.best_shared)


class _Walk:
    """Matches that are being extended; each array is (k,), but `active`: those that go on."""

    def __init__(
        self,
        query: NoteLines,
        training: NoteLines,
        ours: Ints,
        theirs: Ints,
        stretch: Floats,
        way: int,
    ) -> None:
        self.query, self.training, self.way = query, training, way
        self.begin = ours
        self.end, self.their_end = _end(query, ours, way), _end(training, theirs, way)
        self.transposed = query.pitch[ours].astype(np.int64) - training.pitch[theirs]
        self.ours, self.theirs, self.next = ours.copy(), theirs.copy(), theirs.copy()
        self.stretch, self.score = stretch.copy(), np.zeros(len(ours))
        self.shared = np.zeros(len(ours), np.int64)
        self.best_ours, self.best_theirs = ours.copy(), theirs.copy()
        self.best, self.best_shared = self.score.copy(), self.shared.copy()
        self.active = np.arange(len(ours))

    def step(self) -> None:
        """Look for the next note of each training line; end the matches that are worth no more."""
        self.next[self.active] += self.way
        self.active = self.active[self.next[self.active] != self.their_end[self.active]]
        found, ahead, expected = self._search()
        here = self.active[found]
        self._learn_stretch(here, ahead[found], expected[found])
        self.ours[here] += self.way * np.maximum(ahead[found], 0)  # not back, within a chord
        self.theirs[here] = self.next[here]
        self.shared[here] += 1
        self.score[self.active] -= np.where(found, ADDED * np.maximum(ahead - 1, 0) - 1, LEFT_OUT)
        self._keep_best()
        going_on = self.score[self.active] > self.best[self.active] - _FALL
        self.active = self.active[going_on]

    def _search(self) -> tuple[NDArray[np.bool_], Ints, Floats]:
        """Return (active,): which have their next note, how far ahead, and the expected time."""
        ours, following = self.ours[self.active], self.next[self.active]
        gap = self._time(self.training, following) - self._time(
            self.training, self.theirs[self.active]
        )
        expected = self.stretch[self.active] * gap
        ahead = ours[:, None] + self.way * _AHEAD  # (active, 8)
        inside = self.way * (self.end[self.active][:, None] - ahead) > 0
        inside &= self.way * (ahead - self.begin[self.active][:, None]) > 0
        ahead = np.where(inside, ahead, ours[:, None])
        pitch = self.training.pitch[following] + self.transposed[self.active]
        off = self._time(self.query, ahead) - self._time(self.query, ours)[:, None]
        near = np.abs(off - expected[:, None]) <= (_SLACK * expected + _SLACK_MS)[:, None]
        fits = inside & near & (self.query.pitch[ahead] == pitch[:, None])
        return fits.any(axis=1), _AHEAD[fits.argmax(axis=1)], expected

    def _learn_stretch(self, here: Ints, ahead: Ints, expected: Floats) -> None:
        """Move the stretch of some matches towards that of the time which they go on by."""
        ours = self.ours[here]
        passed = self._time(self.query, ours + self.way * ahead) - self._time(self.query, ours)
        clear = np.minimum(passed, expected) >= _CLEAR_MS
        change = (passed[clear] / expected[clear]) ** _LEARNT
        self.stretch[here[clear]] *= change

    def _keep_best(self) -> None:
        better = self.active[self.score[self.active] > self.best[self.active]]
        self.best[better] = self.score[better]
        self.best_ours[better] = self.ours[better]
        self.best_theirs[better] = self.theirs[better]
        self.best_shared[better] = self.shared[better]

    def _time(self, lines: NoteLines, notes: Ints) -> Ints:
        """Return the times of notes in the walk's direction, in which they grow."""
        return np.asarray(self.way * lines.time[notes].astype(np.int64))


def _end(lines: NoteLines, notes: Ints, way: int) -> Ints:
    """Return the first note beyond each note's line, in the direction of the walk."""
    line = lines.line_of(notes)
    return np.asarray(lines.begins[line + 1] if way > 0 else lines.begins[line] - 1)
