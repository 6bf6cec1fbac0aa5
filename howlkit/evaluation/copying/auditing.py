"""Looks for training music in pieces, and puts what is found into words that people look up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.evaluation.copying.note_lines import NoteLines
from howlkit.evaluation.copying.passages import Passages, find
from howlkit.evaluation.copying.stored import Searchable
from howlkit.evaluation.copying.yardstick import COVERS, Standard, covered
from howlkit.music.bars import bar_of_tick
from howlkit.music.piece import Piece

__all__ = ["Audit", "Passage", "Place", "audit"]

PieceOf = Callable[[int], Piece | None]
"""Returns the training piece of a number, or None if it is not there any more."""


@dataclass(frozen=True)
class Place:
    """Where a passage stands: seconds of its first and last onset, and their bars from 1.

    bars: None if the piece is not there any more.
    """

    seconds: tuple[float, float]
    bars: tuple[int, int] | None


@dataclass(frozen=True)
class Passage:
    """A passage that stands in the training music.

    notes: how many both have. length: the same, without repeats of a figure within it. piece: the
    name of the training piece. here, there: where it stands in the output and in that piece.
    transposed: semitones from that piece to the output. stretch: a length of time in the output
    divided by that in the piece.
    """

    notes: int
    length: int
    piece: str
    here: Place
    there: Place
    transposed: int
    stretch: float


@dataclass(frozen=True)
class Audit:
    """What one piece shares with the training music.

    notes: those that were looked at, the pitched ones, doubled ones once. passages: the longest
    first. covered: the share of notes in passages of `COVERS` notes or more. standard: what
    held-out pieces share; None if none were held out.
    """

    name: str
    notes: int
    passages: tuple[Passage, ...]
    covered: float
    standard: Standard | None

    @property
    def longest(self) -> int:
        """The length of the longest passage; 0 if there is none."""
        return self.passages[0].length if self.passages else 0

    @property
    def above(self) -> bool:
        """Whether the longest passage is longer than 95 % of held-out pieces have one."""
        return self.standard is not None and self.longest > self.standard.limit

    def to_json(self) -> dict[str, Any]:
        """Return all of it, JSON-ready."""
        return {**dataclasses.asdict(self), "longest": self.longest, "above": self.above}


def audit(
    pieces: Sequence[Piece], music: Searchable, *, piece_of: PieceOf, most: int = 3
) -> Iterator[Audit]:
    """Yield what each piece shares with the training music, the pieces in order.

    piece_of: gives the training piece of a number, for its bars. most: how many passages of a piece
    are told, those that lie apart, the longest first.
    """
    lines = NoteLines.of(pieces)
    found = find(lines, music.index)
    standard = cache(music.yardstick.standard)
    whose = lines.line_of(found.first)
    bounds = np.searchsorted(whose, np.arange(len(pieces) + 1))
    begins, counts = lines.begins.tolist(), lines.counts.tolist()
    for number, piece in enumerate(pieces):
        mine = found.take(np.arange(bounds[number], bounds[number + 1]))
        long = mine.length >= COVERS
        inside = covered(
            mine.first[long] - begins[number], mine.last[long] - begins[number], counts[number]
        )
        yield Audit(
            name=piece.name,
            notes=counts[number],
            passages=tuple(
                _passage(mine.take(np.array([which])), lines, piece, music, piece_of)
                for which in _apart(mine, most)
            ),
            covered=float(inside.mean()) if counts[number] else 0.0,
            standard=standard(counts[number]),
        )


def _apart(found: Passages, most: int) -> list[int]:
    """Return the numbers of the longest passages of which less than half lies in longer ones."""
    kept: list[int] = []
    for number in np.lexsort((found.first, -found.shared, -found.length)).tolist():
        if len(kept) == most:
            break
        begin, end = found.first[number], found.last[number]
        shared = np.minimum(found.last[kept], end) - np.maximum(found.first[kept], begin) + 1
        if np.maximum(shared, 0).sum() * 2 < end - begin + 1:
            kept.append(number)
    return kept


def _passage(
    found: Passages, lines: NoteLines, piece: Piece, music: Searchable, piece_of: PieceOf
) -> Passage:
    """Return a passage of one row in words."""
    training = music.index.lines
    theirs = int(training.line_of(found.their_first)[0])
    return Passage(
        notes=int(found.shared[0]),
        length=int(found.length[0]),
        piece=music.index.names[theirs],
        here=_place(lines.time[[found.first[0], found.last[0]]], piece),
        there=_place(training.time[[found.their_first[0], found.their_last[0]]], piece_of(theirs)),
        transposed=int(found.transposed[0]),
        stretch=float(found.stretch[0]),
    )


def _place(onsets: NDArray[np.int32], piece: Piece | None) -> Place:
    """Return the place of a passage from the milliseconds of its first and last onset (2,)."""
    first, last = (onsets / 1000).tolist()
    return Place((first, last), None if piece is None else _bars(piece, onsets))


def _bars(piece: Piece, onsets: NDArray[np.int32]) -> tuple[int, int]:
    start = piece.notes["start"].astype(np.int64)
    at = np.searchsorted(np.round(piece.seconds(start) * 1000), onsets)
    first, last = (
        bar_of_tick(piece, tick) for tick in start[np.minimum(at, len(start) - 1)].tolist()
    )
    return first, last
