"""Rules about notes in a session: what they make of each step, and what each row has heard.

Three ways, by what the encoder's grammar says of notes. Where it has tables, or a step is one
choice, and howlkit knows all rules, compiled code judges every choice. Where it only has
`note_choices`, Python does. Where it says nothing, a whole step is drawn, decoded, and judged by
its notes.

Shapes: B rows, n choices of a field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints.following import follow, more_places
from howlkit.constraints.heard import Heard
from howlkit.constraints.judging import judge, merged
from howlkit.constraints.rules import flat
from howlkit.errors import HowlkitError
from howlkit.music.piece import Piece
from howlkit.note_choices import BEGINS, NoteChoices
from howlkit.plugins.checked import CheckedEncoder
from howlkit.plugins.checked_constraint import CheckedRule
from howlkit.plugins.checked_grammar import CheckedGrammar
from howlkit.protocols import Rule
from howlkit.sampling.choice_arrays import ChoiceRules, is_one_class
from howlkit.sampling.compiled_fields import FieldArrays
from howlkit.sampling.likeliest import Judge, no_rules
from howlkit.sampling.rule_arrays import Judged, StaticRules, UncompiledError
from howlkit.sampling.runner import Runner
from howlkit.sampling.state import RowState
from howlkit.schema import Field, Schema, Steps

__all__ = ["DIVISIONS", "SessionRules", "divisions_of"]

DIVISIONS = 480
"""Positions a beat or second where a grammar says nothing of notes."""

Mask = NDArray[np.bool_]


def divisions_of(grammar: CheckedGrammar) -> int:
    """Return the positions a beat or second in which rules for a grammar count."""
    return grammar.divisions if grammar.has_notes else DIVISIONS


class SessionRules:
    """The rules of a session. compiled: whether its runner is of compiled code.

    decodes: whether steps are judged by what they decode to, since the grammar says nothing.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        encoder: CheckedEncoder,
        grammar: CheckedGrammar,
        *,
        compiled: bool,
    ) -> None:
        self.rules = merged(CheckedRule.of(rule) for rule in flat(rules))
        self.decodes = not grammar.has_notes
        self.divisions = divisions_of(grammar)
        self._encoder, self._schema = encoder, encoder.schema
        fields = FieldArrays(self._schema)
        self._static = _static(self.rules, self._schema, grammar, fields) if compiled else None
        if self._static is not None:
            from howlkit.sampling.rule_kernels import follow as follow_compiled

            self._follow = follow_compiled
            self._columns = *fields.deciding[:3], *fields.writing
        self._pending: dict[int, Heard] = {}  # by row, with a step that was drawn and not added

    @classmethod
    def of(
        cls,
        rules: Sequence[Rule],
        encoder: CheckedEncoder,
        grammar: CheckedGrammar,
        runner: Runner,
    ) -> SessionRules | None:
        """Return the rules of a session; None if there are none."""
        if not rules:
            return None
        compiled = runner.name == "compiled" and not runner.needs_torch
        return cls(rules, encoder, grammar, compiled=compiled)

    def judged(self, at: RowState, *, compiled: bool) -> Judged | None:
        """Return the rules for the next step of B rows; None if they judge whole steps only.

        compiled: whether compiled code may judge, since it decides all fields of the step.
        """
        grammar, heard = at.grammar, at.heard
        assert heard is not None  # for mypy
        if self.decodes:
            return None
        if compiled and self._static is not None:
            return self._static.judged(heard, grammar)
        making = _StepInTheMaking(self.rules, self._schema, grammar, heard)
        return Judged(np.ones(len(heard.at)), judge=making)

    def of_beginnings(self, at: RowState) -> Judge:
        """Return what judges the fields of steps that several beginnings of each row may take.

        Raises HowlkitError where rules can only judge whole steps.
        """
        grammar, heard = at.grammar, at.heard
        if self.decodes or heard is None:
            raise HowlkitError(
                f"encoder {self._encoder.name!r} does not say which note a choice begins, so the "
                "likeliest steps that the rules allow cannot be searched; take another sampler"
            )

        def added(field: Field, given: Steps, rows: NDArray[np.intp]) -> NDArray[np.float64]:
            choices = grammar.select(rows).note_choices(field, given)
            if choices is None:
                return no_rules(field, given, rows)
            return judge(self.rules, choices, heard.select(rows))

        return added

    def follow(self, at: RowState, step: Steps, rows: Mask, made: Mask) -> None:
        """Bring what rows have heard up to date with `step` (B,) in some rows, before it is pushed.

        made: (B,) whether it was made, not fed.
        """
        grammar, heard = at.grammar, at.heard
        assert heard is not None  # for mypy
        if self.decodes:  # of steps that were not drawn, `hear_decoded` takes in the notes
            for row in np.flatnonzero(rows & made).tolist():
                if row in self._pending:
                    _put(heard, row, self._pending.pop(row))
            return
        if self._static is not None:
            self._follow_compiled(heard, grammar, step, rows, made)
            return
        for field in self._schema.decisions:
            active = rows & self._schema.active(field, step)
            if not active.any() or (choices := grammar.note_choices(field, step)) is None:
                continue
            for picked, chosen in _picked(field, step, active):
                follow(heard, choices, picked, chosen, made=made, alone=grammar.alone)

    def _follow_compiled(
        self, heard: Heard, grammar: CheckedGrammar, step: Steps, rows: Mask, made: Mask
    ) -> None:
        assert self._static is not None  # for mypy
        records, left = step[:, None].view(np.uint8), rows.copy()
        arrays = self._static.following(heard, grammar)
        while self._follow(records, *self._columns, left, made, arrays):
            more_places(heard)
            arrays = self._static.following(heard, grammar)

    def left_whole(self, session: Rows, trial: Steps, rows: Mask) -> NDArray[np.float64]:
        """Return (B,): 1 where the rules allow the notes that a step adds, else 0."""
        left, heard = np.zeros(session.rows), session.heard
        for row in np.flatnonzero(rows).tolist():
            steps = session.steps_of(row)
            before, after = (
                self._encoder.decode(some, like=session.like)
                for some in (steps, np.append(steps, trial[row : row + 1]))
            )
            one = heard.select(np.array([row]))
            notes = _new_notes(before, after, self._schema.clock)
            if all(self._may_begin(one, note, session.rngs[row]) for note in notes):
                left[row] = 1
                self._pending[row] = one
        return left

    def _may_begin(self, one: Heard, note: Sequence[int], rng: np.random.Generator) -> bool:
        """Say whether a note may begin in the only row of `one`, which then has heard it.

        rng: draws whether it may where a rule makes it less likely.
        """
        choices = _one_choice(note)
        added = float(judge(self.rules, choices, one)[0, 0])
        if added < 0 and rng.random() >= np.exp(added):
            return False
        _hear_note(one, choices, made=True)
        return True

    def hear_decoded(self, session: Rows) -> None:
        """Let every row have heard the music of its steps, none of which waits to be added."""
        heard = session.heard
        for row in range(session.rows):
            one = Heard.nothing(1)
            one.moved = heard.moved[[row]]
            steps, fed = session.steps_of(row), session.fed_of(row)
            given, music = (
                self._encoder.decode(some, like=session.like) for some in (steps[:fed], steps)
            )
            for before, after, made in ((Piece(), given, False), (given, music, True)):
                for note in _new_notes(before, after, self._schema.clock):
                    _hear_note(one, _one_choice(note), made=made)
            _put(heard, row, one)


