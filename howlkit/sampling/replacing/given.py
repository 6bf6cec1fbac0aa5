"""What of the replaced notes is given to the new ones: their rhythm, or their pitches in order.

Each is a function on logits (`Session.step`): it allows only what leads to the next note that is
given. So the model says how the rest of each note is, as likely as it finds it.

Shapes: B rows, n choices of a field.
"""

from __future__ import annotations

import copy
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints.heard import LAST_ONSET, LAST_PITCH, PITCH, PROGRAM
from howlkit.errors import HowlkitError
from howlkit.music.tables import Table
from howlkit.note_choices import AHEAD, BEGINS, COMING, UNKNOWN, NoteChoices
from howlkit.sampling.placement import without_end_row
from howlkit.sampling.replacing.region import Region
from howlkit.sampling.session import Session
from howlkit.schema import Field, Steps

__all__ = ["Given", "GivenNotes", "as_given"]

Given = Literal["rhythm", "pitches"]

FORBIDDEN = -np.inf


class Rows(Protocol):
    """What is asked of candidates."""

    session: Session

    @property
    def begun(self) -> NDArray[np.int64]:
        """(B,): how many new notes each row has begun."""

    def heard_and_made(self, row: int) -> Table:
        """Return the notes that a row has heard and made so far."""


