"""Takes: the candidates that join best and differ from each other.

Shapes: B candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.music.tables import Table

__all__ = ["APART", "Take", "choose", "difference"]

APART = 1 / 3
"""Takes differ from each other in at least this share of their notes, where candidates allow it."""


@dataclass(frozen=True)
class Take:
    """A piece with a part made anew.

    piece: the whole piece. notes: the new notes. join: the nats a note that the model pays for what
    is kept after the region begins, most of all the next notes after it; fewer join better; NaN if
    the making was stopped before they were counted.
    distance: the share of its notes in which it differs from the take before it that is most like
    it, or of the first take from the music that was there; 0..1. complete: whether all of the
    rhythm or the pitches that were to be kept fitted in.
    """

    piece: Piece
    notes: Table
    join: float
    distance: float
    complete: bool = True


def difference(one: Table, other: Table) -> float:
    """Return the share of the notes of two takes that only one of them has, 0..1.

    Two notes are the same if onset, pitch and program are.

    >>> from howlkit import Piece
    >>> a, b = Piece.of([(0, 9, 60), (9, 9, 62)]), Piece.of([(0, 5, 60), (9, 9, 64)])
    >>> difference(a.notes, b.notes)
    0.5
    """
    first, second = _keys(one), _keys(other)
    total = len(first) + len(second)
    return 1 - 2 * len(first & second) / total if total else 0.0


def choose(
    made: Sequence[Table], joins: NDArray[np.float64], takes: int, original: Table
) -> list[tuple[int, float]]:
    """Return the chosen candidates, the one that joins best first, and the distance of each.

    Each next one is the best that differs from all before it in `APART` of its notes; where there
    is none, the one that differs most. joins: (B,), fewer are better. original: the music that was
    there. Candidates without notes come last.
    """
    order = sorted(range(len(made)), key=lambda k: (not len(made[k]), joins[k]))
    first = order.pop(0)
    chosen = [(first, difference(made[first], original))]
    while order and len(chosen) < takes:
        apart = [min(difference(made[k], made[other]) for other, _ in chosen) for k in order]
        far = [place for place, share in enumerate(apart) if share >= APART]
        place = far[0] if far else int(np.argmax(apart))
        chosen.append((order.pop(place), apart[place]))
    return sorted(chosen, key=lambda pair: (not len(made[pair[0]]), joins[pair[0]]))


def _keys(notes: Table) -> set[tuple[int, ...]]:
    columns = (notes[name].tolist() for name in ("start", "pitch", "program"))
    return set(zip(*columns, strict=True))