class _StepInTheMaking:
    """Judges the fields of one step in turn. A step may begin several notes, so each is heard."""

    def __init__(
        self, rules: Sequence[Rule], schema: Schema, grammar: CheckedGrammar, heard: Heard
    ) -> None:
        self._rules, self._schema, self._grammar = rules, schema, grammar
        self._several = grammar.alone or any(f.kind == "bits" for f in schema.decisions)
        self._heard = heard.select(np.arange(len(heard.at))) if self._several else heard
        self._last: tuple[Field, NoteChoices] | None = None
        self._taken: Steps | None = None

    def __call__(self, field: Field, given: Steps) -> NDArray[np.float64] | None:
        """Return (B, n): what the rules add to the logits of a field, given those before it."""
        if self._several:
            self._hear(given)
        choices = self._grammar.note_choices(field, given)
        self._last = None if choices is None else (field, choices)
        return None if choices is None else judge(self._rules, choices, self._heard)

    def _hear(self, given: Steps) -> None:
        """Take in what was decided of the last field since it was judged."""
        before, self._taken = self._taken, given.copy()
        if self._last is None or before is None:
            return
        field, choices = self._last
        active = self._schema.active(field, given)
        if field.kind == "bits":
            new = (given[field.name] > 0) & (before[field.name] == 0)
            rows, picked = new.any(axis=1), new.argmax(axis=1)
        else:
            rows, picked = active, given[field.name].astype(np.int64)
        alone = self._grammar.alone
        follow(self._heard, choices, picked, rows & active, made=rows, alone=alone)


