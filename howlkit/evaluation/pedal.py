"""How much of a piece's sustain pedal is left in its decoded version.

An encoder may keep the pedal as it is, or write notes as long as the pedal holds them. Positions
are seconds, in each piece by its own tempo map.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.evaluation.note_matching import NotePairs, TimedNotes
from howlkit.evaluation.tally import Tally
from howlkit.music.piece import Piece

__all__ = ["compare_pedals"]

_AUDIBLE = 0.05  # seconds: a pedal that lengthens a note by less tells nothing about the encoder

Floats = NDArray[np.float64]


def compare_pedals(
    piece: Piece, version: Piece, pairs: NotePairs, original: TimedNotes, decoded: TimedNotes
) -> Tally:
    """Return the fields `pedal`, `pedal_kept`, `held` and `held_long` of a Tally.

    original, decoded: the notes of `piece` and of `version`. pairs: which of them are the same.
    """
    downs, ups = _spans(piece)
    if not len(downs):
        return Tally()
    kept = np.diff(_seconds_down(*_spans(version), np.stack((downs, ups))), axis=0).sum()
    held = _held_durations(piece, original, downs, ups)[pairs.original]
    written, got = original.duration[pairs.original], decoded.duration[pairs.version]
    longer = held > written + _AUDIBLE
    nearer = np.abs(got - held) < np.abs(got - written)
    return Tally(
        pedal=float((ups - downs).sum()),
        pedal_kept=float(kept),
        held=int(longer.sum()),
        held_long=int((longer & nearer).sum()),
    )


def _spans(piece: Piece) -> tuple[Floats, Floats]:
    """Return when any pedal goes down and when all are up again, as disjoint rising spans."""
    starts = piece.pedals["start"].astype(np.int64)
    down, up = piece.seconds(starts), piece.seconds(starts + piece.pedals["duration"])
    order = np.argsort(down, kind="stable")
    down, until = down[order], np.maximum.accumulate(up[order])
    fresh = np.concatenate(([True], down[1:] > until[:-1]))[: len(down)]
    last = np.concatenate((fresh[1:], [True]))[: len(down)]
    return down[fresh], until[last]


def _seconds_down(downs: Floats, ups: Floats, until: Floats) -> Floats:
    """Return how long the pedal has been down before each of the moments `until`."""
    if not len(downs):
        return np.zeros_like(until)
    total = np.cumsum(ups - downs)
    corners = np.stack((downs, ups), axis=1).ravel()
    heights = np.stack((total - (ups - downs), total), axis=1).ravel()
    return np.asarray(np.interp(until, corners, heights))


def _held_durations(piece: Piece, notes: TimedNotes, downs: Floats, ups: Floats) -> Floats:
    """Return how long each note sounds: until the pedal is up, or its key is struck again."""
    ends = notes.onset + notes.duration
    at = np.maximum(np.searchsorted(downs, ends, side="right") - 1, 0)
    inside = (downs[at] <= ends) & (ends < ups[at])
    released = np.where(inside, ups[at], ends)
    key = piece.notes["track"] * np.int64(128) + notes.pitch
    order = np.lexsort((notes.onset, key))
    again = np.full(len(order), np.inf)
    same = np.diff(key[order]) == 0
    again[order[:-1][same]] = notes.onset[order[1:][same]]
    return np.asarray(np.maximum(np.minimum(released, again), ends) - notes.onset)
