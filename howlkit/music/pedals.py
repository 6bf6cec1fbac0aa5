"""The sustain pedal: until when it holds each note."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.music.tables import DRUMS, Table

__all__ = ["STUCK", "held_until"]

STUCK = 30.0
"""In seconds: no player holds the pedal for so long; the file lacks the event that lifts it."""


def held_until(notes: Table, ends: NDArray[np.int64], pedals: Table) -> NDArray[np.int64]:
    """Return the ticks (N,) at which notes stop sounding: their ends, or where the pedal lifts.

    notes, pedals: tables of a Piece, `pedals` not empty. ends: (N,) in ticks; it is written to. The
    pedal counts on its own track, from the tick at which it goes down; drums are not held.
    """
    tracks, begins = pedals["track"], pedals["start"].astype(np.int64)
    melodic = notes["program"] != DRUMS
    one_track = not np.count_nonzero(tracks != tracks[0])
    if one_track:  # as in a recording of one piano
        melodic &= notes["track"] == tracks[0]
    which = melodic.nonzero()[0]
    until = ends.take(which)
    if not one_track:
        # The tracks lie one behind the other on one line; a span may end as late as tick 2**32.
        line = notes["track"].take(which).astype(np.int64) << 33
        until += line
        begins += tracks.astype(np.int64) << 33
    lifts = np.zeros(len(pedals) + 1, np.int64)  # before the first span nothing is held
    np.add(begins, pedals["duration"], out=lifts[1:])
    if np.count_nonzero(begins[1:] < begins[:-1]):
        order = begins.argsort(kind="stable")
        begins, lifts[1:] = begins.take(order), lifts[1:].take(order)
    np.maximum.accumulate(lifts, out=lifts)
    until = np.maximum(until, lifts.take(begins.searchsorted(until, side="right")))
    ends[which] = until if one_track else until - line
    return ends
