"""Pieces as lines of notes, which is what copies are looked for in.

Conventions. A **line** has the pitched notes of a piece in the order of their onsets, notes of one
chord by pitch; drums and doubled notes are left out. Onsets within `CHORD_MS` of the one before
belong to one chord, since hands strike no chord at once, and encoders on a grid put its notes on
one point. Times are milliseconds. Lines of several pieces stand end to end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import DRUMS, Piece

__all__ = ["CHORD_MS", "NoteLines"]

CHORD_MS = 30
"""The most time between two onsets, one after the other, of a chord."""

_LONGEST_MS = 2**31 - 1


@dataclass(frozen=True, eq=False)
class NoteLines:
    """The lines of n pieces, end to end; m notes in all.

    pitch: (m,) uint8. time: (m,) int32, the onset of the note's chord. begins: (n + 1,) int64,
    where each line begins, and m.

    >>> chords = Piece.of([(0, 480, 60), (10, 480, 55), (480, 480, 62)])
    >>> NoteLines.of([chords]).pitch.tolist()
    [55, 60, 62]
    """

    pitch: NDArray[np.uint8]
    time: NDArray[np.int32]
    begins: NDArray[np.int64]

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> NoteLines:
        """Return the lines of pieces, in order."""
        lines = [_line(piece) for piece in pieces]
        counts = np.array([0, *(len(pitch) for pitch, _ in lines)], np.int64)
        pitches = [np.empty(0, np.uint8), *(pitch for pitch, _ in lines)]
        times = [np.empty(0, np.int32), *(time for _, time in lines)]
        return cls(np.concatenate(pitches), np.concatenate(times), counts.cumsum())

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(self.begins) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """(n,): the number of notes in each line."""
        return np.diff(self.begins)

    def line_of(self, note: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of the lines that notes (k,) are in."""
        return np.asarray(np.searchsorted(self.begins, note, side="right") - 1)

    def line(self, number: int) -> NoteLines:
        """Return one of the lines."""
        first, stop = self.begins[number : number + 2].tolist()
        return NoteLines(self.pitch[first:stop], self.time[first:stop], np.array([0, stop - first]))


def _line(piece: Piece) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    notes = piece.notes[piece.notes["program"] != DRUMS]
    onset = piece.seconds(notes["start"].astype(np.int64)) * 1000
    time = np.minimum(np.round(onset), _LONGEST_MS).astype(np.int32)  # rises, as onsets do
    begins = np.diff(time, prepend=-CHORD_MS - 1) > CHORD_MS
    chord = np.cumsum(begins) - 1
    key = np.unique(chord << 7 | notes["pitch"])
    return (key & 127).astype(np.uint8), time[begins][key >> 7]
