"""Which notes before an excerpt come along with it as context.

An encoder has to know what sounds where an excerpt begins, which grid position that is, and the
last step before it. `Piece.excerpt` says the rule; this is how it is found.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from howlkit.music.tables import DRUMS, Table

__all__ = ["context_notes"]


def context_notes(
    notes: Table, held: NDArray[np.int64], window_begin: Callable[[int], int]
) -> NDArray[np.bool_]:
    """Return (N,): which of the notes before an excerpt are context for it.

    notes, held: (N,) all notes before the excerpt in a Piece's order, and the ticks at which they
    stop sounding under the pedal. window_begin: from a tick to the one two beats or two seconds
    before it, whichever is earlier.
    """
    ends = notes["start"].astype(np.int64) + notes["duration"]
    kept = np.zeros(len(notes), bool)
    drums = notes["program"] == DRUMS
    for index in (np.flatnonzero(drums), np.flatnonzero(~drums)):
        if not len(index):
            continue
        starts = notes["start"][index].astype(np.int64)
        begin = window_begin(int(starts[-1]))
        earlier = starts[: np.searchsorted(starts, begin)][-2:]
        begin = window_begin(int(earlier[0])) if len(earlier) else begin
        kept[index] = ends[index] >= begin
        kept[index[: np.searchsorted(starts, begin)][-2:]] = True
        under_pedal = index[(starts < begin) & (held[index] >= begin)]
        kept[under_pedal[_held_longest(notes[under_pedal], held[under_pedal])]] = True
    return kept


def _held_longest(notes: Table, held: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the notes that the pedal holds longer than any later note of their pitch and program.

    The others are not needed to know what sounds, and a pedal that is never lifted holds them all.
    """
    key = (notes["program"].astype(np.int64) << 7 | notes["pitch"])[::-1]
    order = np.argsort(key, kind="stable")
    longest = np.maximum.accumulate((key[order] << 33) + held[::-1][order])
    return np.asarray(len(notes) - 1 - order[np.diff(longest, prepend=-1) > 0])
