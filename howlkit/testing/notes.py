"""The law of note choices: followed step by step, they tell the notes that `decode` returns.

What rules about notes forbid is then what would be heard. Positions and roles are those of
howlkit.note_choices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.note_choices import (
    AHEAD,
    BEGINS,
    COMING,
    LASTS,
    OPEN,
    UNKNOWN,
    BoundedGrammar,
    NoteGrammar,
    TabledGrammar,
    choices_from_tables,
)
from howlkit.note_pitches import NotePitches
from howlkit.protocols import Encoder
from howlkit.schema import STEP, Field, Schema, Steps
from howlkit.testing.checks import given, require
from howlkit.testing.grammars import pushed_steps
from howlkit.testing.note_columns import COLUMNS, note_columns, stacked
from howlkit.testing.walks import step_text

__all__ = [
    "FollowedNotes",
    "check_notes",
    "note_choices_say_what_decode_gives",
    "possible_notes_are_all_that_decode_gives",
]

ONE = np.array([True])

TABLED_ROWS = 20  # in which tables are compared, since that takes long

Column = NDArray[np.int64]

NOTE = ("onset", "program", "pitch", "track", "end")


def note_choices_say_what_decode_gives(encoder: Encoder) -> None:
    """The notes that `note_choices` tells, step by step, are those that `decode` returns.

    A grammar without `note_choices` says nothing of notes, and the law does not ask it to.
    """
    for what, steps, like in pushed_steps(encoder):
        with given(what):
            check_notes(encoder, steps, like)


def possible_notes_are_all_that_decode_gives(encoder: Encoder) -> None:
    """No note that `decode` returns has a program or a pitch that `possible_notes` leaves out.

    A grammar without `possible_notes` may have any notes.
    """
    for what, steps, like in pushed_steps(encoder):
        grammar = cast(BoundedGrammar, encoder.grammar(1, like=like))
        if not hasattr(grammar, "possible_notes"):
            return
        possible = grammar.possible_notes
        notes = encoder.decode(steps, like=like).notes
        with given(what):
            for name, some in ("program", possible.programs), ("pitch", possible.pitches):
                others = sorted(set(notes[name].tolist()) - set(some))
                require(
                    not others,
                    expected=f"notes of the {name}s that `possible_notes` names",
                    got=f"{name} {others}",
                    look="`possible_notes`; more notes than there may be do no harm",
                )


@dataclass
class FollowedNotes:
    """The notes that the choices made so far begin, hold and end; positions.

    alone: as `NoteGrammar.alone`. notes: as NOTE, in the order in which they begin. of: the
    notes of each key (track, pitch, program), and of each track. coming: what
    the choice before said, if a note will come. no_sooner: where the next note may begin at the
    earliest, latest: at the latest.
    """

    alone: bool
    notes: list[dict[str, int]] = field(default_factory=list)
    of: dict[tuple[int, ...], list[dict[str, int]]] = field(default_factory=dict)
    coming: dict[str, int] = field(default_factory=dict)
    no_sooner: int = 0
    latest: int = OPEN

    def take(self, choice: dict[str, int]) -> None:
        """Follow one choice, given by COLUMNS."""
        role, onset = choice["role"], choice["onset"]
        if role in (COMING, BEGINS):
            self._check_promise(choice)
        if role == BEGINS:
            self._begin(choice)
        elif role == LASTS:
            self._last(choice)
        if role not in (AHEAD, COMING, BEGINS):
            self.no_sooner = max(self.no_sooner, onset)
        self.coming = choice if role == COMING else {}
        self.latest = onset if role == AHEAD else OPEN

    def _check_promise(self, choice: dict[str, int]) -> None:
        """Check that a choice does not take back what the one before said of its note."""
        for name in ("onset", "program", "pitch", "track"):
            said = self.coming.get(name, UNKNOWN)
            require(
                said in (UNKNOWN, choice[name]),
                expected=f"{name}={said}, as the choice before said of the note to come",
                got=choice[name],
                look="what is settled at each field",
            )
        require(
            choice["onset"] <= self.latest,
            expected=f"a note at position {self.latest} or before, as the choice before said",
            got=f"a note at {choice['onset']}",
            look="`onset` of choices that are AHEAD of a note",
        )
        require(
            choice["onset"] == UNKNOWN or choice["onset"] >= self.no_sooner,
            expected=f"no note before position {self.no_sooner}, as an earlier choice said",
            got=f"a note at {choice['onset']}",
            look="`onset` of choices that are no note",
        )

    def _begin(self, choice: dict[str, int]) -> None:
        unknown = [n for n in ("onset", "program", "pitch", "track") if choice[n] == UNKNOWN]
        require(
            not unknown,
            expected="all but the end of a note to be known where it begins",
            got=f"{', '.join(unknown)} unknown",
            look="the role; COMING is for notes of which more is decided later",
        )
        if self.alone:
            before = self._meant(choice | {"pitch": UNKNOWN})
            before["end"] = min(before["end"], choice["onset"])
        note = {name: choice[name] for name in NOTE}
        self.notes.append(note)
        for key in (_key(choice), (choice["track"],)):
            self.of.setdefault(key, []).append(note)

    def _last(self, choice: dict[str, int]) -> None:
        """Set the end of a note of the key; nothing if none was begun (an excerpt)."""
        note = self._meant(choice)
        sounds = choice["pitch"] != UNKNOWN or note["end"] > choice["onset"]
        if sounds and choice["end"] != UNKNOWN:
            note["end"] = choice["end"]

    def _meant(self, choice: dict[str, int]) -> dict[str, int]:
        """Return the note of a key that a LASTS is for, as `NoteChoices` says."""
        notes = self.of.get(_key(choice), [])
        if notes and notes[-1]["end"] == UNKNOWN:
            return notes[-1]
        waiting = (note for note in notes if note["end"] >= OPEN)
        return next(waiting, notes[-1] if notes else {"end": UNKNOWN})


def _key(choice: dict[str, int]) -> tuple[int, ...]:
    """Return track, pitch and program, or the track alone where the pitch is UNKNOWN."""
    key = choice["track"], choice["pitch"], choice["program"]
    return key[:1] if choice["pitch"] == UNKNOWN else key


def check_notes(encoder: Encoder, steps: Steps, like: Piece | None) -> None:
    """Raise CheckFailed unless the choices in `steps` tell the notes that `decode` returns.

    steps: without the end row. Ends are compared where a step decided them: a note that a later
    step would end, or whose length is not decided, is cut off where the steps stop.
    """
    schema, grammar = encoder.schema, cast(NoteGrammar, encoder.grammar(1, like=like))
    if not hasattr(grammar, "note_choices"):
        return
    followed = FollowedNotes(grammar.alone)
    for number, row in enumerate(steps[1:], 1):
        with given(f"row {number}: {step_text(schema, row)}"):
            for choice in _choices(schema, grammar, row[None]):
                followed.take(choice)
            if number <= TABLED_ROWS and hasattr(grammar, "note_tables"):
                _check_tables(schema, cast(TabledGrammar, grammar), row[None])
                _check_shifts(schema, cast(TabledGrammar, grammar), row[None])
        grammar.push(row[None], ONE)
    piece = encoder.decode(steps, like=like)
    made = [note for note in followed.notes if note["end"] != UNKNOWN]
    require(
        len(made) == len(piece),
        expected=f"{len(piece)} notes, as `decode` returns",
        got=f"{len(made)} from `note_choices`",
        look="choices that begin a note",
    )
    _compare(_as_table(made), _decoded(piece, schema.clock, grammar.divisions))


def _choices(schema: Schema, grammar: NoteGrammar, step: Steps) -> Iterator[dict[str, int]]:
    """Yield what each choice in a step (1,) means, by COLUMNS, if it says where the music is."""
    so_far = schema.steps(1)
    for decided in schema.decisions:
        if not schema.active(decided, step)[0]:
            continue
        if decided.kind == "bits":
            for bit in [*np.flatnonzero(step[decided.name][0]).tolist(), decided.n]:
                yield from _choice(schema, grammar, decided, so_far, bit)
                so_far[decided.name][0, bit : bit + 1] = 1
        else:
            yield from _choice(schema, grammar, decided, so_far, int(step[decided.name][0]))
            so_far[decided.name] = step[decided.name]


def _choice(
    schema: Schema, grammar: NoteGrammar, decided: Field, so_far: Steps, value: int
) -> Iterator[dict[str, int]]:
    found = note_columns(grammar, decided, so_far.copy())
    if found is not None:
        yield dict(zip(COLUMNS, found[0, value].tolist(), strict=True))


def _check_tables(schema: Schema, grammar: TabledGrammar, step: Steps) -> None:
    """Check that `note_choices` says the same as the tables, which compiled code reads."""
    for decided in schema.decisions:
        bases = grammar.note_bases
        told = choices_from_tables(schema, grammar.note_tables, bases, decided, step.copy())
        found = note_columns(grammar, decided, step.copy())
        wanted = None if told is None else stacked(told)
        require(
            np.array_equal(cast(Any, found), cast(Any, wanted)),
            expected=f"`note_choices` of {decided.name!r} to be what the tables say",
            got="something else",
            look="`note_choices`; howlkit.note_choices.choices_from_tables returns it",
        )


def _check_shifts(schema: Schema, grammar: TabledGrammar, step: Steps) -> None:
    """Check that the fields of which the tables say so add up to the onset of the step's note."""
    shifts = NotePitches.of(schema, grammar, grammar.note_tables).shifts
    if not shifts or step["mark"][0] != STEP:
        return
    told = int(grammar.note_bases[0, 0]) + sum(int(adds[step[n]][0]) for n, adds in shifts.items())
    after = grammar.select(np.arange(1))
    after.push(step, ONE)
    found = int(cast(TabledGrammar, after).note_bases[0, 0])
    require(
        told == found,
        expected=f"the next note to be counted from the onset {told}, to which {[*shifts]} add up",
        got=f"note_bases with the onset {found}",
        look="`shifts` of the note tables",
    )