class Rows(Protocol):
    """What of a session is asked here."""

    rngs: list[np.random.Generator]
    like: Piece | None

    @property
    def rows(self) -> int:
        """B, the number of rows."""

    @property
    def heard(self) -> Heard:
        """What the rows have heard."""

    def steps_of(self, row: int) -> Steps:
        """Return the steps of a row."""

    def fed_of(self, row: int) -> int:
        """Return how many of them, from the first on, were fed or are the start row."""


def _one_choice(note: Sequence[int]) -> NoteChoices:
    """Return a choice (1, 1) that begins a note: onset, pitch, program, track and end."""
    columns = (np.full((1, 1), value, np.int64) for value in note)
    return NoteChoices(np.full((1, 1), BEGINS, np.uint8), *columns)


def _hear_note(one: Heard, choices: NoteChoices, *, made: bool) -> None:
    yes = np.ones(1, bool)
    follow(one, choices, np.zeros(1, np.int64), yes, made=np.full(1, made), alone=False)


def _put(heard: Heard, row: int, one: Heard) -> None:
    """Put the only row of `one` in the place of a row of `heard`."""
    while heard.notes.shape[1] < one.notes.shape[1]:
        more_places(heard)
    heard.notes[row] = 0
    heard.notes[row, : one.notes.shape[1]] = one.notes[0]
    heard.at[row], heard.moves[row], heard.runs[row] = one.at[0], one.moves[0], one.runs[0]


def _static(
    rules: Sequence[Rule], schema: Schema, grammar: CheckedGrammar, fields: FieldArrays
) -> StaticRules | ChoiceRules | None:
    """Return rules as arrays; None if Python has to judge them."""
    try:
        if grammar.has_note_tables:
            return StaticRules(rules, grammar.note_tables, fields)
        if grammar.has_notes and not grammar.alone and is_one_class(schema):
            return ChoiceRules(rules, schema)
    except UncompiledError:
        return None
    return None


def _picked(field: Field, step: Steps, active: Mask) -> list[tuple[NDArray[np.int64], Mask]]:
    """Return the choices (B,) that a step made of a field, and in which rows each was made."""
    values = step[field.name]
    if field.kind != "bits":
        return [(values.astype(np.int64), active)]
    found = []
    for bit in np.flatnonzero(values.any(axis=0)).tolist():
        found.append((np.full(len(step), bit), active & (values[:, bit] > 0)))
    return found


def _new_notes(before: Piece, after: Piece, clock: str) -> list[tuple[int, ...]]:
    """Return onset, pitch, program, track and end of the notes that only `after` has, by onset."""
    keys = ("start", "track", "program", "pitch")
    old = before.at_resolution(after.ticks_per_beat).notes
    known = {tuple(row) for row in zip(*(old[key].tolist() for key in keys), strict=True)}
    found = []
    for note, end in zip(after.notes, after.ends.tolist(), strict=True):
        if tuple(note[key].item() for key in keys) in known:
            continue
        onset, stop = (_position(after, tick, clock) for tick in (int(note["start"]), end))
        key = (int(note[name]) for name in ("pitch", "program", "track"))
        found.append((onset, *key, max(stop, onset + 1)))
    return sorted(found)


def _position(piece: Piece, tick: int, clock: str) -> int:
    units = tick / piece.ticks_per_beat if clock == "beats" else float(piece.seconds(tick))
    return round(units * DIVISIONS)
