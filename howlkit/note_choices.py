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

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from howlkit.protocols import Grammar
from howlkit.schema import Field, Schema, Steps

__all__ = [
    "BEGINS",
    "COMING",
    "LASTS",
    "NOTHING",
    "NO_NOTE",
    "OPEN",
    "QUANTITIES",
    "UNKNOWN",
    "NoteChoices",
    "NoteGrammar",
    "NoteTables",
    "choices_from_tables",
]

NOTHING, COMING, BEGINS, LASTS = range(4)
"""What a choice means: no note; a note will begin at `onset`, of which more is decided later; a
note begins, of which only the end may be decided later; the note of this key lasts until `end`."""

UNKNOWN = -1
"""Of a pitch, program, track, onset or end: not decided yet."""

NO_NOTE = -1000
"""Where the sum of pitches in tables stays below UNKNOWN, the step is no note."""

OPEN = 2**40
"""The end of a note that sounds until a later step ends it."""

QUANTITIES = ("onset", "pitch", "program", "track", "length")
"""The columns of `NoteTables.adds` and of a grammar's `note_bases`."""

_ONSET, _PITCH, _PROGRAM, _TRACK, _LENGTH = range(5)

Column = NDArray[np.int64]


@dataclass(frozen=True)
class NoteChoices:
    """What each choice of a field means in notes; every array is (B, n).

    role: NOTHING, COMING, BEGINS or LASTS. onset: for COMING and BEGINS where the note begins; else
    the first position at which a note could begin after this choice. pitch, program, track: of the
    note. end: where it ends; OPEN if a later step will say so. UNKNOWN stands for what is not
    decided yet. A LASTS of pitch UNKNOWN is for the note that sounds on the track; an end at or
    before the onset ends it. What stands at choices that the grammar does not allow is not used.
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

    The quantities of a note (`QUANTITIES`; columns of int64) are sums: those that the grammar's
    `note_bases` (B, 5) has for the row, and what each decided value adds. The end is the onset and
    the length. A length of `OPEN` in the base or a table leaves the end open.

    adds: (N, 5). role: (N,). known: (K, 5), which quantities are settled once a decision is made;
    the others are UNKNOWN. fresh: (K,), before which decisions all sums but the onset go back to
    the base, since another note is decided from there on. divisions, alone: as `NoteGrammar`.
    """

    adds: NDArray[np.int64]
    role: NDArray[np.uint8]
    known: NDArray[np.bool_]
    fresh: NDArray[np.bool_]
    divisions: int
    alone: bool = False

    @classmethod
    def of(
        cls,
        schema: Schema,
        *,
        adds: dict[str, dict[str, NDArray[np.int64]]],
        role: dict[str, int | NDArray[np.uint8]],
        known: dict[str, tuple[str, ...]],
        fresh: tuple[str, ...] = (),
        divisions: int,
        alone: bool = False,
    ) -> NoteTables:
        """Return tables from what is said of each field, by its name; fields left out say nothing.

        adds: by field and quantity, what each value adds; further numbers are left out. role: of all values of a
        field, or of each. known: the quantities that are settled once the field is decided. fresh:
        fields before which another note begins.
        """
        begins = np.cumsum([0, *(field.choices for field in schema.decisions)])
        table = np.zeros((begins[-1], len(QUANTITIES)), np.int64)
        roles = np.zeros(begins[-1], np.uint8)
        settled = np.zeros((len(schema.decisions), len(QUANTITIES)), bool)
        anew = np.zeros(len(schema.decisions), bool)
        for k, field in enumerate(schema.decisions):
            its = slice(begins[k], begins[k] + field.n)
            for quantity, values in adds.get(field.name, {}).items():
                table[its, QUANTITIES.index(quantity)] = values[: field.n]
            roles[its] = role.get(field.name, NOTHING)
            settled[k] = [quantity in known.get(field.name, ()) for quantity in QUANTITIES]
            anew[k] = field.name in fresh
        return cls(table, roles, settled, anew, divisions, alone)


class TabledGrammar(NoteGrammar, Protocol):
    """A `NoteGrammar` whose choices follow from tables, which compiled code can read."""

    @property
    def note_tables(self) -> NoteTables:
        """The tables, the same for all grammars of the encoder."""
        ...

    @property
    def note_bases(self) -> Column:
        """(B, 5): the quantities of each row before the next step; not to be changed."""
        ...


def choices_from_tables(
    schema: Schema, tables: NoteTables, bases: Column, field: Field, given: Steps
) -> NoteChoices | None:
    """Return what `NoteGrammar.note_choices` returns, from the tables and bases of a grammar.

    None where no choice of the field has a role and no onset is known.
    """
    at, k = 0, 0
    sums = bases.copy()
    for k, before in enumerate(schema.decisions):
        if tables.fresh[k]:
            sums[:, 1:] = bases[:, 1:]
        if before is field:
            break
        active = schema.active(before, given)
        if before.kind != "bits":
            value = np.where(active, given[before.name], 0).astype(np.int64)
            sums += tables.adds[at + value] * active[:, None]
        at += before.choices
    adds, role = tables.adds[at : at + field.choices], tables.role[at : at + field.choices]
    known = tables.known[k]
    if not known[_ONSET]:
        return None
    totals = sums[:, None, :] + adds  # (B, n, 5)
    shape = totals.shape[:2]

    def settled(quantity: int) -> Column:
        found = totals[:, :, quantity] if known[quantity] else np.full(shape, UNKNOWN)
        return np.asarray(found)

    onset, length = totals[:, :, _ONSET], totals[:, :, _LENGTH]
    end = np.minimum(onset + length, OPEN) if known[_LENGTH] else np.full(shape, UNKNOWN)
    return NoteChoices(
        role=np.where(totals[:, :, _PITCH] < UNKNOWN, np.uint8(NOTHING), role),
        onset=onset,
        pitch=settled(_PITCH),
        program=settled(_PROGRAM),
        track=settled(_TRACK),
        end=end,
    )
