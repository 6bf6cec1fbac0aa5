"""Strokes of one key on one channel, so that no two overlap.

MIDI cannot say which of two notes of one key a note-off ends, and programs differ in what they
make of it. So of several strokes at one tick one stays, and a note ends where its key is struck
again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.music.tables import Table

__all__ = ["separate"]

Integers = NDArray[np.int64]


def separate(chunks: Integers, channels: Integers, notes: Table) -> tuple[Integers, Table, int]:
    """Return which notes (K,) stay, as they are written, and how many of those were cut.

    chunks, channels: (N,) of each note; notes: (N,). Of strokes of one key on one channel at one
    tick, the one that ends last stays, with the velocity of the loudest. Where an earlier chunk
    strikes the key that a later one releases, a tick is kept between them, since at one tick events
    come in the order of the chunks.
    """
    starts = notes["start"].astype(np.int64)
    voices = channels << 7 | notes["pitch"]  # 11 bits
    # (voice, start, chunk): 11, 31 and 16 bits, which sort in one go.
    order = (((voices << 31) + starts << 16) + chunks).argsort(kind="stable")
    voices, starts, chunks = voices.take(order), starts.take(order), chunks.take(order)
    ends = starts + notes["duration"].take(order)
    again = voices[1:] == voices[:-1]
    backwards = chunks[1:] < chunks[:-1]
    if not np.count_nonzero(again & (ends[:-1] + backwards > starts[1:])):
        return np.arange(len(notes)), notes, 0
    velocities = notes["velocity"].take(order)
    stays = _join(voices, starts, ends, velocities)
    voices, starts, chunks = voices[stays], starts[stays], chunks[stays]
    again = np.append(voices[1:] == voices[:-1], False)
    limits = np.append(starts[1:] - (chunks[1:] < chunks[:-1]), 0)
    was = ends[stays]
    ends = np.where(again, np.minimum(was, limits), was)
    kept = ends > starts  # one of a single tick has no room for the tick between
    which = order[stays][kept]
    settled = np.argsort(which)
    written = notes[which]
    written["duration"] = (ends - starts)[kept]
    written["velocity"] = velocities[stays][kept]
    return which[settled], written[settled], int(np.count_nonzero((ends < was) & kept))


def _join(
    voices: Integers, starts: Integers, ends: Integers, velocities: NDArray[np.uint8]
) -> Integers:
    """Return which notes (K,) stay of those that strike a key at one tick.

    All in the order of voices and starts. Writes the loudest velocity to those that stay.
    """
    new = np.append(True, (voices[1:] != voices[:-1]) | (starts[1:] != starts[:-1]))
    firsts = np.flatnonzero(new)
    strokes = np.cumsum(new) - 1  # the stroke of each note
    latest = np.lexsort((np.arange(len(ends)), -ends, strokes))  # of a stroke, the longest first
    stays = latest[firsts]
    velocities[stays] = np.maximum.reduceat(velocities, firsts)
    return stays
