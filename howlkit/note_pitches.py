"""Which note each value of a field begins, whatever was before: what inputs about pitches look at.

Rules ask a grammar about notes step by step, with all that the grammar knows. A network is trained
on whole windows of steps, so what it learns about their notes has to follow from the values alone.
A grammar that says what choices mean in notes (`note_choices.NoteGrammar`) is asked once, before
any step. Shapes: n values of a field.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.music.tables import DRUMS
from howlkit.note_choices import BEGINS, COMING, QUANTITIES, NoteGrammar, NoteTables
from howlkit.schema import STEP, Field, Schema, Steps

__all__ = ["NotePitches", "notes_of"]

Column = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NotePitches:
    """What values mean by themselves.

    pitches: by field, (n,) the pitch of the note that each value begins, -1 if it begins none; of
    bits, each bit that is on. Fields that begin no note are left out. Where a step settles an
    octave and then a semitone, the pitch is that of the lowest octave. drums: by field, (n,)
    whether a value says that this note, and those of the next steps, are of drums; only fields
    that choose a program are there. shifts: by field, (n,) how many positions each value adds to
    the onset of the note before, in the order of decisions (`NoteTables.shifts`); the numbers rise
    from 0. Empty where steps do not say it so. lengths: by field, (n,) how many positions the note
    of each value lasts; empty without shifts. divisions: positions a beat or second.
    """

    pitches: dict[str, NDArray[np.int64]]
    drums: dict[str, NDArray[np.bool_]]
    shifts: dict[str, NDArray[np.int64]]
    lengths: dict[str, NDArray[np.int64]]
    divisions: int

    @classmethod
    def of(cls, schema: Schema, grammar: NoteGrammar, tables: NoteTables | None) -> NotePitches:
        """Return what the values of a schema mean, by the grammar of one row before its steps.

        tables: those of the grammar; None: it has none.
        """
        pitches, drums = {}, {}
        for field in schema.decisions[1:]:
            choices = grammar.note_choices(field, _given(schema, field))
            if choices is None:
                continue
            role, pitch, program = (
                part[0, : field.n] for part in (choices.role, choices.pitch, choices.program)
            )
            begun = np.where((role == BEGINS) | (role == COMING), pitch, -1).astype(np.int64)
            # A field after the pitch (a program) has the same one at all of its values.
            if len(np.unique(begun[begun >= 0])) > 1:
                pitches[field.name] = begun
            if len(np.unique(program[program >= 0])) > 1:
                drums[field.name] = np.asarray(program == DRUMS)
        shifts, lengths = ({}, {}) if tables is None else _spans(schema, tables)
        return cls(pitches, drums, shifts, lengths, grammar.divisions)


def _spans(schema: Schema, tables: NoteTables) -> tuple[dict[str, Column], dict[str, Column]]:
    """Return how many positions values add to the onset, and to the length, of a step's note."""
    shifts: dict[str, Column] = {}
    lengths: dict[str, Column] = {}
    at = 0
    for field in schema.decisions if tables.shifts else ():
        adds = tables.adds[at : at + field.n]
        onsets, its = (adds[:, QUANTITIES.index(name)] for name in ("onset", "length"))
        if field.name in tables.shifts:
            # A field may say the latest onset, from which the next one takes something away.
            shifts[field.name] = onsets - onsets.min()
        elif len(np.unique(its)) > 1:
            lengths[field.name] = its.copy()
        at += field.choices
    return shifts, lengths


def notes_of(schema: Schema) -> NotePitches | None:
    """Return which notes the values of a schema begin; None if its encoder does not say."""
    return None if schema.notes is None else schema.notes()


def _given(schema: Schema, field: Field) -> Steps:
    """Return (1,): a step in which a field is decided, as far as its conditions say."""
    given = schema.steps(1)
    given["mark"] = STEP
    while field.when is not None:
        name, values = field.when
        given[name] = values[0]
        field = schema[name]
    return given