class GivenNotes:
    """The function on logits for one session: only what the replaced notes leave open is drawn.

    session: has rules and heard what comes before the region. rows: what it has made since.
    Raises HowlkitError if the encoder does not say which note a choice begins.
    """

    def __init__(
        self,
        session: Session,
        region: Region,
        given: Given,
        rows: Rows,
    ) -> None:
        if not session.has_notes:
            raise HowlkitError(
                f"encoder {session.encoder.name!r} does not say which note a choice begins, so "
                f"the {given} cannot be kept; leave that out, or take a run of another encoder"
            )
        self._session, self._region, self._given = session, region, given
        self._rows = rows
        notes = _in_order(_rounded(session, region))
        self._ticks = notes["start"].astype(np.int64)
        self._onsets = np.rint(_positions(session, region, self._ticks) * session.divisions)
        self._pitches = notes["pitch"].astype(np.int64)
        self._programs = notes["program"].astype(np.int64)
        stop = _positions(session, region, np.array([region.stop]))
        self._stop = float(np.ceil(stop[0] * session.divisions - 1e-6))
        self._leading: dict[int, tuple[int, Steps]] = {}  # by row: its length, and `_leads_to`

    @property
    def due(self) -> NDArray[np.bool_]:
        """(B,): which rows have not begun all given notes yet."""
        return np.asarray(self._rows.begun < len(self._onsets))

    def forget(self) -> None:
        """Forget what was worked out for the rows, which are others now."""
        self._leading = {}

    def copy(self, rows: Rows) -> GivenNotes:
        """Return the same for copies of the rows."""
        twin = copy.copy(self)
        twin._session, twin._rows, twin._leading = rows.session, rows, {}
        return twin

    def __call__(
        self, field: Field, logits: NDArray[np.float64], given: Steps
    ) -> NDArray[np.float64]:
        """Return logits (B, n) with -inf where a choice leads away from the next given note."""
        choices = self._session.note_choices(field, given)
        made = self._rows.begun
        settled = choices is not None and not (choices.role == AHEAD).any()
        if choices is None or not settled or (choices.onset == UNKNOWN).all():
            return self._before_onset(field, logits, made)
        if field.kind == "bits" and (choices.role == BEGINS).any():
            made = made + given[field.name].sum(axis=1, dtype=np.int64)
        made = made + self._begun_in_step(field, given)
        moved = np.rint(self._session.moved * self._session.divisions)[:, None]
        at = np.where(choices.onset == UNKNOWN, UNKNOWN, choices.onset + moved)
        may = self._may_rhythm if self._given == "rhythm" else self._may_pitch
        allowed = may(choices, at, made)
        dead = ~(allowed & (logits > FORBIDDEN)).any(axis=1, keepdims=True)
        return np.where(allowed | dead, logits, FORBIDDEN)

    def _begun_in_step(self, field: Field, given: Steps) -> NDArray[np.int64]:
        """Return (B,): how many notes the fields before this one begin in the step.

        Where a step has several voices, each begins its own.
        """
        begun, rows = np.zeros(len(given), np.int64), np.arange(len(given))
        for earlier in self._session.encoder.schema.decisions:
            if earlier.name == field.name:
                break
            choices = self._session.note_choices(earlier, given)
            if choices is not None and earlier.kind == "class":
                begun += choices.role[rows, given[earlier.name]] == BEGINS
        return begun

    def _may_rhythm(
        self, choices: NoteChoices, at: NDArray[np.float64], made: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return (B, n): notes begin where the next given one does, and time does not pass it."""
        left = np.append(self._onsets, np.inf)
        due = left[np.minimum(made, len(self._onsets))][:, None]
        return np.asarray(np.where(_new(choices), at == due, at <= due) | (at == UNKNOWN))

    def _may_pitch(
        self, choices: NoteChoices, at: NDArray[np.float64], made: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return (B, n): the next note of the region has the next given pitch and program."""
        count = len(self._pitches)
        k = np.minimum(made, max(count - 1, 0))
        inside = (at < self._stop) & (at != UNKNOWN)
        new = _new(choices) & inside
        pitch, program = self._pitches[k][:, None], self._programs[k][:, None]
        wrong = (choices.pitch != UNKNOWN) & (choices.pitch != pitch)
        wrong |= (choices.program != UNKNOWN) & (choices.program != program)
        heard = self._session.heard
        # Notes of a chord are in rising order.
        chord = choices.onset == heard.at[:, LAST_ONSET, None]
        wrong |= chord & (pitch <= heard.at[:, LAST_PITCH, None])
        # A key that sounds ends before it is struck again; else another program would strike it.
        key = heard.sounding(choices.onset)
        key &= heard.notes[:, None, :, PITCH] == pitch[:, :, None]
        key &= heard.notes[:, None, :, PROGRAM] == program[:, :, None]
        wrong |= key.any(axis=2)
        return np.asarray(~(new & wrong))

    def _before_onset(
        self, field: Field, logits: NDArray[np.float64], made: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return logits that allow only the value with which the next given onset is reached."""
        if self._given != "rhythm" or field.kind == "bits":
            return logits
        logits = logits.copy()
        for row in np.flatnonzero(~self._session.done).tolist():
            if made[row] >= len(self._onsets):
                continue
            value = self._value(row, int(made[row]), field)
            if value is not None and logits[row, value] > FORBIDDEN:
                keep = logits[row, value]
                logits[row] = FORBIDDEN
                logits[row, value] = keep
        return logits

    def _value(self, row: int, made: int, field: Field) -> int | None:
        """Return the value of a field in the step that begins a note at the next given onset."""
        at = int(self._session.lengths[row])
        if self._leading.get(row, (0,))[0] != at:
            self._leading[row] = at, self._leads_to(row, made)
        steps = self._leading[row][1]
        return int(steps[field.name][at]) if at < len(steps) else None

    def _leads_to(self, row: int, made: int) -> Steps:
        """Return the steps of a row's music and of a note at the next given onset."""
        note = np.zeros(1, self._region.piece.notes.dtype)
        note["start"], note["duration"], note["velocity"] = self._ticks[made], 1, 64
        note["pitch"], note["program"] = 127, self._programs[made]
        notes = np.concatenate((self._rows.heard_and_made(row), note))
        piece = self._region.kept.replace(notes=notes, has_end=False)
        return without_end_row(self._session.encoder.encode(piece))


def as_given(region: Region, notes: Table, given: Given) -> Table | None:
    """Return new notes with what was given taken over to the tick; None if not all of it is there.

    The rhythm are onsets, lengths and velocities; in a chord, those of the note at the same place
    from below.
    """
    old, new = _in_order(region.original), _in_order(notes)
    if len(old) != len(new):
        return None
    if given == "pitches":
        same = (old["pitch"] == new["pitch"]) & (old["program"] == new["program"])
        return new if same.all() else None
    new = new.copy()
    for name in ("start", "duration", "velocity"):
        new[name] = old[name]
    return new


def _in_order(notes: Table) -> Table:
    return notes[np.lexsort((notes["pitch"], notes["start"]))]


def _new(choices: NoteChoices) -> NDArray[np.bool_]:
    return np.asarray((choices.role == BEGINS) | (choices.role == COMING))


def _positions(session: Session, region: Region, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return where ticks lie, in the encoder's clock."""
    if session.clock == "seconds":
        return region.piece.seconds(ticks)
    return np.asarray(ticks / region.piece.ticks_per_beat)


def _rounded(session: Session, region: Region) -> Table:
    """Return the replaced notes with their onsets as the encoder rounds them, if it keeps all."""
    encoder, piece = session.encoder, region.piece
    back = encoder.decode(encoder.encode(piece), like=piece)
    back = back.at_resolution(piece.ticks_per_beat)
    old = region.original.copy()
    if len(back) != len(piece):
        return old
    keys = ("pitch", "program")
    one, other = (
        np.lexsort((part["start"], *(part[key] for key in keys)))
        for part in (piece.notes, back.notes)
    )
    if any((piece.notes[key][one] != back.notes[key][other]).any() for key in keys):
        return old
    starts = np.empty(len(piece), np.int64)
    starts[one] = back.notes["start"][other]
    old["start"] = starts[region.fresh]
    return old