def _as_table(notes: list[dict[str, int]]) -> dict[str, Column]:
    return {name: np.array([note[name] for note in notes], np.int64) for name in NOTE}


def _decoded(piece: Piece, clock: str, divisions: int) -> dict[str, Column]:
    """Return the notes of a piece by NOTE; their onsets and ends are the nearest positions."""
    found = {name: piece.notes[name].astype(np.int64) for name in ("program", "pitch", "track")}
    starts = piece.notes["start"].astype(np.int64)
    for name, ticks in (("onset", starts), ("end", starts + piece.notes["duration"])):
        at = ticks / piece.ticks_per_beat if clock == "beats" else piece.seconds(ticks)
        found[name] = np.rint(at * divisions).astype(np.int64)
    return found


def _compare(told: dict[str, Column], decoded: dict[str, Column]) -> None:
    """Compare two tables of notes, sorted; tracks only if there are any."""
    if not told["track"].any():  # `decode` may give each program its track
        decoded = decoded | {"track": told["track"]}
    tables = []
    for table in (told, decoded):
        order = np.lexsort([table[name] for name in reversed(NOTE)])
        tables.append({name: column[order] for name, column in table.items()})
    told, decoded = tables
    cut = told["end"] >= OPEN
    for name in NOTE:
        wrong = told[name] != decoded[name]
        if name == "end":
            wrong &= ~cut
        at = np.flatnonzero(wrong)[:1]
        require(
            not len(at),
            expected=f"note {at.tolist()}, as `decode` returns it: {_note(decoded, at)}",
            got=f"{_note(told, at)} from `note_choices`",
            look=f"{name} of the choices that begin or hold a note",
        )


def _note(table: dict[str, Column], at: Column) -> str:
    return ", ".join(f"{name} {table[name][at].tolist()}" for name in NOTE)
