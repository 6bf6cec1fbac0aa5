"""Which note each choice of a step would begin, end or hold: what rules about notes look at.

Rules (howlkit.constraints) speak of notes, a grammar speaks of fields. A grammar that has the
method `note_choices` (`NoteGrammar`) says what the choices of a field mean in notes, so that rules
work with its encoder. The encoders that come with howlkit say it as tables (`NoteTables`), which
compiled code reads.

Positions are whole numbers, `divisions` of them a beat or second of the schema's clock, counted
from the beginning of the steps. A **key** is a pitch of a program on a track.

Shapes: B rows, n choices of a field, K decisions of a step, N all their choices side by side.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from howlkit.protocols import Grammar
from howlkit.schema import Field, Schema, Steps

__all__ = [
    "AHEAD",
    "BEGINS",
    "COMING",
    "FRESH",
    "LASTS",
    "BELOW",
    "NOTHING",
    "OPEN",
    "QUANTITIES",
    "UNKNOWN",
    "BoundedGrammar",
    "NoteChoices",
    "NoteGrammar",
    "NoteTables",
    "PossibleNotes",
    "TabledGrammar",
    "choices_from_tables",
]

NOTHING, COMING, LASTS, BEGINS, AHEAD = range(5)
"""What a choice means: no note; a note will begin at `onset`, of which more is decided later; the
note of this key lasts until `end`; a note begins, of which only the end may be decided later; a
note will begin, at `onset` or before, and when is decided later."""

UNKNOWN = -1
"""Of a pitch, program, track, onset or end: not decided yet."""

OPEN = 2**40
"""The end of a note that sounds until a later step ends it."""

BELOW = -(2**42)
"""To add in tables: the sum stays below 0, so the quantity is UNKNOWN; of a role: NOTHING."""

QUANTITIES = ("onset", "pitch", "program", "track", "length", "role")
"""The columns of `NoteTables.adds`, and the first ones of a grammar's `note_bases`."""

_ONSET, _PITCH, _PROGRAM, _TRACK, _LENGTH, _ROLE = range(len(QUANTITIES))

FRESH = {"pitch": _PITCH, "program": _PROGRAM, "track": _TRACK, "length": _LENGTH, "role": _ROLE}
"""For `NoteTables.of(restart=)`: all but the onset begin anew, for another note."""

Column = NDArray[np.int64]


@dataclass(frozen=True)
class NoteChoices:
    """What each choice of a field means in notes; every array is (B, n).

    role: NOTHING, COMING, LASTS, BEGINS or AHEAD. onset: for COMING and BEGINS where the note
    begins, for AHEAD where it begins at the latest (only that is known of it); else the first
    position at which a note could begin after this choice. pitch, program, track: of the
    note. end: where it ends; OPEN if a later step will say so. UNKNOWN stands for what is not
    decided yet. A LASTS of pitch UNKNOWN is for the note that sounds on the track, and means
    nothing where none does. Of several notes of a key, a LASTS is for the newest if its end is not
    decided, else for the first that is OPEN, else for the newest. An end at or before the onset
    ends a note. What stands at choices that the grammar does not allow is not used.
    """

    role: NDArray[np.uint8]
    onset: Column
    pitch: Column
    program: Column
    track: Column
    end: Column


class NoteGrammar(Grammar, Protocol):
    """A grammar that says what choices mean in notes.

    divisions: positions a beat or second. alone: whether a track sounds one note at a time, so that
    a note that begins ends the one before it on its track.
    """

    @property
    def divisions(self) -> int:
        """Positions a beat or second."""
        ...

    @property
    def alone(self) -> bool:
        """Whether a note ends the note before it on its track."""
        ...

    def note_choices(self, field: Field, given: Steps) -> NoteChoices | None:
        """Return what the choices of `field` in the next step mean; None: nothing for notes.

        given: (B,), the fields decided before this one, as for `allowed`. Of a field of bits each
        choice is a bit that is on, the last one that there are no more. Over the decisions of a
        step, each note has one BEGINS.
        """
        ...


