"""What real pieces that were held out share with the training music: the yardstick for copies.

Music of one style shares turns of phrase, so some notes in a row that stand in the training music
are no copy. Held-out pieces are searched for as outputs are. An output is **above the yardstick**
if its longest passage is longer than those of `SHARE` of the excerpts of held-out pieces that have
as many notes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import ranges
from howlkit.evaluation.copying.index import TrainingIndex
from howlkit.evaluation.copying.note_lines import NoteLines
from howlkit.evaluation.copying.passages import find
from howlkit.music.piece import Piece

__all__ = ["COVERS", "MOST_NOTES", "SHARE", "Standard", "Yardstick", "covered"]

SHARE = 0.95
"""The share of excerpts with a longest passage that is not above the yardstick."""

COVERS = 16
"""The length of passages that count as covered; below it chance has a part."""

MOST_NOTES = 100_000
"""The notes of held-out pieces that are searched for; more pieces are drawn from."""

_FEW = 20  # excerpts; if fewer are as long as the output, shorter ones count too

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Standard:
    """What held-out excerpts with as many notes as an output share with the training music.

    excerpts: how many there are. median, limit: of the lengths of their longest passages, and the
    least length that `SHARE` of them do not exceed. flagged: the share of excerpts that exceed it.
    covered: the median share of their notes in passages of `COVERS` notes or more.
    """

    excerpts: int
    median: float
    limit: int
    flagged: float
    covered: float


@dataclass(frozen=True, eq=False)
class Yardstick:
    """The passages of h held-out pieces.

    counts: (h,) their notes. line, first, last, length: (p,) of passages: the piece, the first and
    the last note in it, and the length as in `Passages`.
    """

    counts: Ints
    line: Ints
    first: Ints
    last: Ints
    length: Ints

    @classmethod
    def of(cls, pieces: Iterable[Piece], index: TrainingIndex) -> Yardstick:
        """Search for held-out pieces; the caller chooses them, and keeps their notes bounded."""
        lines = NoteLines.of(pieces)
        found = find(lines, index)
        line = lines.line_of(found.first)
        begin = lines.begins[line]
        return cls(lines.counts, line, found.first - begin, found.last - begin, found.length)

    def standard(self, notes: int) -> Standard | None:
        """Return the standard for an output of so many notes; None without held-out notes.

        Excerpts have as many notes, or are whole pieces where these are shorter.
        """
        sizes, begins = self._excerpts(notes)
        longest = self.longest(notes)
        if not len(longest):
            return None
        limit = int(np.quantile(longest, SHARE, method="higher"))
        return Standard(
            excerpts=len(sizes),
            median=float(np.median(longest)),
            limit=limit,
            flagged=float((longest > limit).mean()),
            covered=float(np.median(self._covered(sizes, begins))),
        )

    def longest(self, notes: int) -> Ints:
        """Return (e,): the length of the longest passage of each excerpt with so many notes."""
        return self._longest(*self._excerpts(notes))

    def _excerpts(self, notes: int) -> tuple[Ints, Ints]:
        """Return the sizes (e,) of excerpts, and where each begins among all held-out notes."""
        notes = max(notes, 1)
        begins = np.cumsum(self.counts) - self.counts
        cut = [
            (min(notes, int(count) - offset), int(begin) + offset)
            for begin, count in zip(begins, self.counts, strict=True)
            for offset in range(0, int(count), notes)
        ]
        sizes, where = np.array(cut, np.int64).reshape(-1, 2).T
        kept = sizes == notes
        if kept.sum() < _FEW:  # then the rest of a piece counts, unless it is too short to say much
            kept |= (2 * sizes >= notes) | np.isin(where, begins)
        return sizes[kept], where[kept]

    def _longest(self, sizes: Ints, begins: Ints) -> Ints:
        """Return (e,): the length of each excerpt's longest passage; of a cut one, its share."""
        first = (np.cumsum(self.counts) - self.counts)[self.line] + self.first
        last = first + self.last - self.first
        low = np.searchsorted(begins + sizes, first, side="right")  # excerpts that end after it
        high = np.searchsorted(begins, last, side="right")
        counts = np.maximum(high - low, 0)
        some = counts > 0
        which = ranges(low[some], counts[some])
        passage = np.flatnonzero(some).repeat(counts[some])
        inside = np.minimum(last[passage] + 1, (begins + sizes)[which]) - np.maximum(
            first[passage], begins[which]
        )
        part = self.length[passage] * inside // (last - first + 1)[passage]
        longest = np.zeros(len(sizes), np.int64)
        np.maximum.at(longest, which, part)
        return longest

    def _covered(self, sizes: Ints, begins: Ints) -> NDArray[np.float64]:
        first = (np.cumsum(self.counts) - self.counts)[self.line] + self.first
        long = self.length >= COVERS
        notes = covered(first[long], (first + self.last - self.first)[long], int(self.counts.sum()))
        until = np.append(0, np.cumsum(notes))
        return np.asarray((until[begins + sizes] - until[begins]) / sizes)


def covered(first: Ints, last: Ints, notes: int) -> NDArray[np.bool_]:
    """Return (notes,): which notes lie in one of the passages from `first` (p,) to `last` (p,).

    >>> covered(np.array([1, 2]), np.array([2, 3]), 6).astype(int).tolist()
    [0, 1, 1, 1, 0, 0]
    """
    edges = np.zeros(notes + 1, np.int64)
    np.add.at(edges, first, 1)
    np.add.at(edges, last + 1, -1)
    return np.asarray(np.cumsum(edges)[:notes] > 0)
