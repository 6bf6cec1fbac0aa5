"""Lead-ins: how a piece leads to what follows a region elsewhere, where it has that more than once.

A refrain that comes back is led to as it was the first time. Such notes are seldom drawn, so they
are offered beside those that are.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from howlkit.music.tables import Table
from howlkit.sampling.replacing.joining import tail_of
from howlkit.sampling.replacing.region import Region

__all__ = ["lead_ins"]

ALIKE = 0.75
"""The share of the notes that follow which must stand at the other place too."""

MOST = 4
"""The most places that are looked at, those most alike first."""

NEAR = 24
"""Two distances in time are one if they differ by less than this part of a beat."""


def lead_ins(region: Region, tick: int) -> list[Table]:
    """Return notes for a region from a tick to its end, one table for each place that is alike.

    A place is alike if `ALIKE` of the first notes after the region stand there too, with the same
    pitches and programs and as far from each other; what leads to it must lie outside the region.
    """
    kept, found = region.kept.notes, []
    for shift in _shifts(region, kept):
        begin, stop = tick + shift, region.stop + shift
        if begin < 0 or (begin < region.stop and stop > region.begin):
            continue
        notes = kept[(kept["start"] >= begin) & (kept["start"] < stop)].copy()
        if region.programs:
            notes = notes[np.isin(notes["program"], region.programs)]
        if len(notes):
            notes["start"] -= shift
            found.append(notes)
    return found[:MOST]


def _shifts(region: Region, kept: Table) -> list[int]:
    """Return how many ticks later or earlier what follows stands again, most alike first."""
    tail = tail_of(region)
    if not len(tail):
        return []
    away = np.concatenate([_away(note, kept) for note in tail])
    near = max(region.piece.ticks_per_beat // NEAR, 1)
    counts = Counter(np.rint(away / near).astype(np.int64).tolist())
    alike = [place for place, count in counts.most_common() if count >= ALIKE * len(tail)]
    return [
        Counter(away[np.rint(away / near) == place].tolist()).most_common(1)[0][0]
        for place in alike
        if place
    ]


def _away(note: np.void, kept: Table) -> NDArray[np.int64]:
    """Return how many ticks after a note those of its pitch and program begin."""
    same = (kept["pitch"] == note["pitch"]) & (kept["program"] == note["program"])
    return np.asarray(kept["start"][same].astype(np.int64) - int(note["start"]))