@dataclass(frozen=True)
class NoteTables:
    """What choices mean in notes where that follows from tables: the same for all rows and steps.

    The quantities of a note (`QUANTITIES`; columns of int64, Q of them) are sums: those that the
    grammar's `note_bases` has for the row, and what each decided value adds. The end is the onset
    and the length; from OPEN on it is OPEN. The role is a sum, too, so that what a later field
    means may depend on an earlier one: of NOTHING and COMING in `event` (a note-off, a note-on),
    2 more make LASTS and BEGINS in `program`. A sum below 0 is UNKNOWN, a role below 0 NOTHING.

    adds: (N, Q). known: (K, Q), which quantities are settled once a decision is made; the others
    are UNKNOWN (a role is always settled). restart: (K, Q), the column of `note_bases` with which
    the sum of a quantity begins anew before a decision, where it is made; -1: it goes on.
    divisions, alone: as `NoteGrammar`. shifts: where each step begins one note (or none), the names
    of the fields of which the values add up, from step to step, to its onset; other fields add
    nothing to it. Empty where the onset follows in another way (a position in a bar, a token).
    """

    adds: NDArray[np.int64]
    known: NDArray[np.bool_]
    restart: NDArray[np.int64]
    divisions: int
    alone: bool = False
    shifts: tuple[str, ...] = ()

    @cached_property
    def restarts(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """For each decision the quantities that begin anew before it, and their columns."""
        return tuple(
            tuple((q, column) for q, column in enumerate(row) if column >= 0)
            for row in self.restart.tolist()
        )

    @classmethod
    def of(
        cls,
        schema: Schema,
        *,
        adds: Mapping[str, Mapping[str, int | NDArray[np.int64]]],
        known: Mapping[str, Collection[str]],
        restart: Mapping[str, Mapping[str, int]] | None = None,
        divisions: int,
        alone: bool = False,
        shifts: tuple[str, ...] = (),
    ) -> NoteTables:
        """Return tables from what is said of each field, by its name; fields left out say nothing.

        adds: by field and quantity, what every value adds, or each; further numbers are left out.
        known: the quantities that are settled once the field is decided. restart: by field and
        quantity, the column of `note_bases` with which it begins anew before the field; FRESH for
        another note. shifts: as the class says.
        """
        begins = np.cumsum([0, *(field.choices for field in schema.decisions)])
        table = np.zeros((begins[-1], len(QUANTITIES)), np.int64)
        settled = np.zeros((len(schema.decisions), len(QUANTITIES)), bool)
        anew = np.full(settled.shape, -1, np.int64)
        for k, field in enumerate(schema.decisions):
            its = slice(begins[k], begins[k] + field.n)
            for quantity, values in adds.get(field.name, {}).items():
                each = values if isinstance(values, int) else values[: field.n]
                table[its, QUANTITIES.index(quantity)] = each
            settled[k] = [name in ("role", *known.get(field.name, ())) for name in QUANTITIES]
            for quantity, column in ((restart or {}).get(field.name, {})).items():
                anew[k, QUANTITIES.index(quantity)] = column
        return cls(table, settled, anew, divisions, alone, shifts)


class TabledGrammar(NoteGrammar, Protocol):
    """A `NoteGrammar` whose choices follow from tables, which compiled code can read."""

    @property
    def note_tables(self) -> NoteTables:
        """The tables, the same for all grammars of the encoder."""
        ...

    @property
    def note_bases(self) -> Column:
        """(B, Q or more): the quantities of each row before the next step; not to be changed.

        Columns after those of QUANTITIES are for `NoteTables.restart`.
        """
        ...


@dataclass(frozen=True)
class PossibleNotes:
    """The notes that an encoder has at all, whatever came before.

    programs: 0..127, and 128 for drums. pitches: 0..127.
    """

    programs: Collection[int]
    pitches: Collection[int]


class BoundedGrammar(Grammar, Protocol):
    """A grammar that says which notes there may be, so that people are told what cannot be.

    Where there are `NoteTables` it follows from these, and the grammar need not say it.
    """

    @property
    def possible_notes(self) -> PossibleNotes:
        """The notes that may begin at some time; more than that does no harm."""
        ...


def choices_from_tables(
    schema: Schema, tables: NoteTables, bases: Column, field: Field, given: Steps
) -> NoteChoices | None:
    """Return what `NoteGrammar.note_choices` returns, from the tables and bases of a grammar.

    None where no onset is known once the field is decided.
    """
    at, k, everywhere = 0, 0, np.ones(len(given), bool)
    sums = bases[:, : len(QUANTITIES)].copy()
    for k, before in enumerate(schema.decisions):
        decided = (
            everywhere if before.name == field.name else np.asarray(schema.active(before, given))
        )
        for quantity, column in tables.restarts[k]:
            sums[:, quantity] = np.where(decided, bases[:, column], sums[:, quantity])
        if before.name == field.name:
            break
        if before.kind != "bits":
            added = tables.adds.take(at + given[before.name].astype(np.intp), axis=0)
            sums += added * decided[:, None]
        at += before.choices
    known = tables.known[k]
    if not known[_ONSET]:
        return None
    totals = sums[:, None, :] + tables.adds[at : at + field.choices]  # (B, n, Q)

    def settled(quantity: int) -> Column:
        if not known[quantity]:
            return np.full(totals.shape[:2], UNKNOWN)
        return np.asarray(np.maximum(totals[:, :, quantity], UNKNOWN))

    onset, end = settled(_ONSET), settled(_LENGTH)
    if known[_LENGTH]:
        end = np.where(end < 0, UNKNOWN, np.minimum(onset + end, OPEN))
    return NoteChoices(
        role=np.maximum(totals[:, :, _ROLE], NOTHING).astype(np.uint8),
        onset=onset,
        pitch=settled(_PITCH),
        program=settled(_PROGRAM),
        track=settled(_TRACK),
        end=end,
    )
