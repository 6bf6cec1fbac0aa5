"""Onsets moved one by one, within an excerpt."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from howlkit.errors import PieceError
from howlkit.music.piece import Piece
from howlkit.music.tables import MAX_TICK

__all__ = ["moved"]


def moved(piece: Piece, onsets: ArrayLike) -> Piece:
    """Return a piece with its notes at other onsets, none of which leaves its excerpt.

    onsets: (N,) a tick for each of `piece.notes`, rounded to the nearest one. Notes keep their
    durations, unless they would end after MAX_TICK. An onset outside the excerpt is moved to the
    nearest tick from `piece.since` to before `piece.until`. These notes stay where they are: the
    context; notes at `until`, which are steps of the next excerpt; and notes at `since`, if the
    context has notes of the same chord, because the excerpt would begin later without them and lose
    the others. Raises PieceError for another number of onsets, and for one that is not finite.

    >>> piece = Piece.of([(480 * i, 480, 60 + i) for i in range(8)]).excerpt(4, 6)
    >>> late = moved(piece, piece.notes["start"] + 300)
    >>> late.notes["start"][: late.context].tolist(), late.notes["start"][late.context :].tolist()
    ([0, 480, 960, 1440], [2220, 2700])
    >>> moved(piece, piece.notes["start"] + 900).notes["start"][piece.context :].tolist()
    [2820, 2879]
    """
    notes = piece.notes.copy()
    start, since = notes["start"].astype(np.int64), piece.since
    wanted = np.rint(np.asarray(onsets, np.float64))
    if wanted.shape != start.shape or not np.isfinite(wanted).all():
        raise PieceError(f"onsets must be {len(piece)} finite ticks, one for each note")
    # If the excerpt begins within a chord, no other note may join its part in the context.
    first = since + bool(piece.context and start[piece.context - 1] == since)
    last = min(piece.until, MAX_TICK) - 1
    free = (np.arange(len(piece)) >= piece.context) & (first <= start) & (start <= last)
    notes["start"] = np.where(free, np.clip(wanted, first, last), start)
    notes["duration"] = np.minimum(notes["duration"], MAX_TICK - notes["start"])
    return piece.replace(notes=notes)
