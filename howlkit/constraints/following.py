"""What rows have heard, brought up to date with each step: the notes that it began, ended or held.

Shapes as in heard.py; a choice that was made is one of the n of a `NoteChoices`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints.heard import (
    FIRST,
    LAST_ONSET,
    LAST_PITCH,
    NEWEST,
    NOTES,
    ONSET,
    TRACK,
    UNTIL,
    Heard,
)
from howlkit.note_choices import BEGINS, LASTS, UNKNOWN, NoteChoices

__all__ = ["follow", "more_places"]


def follow(
    heard: Heard,
    choices: NoteChoices,
    picked: NDArray[np.int64],
    rows: NDArray[np.bool_],
    *,
    made: NDArray[np.bool_],
    alone: bool,
) -> None:
    """Bring `heard` up to date, in place, with the choice that was picked in some rows (B,).

    made: (B,) whether the step was made, not fed. alone: as `NoteGrammar.alone`.
    """
    role = choices.role[np.arange(len(picked)), picked]
    for row in np.flatnonzero(rows & ((role == BEGINS) | (role == LASTS))).tolist():
        value = int(picked[row])
        note = [int(part[row, value]) for part in (
            choices.pitch, choices.program, choices.track, choices.onset, choices.end
        )]  # fmt: skip
        if role[row] == BEGINS:
            _begin(heard, row, note, made=bool(made[row]), alone=alone)
        else:
            _last(heard, row, note)


def _begin(heard: Heard, row: int, note: list[int], *, made: bool, alone: bool) -> None:
    pitch, program, track, onset, until = note
    notes, at = heard.notes[row], heard.at[row]
    if alone:
        mine = (notes[:, TRACK] == track) & (notes[:, UNTIL] > onset)
        notes[mine, UNTIL] = onset
    free = np.flatnonzero(notes[:, UNTIL] <= onset)
    if not len(free):
        more_places(heard)
        notes, free = heard.notes[row], np.array([len(notes)])
    notes[free[0]] = pitch, program, track, onset, onset + 1 if until == UNKNOWN else until
    at[NEWEST] = free[0]
    if at[LAST_PITCH] >= 0:
        _move(heard, row, pitch - at[LAST_PITCH], onset - at[LAST_ONSET])
    at[LAST_PITCH], at[LAST_ONSET] = pitch, onset
    if made:
        at[NOTES] += 1
        if at[FIRST] < 0:
            at[FIRST] = onset


def _move(heard: Heard, row: int, interval: int, time: int) -> None:
    """Take in the move to the newest note, and for how long moves have been repeating."""
    moves, runs = heard.moves[row], heard.runs[row]
    same = (moves[:, 0] == interval) & (moves[:, 1] == time)
    runs[:] = np.where(same, runs + 1, 0)
    moves[1:] = moves[:-1].copy()
    moves[0] = interval, time


def _last(heard: Heard, row: int, note: list[int]) -> None:
    """Let a note last until its end, but for one position at least, as every note sounds."""
    pitch, program, track, onset, end = note
    notes, newest = heard.notes[row], int(heard.at[row, NEWEST])
    if pitch == UNKNOWN:
        mine = (notes[:, TRACK] == track) & (notes[:, UNTIL] > onset)
        notes[mine, UNTIL] = np.maximum(end, notes[mine, ONSET] + 1)
        return
    if tuple(notes[newest, :3]) == (pitch, program, track):  # of unisons, the newest one
        which = newest
    else:
        same = (notes[:, :3] == (pitch, program, track)).all(axis=1) & (notes[:, UNTIL] >= onset)
        found = np.flatnonzero(same)
        if not len(found):
            return
        which = int(found[0])
    notes[which, UNTIL] = max(end, notes[which, ONSET] + 1)


def more_places(heard: Heard) -> None:
    """Double the places for notes that sound."""
    heard.notes = np.concatenate((heard.notes, np.zeros_like(heard.notes)), axis=1)
