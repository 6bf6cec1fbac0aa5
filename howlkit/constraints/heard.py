"""What sounds in B rows, and how their music went lately: what rules are judged by.

The arrays are filled by howlkit.constraints.following, a step at a time, and copied with the rows
of a session. All positions are as in `note_choices`.

Shapes: B rows, S places for notes that sound, P lags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAGS", "Heard"]

LAGS = 64
"""P: loops of up to so many notes are seen."""

PLACES = 32
"""The places for notes that sound with which a session begins; there are more when needed."""

PITCH, PROGRAM, TRACK, ONSET, UNTIL = range(5)
"""The columns of `Heard.notes`."""

NOTES, FIRST, LAST_ONSET, LAST_PITCH, NEWEST = range(5)
"""The columns of `Heard.at`."""

Column = NDArray[np.int64]


@dataclass
class Heard:
    """What sounds in each row, and the steps from note to note of its last notes.

    notes: (B, S, 5) pitch, program, track, onset and until of notes; a place is free where `until`
    is 0 or lies before the row's next onset. at: (B, 5) how many notes were made (not fed); the
    onset of the first of these, -1 before it; the onset and the pitch of the last note of all, -1
    before it; and the place of the last note. moves: (B, P, 2) the interval and the time from one
    note to the next, of the last P notes, the newest first; a time of -1 stands for none. runs:
    (B, P) for how many notes in a row each move has been the same as the one 1, 2 .. P notes
    before. moved: (B,) what to add to positions to find them on the time line of the prompt.
    alone: whether a note ends the one before it on its track (`NoteGrammar.alone`).
    """

    notes: Column
    at: Column
    moves: Column
    runs: Column
    moved: Column
    alone: bool = False

    @classmethod
    def nothing(cls, rows: int, *, alone: bool = False) -> Heard:
        """Return what rows have heard before their first step: nothing."""
        at = np.full((rows, 5), -1, np.int64)
        at[:, [NOTES, NEWEST]] = 0
        moves = np.zeros((rows, LAGS, 2), np.int64)
        moves[:, :, 1] = -1
        return cls(
            notes=np.zeros((rows, PLACES, 5), np.int64),
            at=at,
            moves=moves,
            runs=np.zeros((rows, LAGS), np.int64),
            moved=np.zeros(rows, np.int64),
            alone=alone,
        )

    def select(self, index: NDArray[np.intp]) -> Heard:
        """Return an independent copy of these rows."""
        return Heard(
            notes=self.notes[index],
            at=self.at[index],
            moves=self.moves[index],
            runs=self.runs[index],
            moved=self.moved[index],
            alone=self.alone,
        )

    def sounding(self, onset: Column) -> NDArray[np.bool_]:
        """Return (B, n, S): which notes sound at onsets (B, n)."""
        return np.asarray(self.notes[:, None, :, UNTIL] > onset[:, :, None])
