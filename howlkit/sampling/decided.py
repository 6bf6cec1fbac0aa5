"""The notes of one row of music in the making, each as soon as it is decided.

A note may be taken back: rules that leave nothing make a row go back and find another way, and
samplers such as beam go on from another row.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from howlkit.errors import HowlkitError
from howlkit.music.piece import Piece
from howlkit.music.tables import Table
from howlkit.protocols import Encoder

__all__ = ["DecidedNotes", "ends_at_once"]

Key = tuple[int, ...]

KEY = ("start", "duration", "pitch", "velocity", "program")


class DecidedNotes:
    """What was told of one row: its notes, in the order in which they were decided.

    at_once: whether the end of a note is decided with its beginning (`ends_at_once`); else a note
    is decided when a later one begins after its end.

    >>> told = DecidedNotes(at_once=False)
    >>> piece = Piece.of([(0, 480, 60), (480, 480, 62), (500, 480, 64)])
    >>> back, new = told.update(piece.notes[:2])
    >>> back, len(new)  # the first note might still be held
    (0, 0)
    >>> back, new = told.update(piece.notes)
    >>> back, new["pitch"].tolist(), told.count
    (0, [60], 1)
    """

    def __init__(self, *, at_once: bool) -> None:
        self.count = 0
        self._at_once = at_once
        self._told: list[Key] = []

    def update(self, notes: Table, *, whole: bool = False) -> tuple[int, Table]:
        """Return how many of the last notes told are taken back, and the notes to tell now.

        notes: the music of the row by now. whole: it is complete, so all its notes are decided.
        """
        if not whole and not self._at_once:
            ends = notes["start"].astype(np.int64) + notes["duration"]
            notes = notes[ends < notes["start"].max(initial=0)]
        keys = _keys(notes)
        there = Counter(keys)
        stays = 0
        for key in self._told:
            if not there[key]:
                break
            there[key] -= 1
            stays += 1
        back, told = len(self._told) - stays, Counter(self._told[:stays])
        fresh = []
        for index, key in enumerate(keys):
            if told[key]:
                told[key] -= 1
            else:
                fresh.append(index)
        new = notes[fresh]
        self._told = [*self._told[:stays], *(keys[index] for index in fresh)]
        self.count = len(self._told)
        return back, new


def ends_at_once(encoder: Encoder) -> bool:
    """Return whether an encoder decides with the beginning of a note when it ends.

    It is tried with two notes, of which the first is held past the onset of the second.

    >>> from howlkit import encoder
    >>> ends_at_once(encoder("tuple")), ends_at_once(encoder("event"))
    (True, False)
    """
    piece = Piece.of([(0, 1920, 60), (480, 480, 64)])
    steps = encoder.encode(piece)
    try:
        first = encoder.decode(steps, like=piece).notes[:1].tolist()
        parts = (encoder.decode(steps[:length], like=piece) for length in range(1, len(steps)))
        return bool(first) and all(part.notes[:1].tolist() in ([], first) for part in parts)
    except HowlkitError:  # it decodes no half of a piece
        return False


def _keys(notes: Table) -> list[Key]:
    # Tracks are left out: encoders number them by the programs that there are by now.
    columns = (notes[name].tolist() for name in KEY)
    return list(zip(*columns, strict=True))
