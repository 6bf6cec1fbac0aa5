"""`howlkit sample --stream`: notes as JSON lines on stdout, each as soon as it is decided."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
import numpy as np

if TYPE_CHECKING:
    from howlkit.music.piece import Piece
    from howlkit.music.tables import Table
    from howlkit.protocols import Encoder
    from howlkit.sampling.session import Session

__all__ = ["NoteStream", "ReaderGoneError", "SessionStream", "stream_option"]

stream_option = click.option(
    "--stream",
    is_flag=True,
    help="Write each note to stdout as soon as it is decided, as a line of JSON. Files are then "
    "written only if --out names them.",
)

OFTEN = 256
"""The music of a row is decoded anew when it has got longer by one part in so many."""

DECIMALS = 6


class ReaderGoneError(Exception):
    """Whoever read stdout has closed it."""


class NoteStream:
    """Lines of JSON on stdout; raises ReaderGoneError if nobody reads them."""

    def __init__(self, encoder: Encoder) -> None:
        from howlkit.sampling.decided import ends_at_once

        self._at_once = ends_at_once(encoder)
        self._rows: dict[int, Any] = {}

    def show(self, row: int, notes: Table, clock: Piece, *, whole: bool = False) -> None:
        """Write what is new of a row of music in the making; rows are counted from 0.

        notes: all its notes by now. clock: a piece of their resolution and tempi. whole: they are
        all decided.
        """
        from howlkit.sampling.decided import DecidedNotes

        told = self._rows.setdefault(row, DecidedNotes(at_once=self._at_once))
        before = told.count
        back, new = told.update(notes, whole=whole)
        if back:
            _write({"row": row + 1, "taken_back": back})
        self._notes({"row": row + 1}, new, clock, first=before - back + 1)

    def take(self, number: int, facts: Mapping[str, object], notes: Table, clock: Piece) -> None:
        """Write a take: what is known of it, then its notes; takes are counted from 1."""
        _write({"take": number, **facts})
        self._notes({"take": number}, notes, clock, first=1)

    def _notes(self, head: dict[str, int], notes: Table, clock: Piece, *, first: int) -> None:
        starts = notes["start"].astype(np.int64)
        ends = starts + notes["duration"]
        seconds, until = clock.seconds(starts), clock.seconds(ends)
        for k, note in enumerate(notes):
            _write(
                {
                    **head,
                    "note": first + k,
                    "start_seconds": round(float(seconds[k]), DECIMALS),
                    "duration_seconds": round(float(until[k] - seconds[k]), DECIMALS),
                    "start_beats": round(int(starts[k]) / clock.ticks_per_beat, DECIMALS),
                    "duration_beats": round(int(note["duration"]) / clock.ticks_per_beat, DECIMALS),
                    **{name: int(note[name]) for name in ("pitch", "velocity", "program")},
                }
            )
        _flush()


class SessionStream:
    """The notes of every row of a session, as they are decided."""

    def __init__(
        self,
        session: Session,
        start: Piece | None,
        *,
        with_prompt: bool,
        time_signature: tuple[int, int] | None,
    ) -> None:
        self._session, self._start = session, start
        self._with_prompt, self._time_signature = with_prompt, time_signature
        self._stream = NoteStream(session.encoder)
        self._notes = np.zeros(session.rows, np.int64)
        self._lengths = np.zeros(session.rows, np.int64)

    def show(self, *, whole: bool = False) -> None:
        """Write what is new; whole: the music is complete."""
        notes, lengths = self._session.notes, self._session.lengths
        if len(notes) != len(self._notes):  # a sampler tries several ways; it chooses later
            return
        for row in range(len(notes)):
            more = int(notes[row] - self._notes[row])
            went_back = more < 0 or lengths[row] < self._lengths[row]
            if whole or went_back or more > max(0, int(notes[row]) // OFTEN):
                self._notes[row] = notes[row]
                music, clock = self._music(row)
                self._stream.show(row, music, clock, whole=whole)
            self._lengths[row] = lengths[row]

    def _music(self, row: int) -> tuple[Table, Piece]:
        """Return the new notes of a row as they will stand in its file, and the time line there."""
        from howlkit.sampling import generation

        if self._start is None or not self._with_prompt:
            piece = generation.music(
                self._session,
                row,
                self._start,
                with_prompt=False,
                time_signature=self._time_signature,
            )
            return piece.notes, piece
        made = self._session.made(row)
        whole = self._start.join(made)
        return made.at_resolution(whole.ticks_per_beat).notes, whole


def _write(facts: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(facts) + "\n")
    except BrokenPipeError as error:
        _gone(error)


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        _gone(error)


def _gone(error: BrokenPipeError) -> None:
    # Python would flush what is left when it ends, and complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise ReaderGoneError from error
