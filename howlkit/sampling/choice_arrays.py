"""Rules as arrays for grammars without tables, where a step is `mark` and one field of a class.

What the choices of that field mean follows from no other field, so it is asked once a step, and
stands in the arrays of rule_arrays.py as tables that hold for this step only: each row has its own.
Compiled code then judges, and draws again, as it does with tables.

Letters: B rows, n choices of the field, Q quantities of a note.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints.heard import Heard
from howlkit.note_choices import NOTHING, OPEN, QUANTITIES, UNKNOWN, NoteChoices
from howlkit.plugins.checked_grammar import CheckedGrammar
from howlkit.protocols import Rule
from howlkit.sampling.rule_arrays import Judged, arrays_of, judged_by
from howlkit.schema import MARK, STEP, Schema

__all__ = ["ChoiceRules", "is_one_class"]

Array = NDArray[Any]

ONSET = QUANTITIES.index("onset")


def is_one_class(schema: Schema) -> bool:
    """Say whether a step is `mark` and one field of a class, without derived fields."""
    return len(schema.columns) == 2 and schema.decisions[-1].kind == "class"


class ChoiceRules:
    """The rules of a session as arrays, made anew for each step; no note ends another.

    Raises UncompiledError for a rule of another kind, and for two of a kind that cannot be one.
    """

    def __init__(self, rules: Sequence[Rule], schema: Schema) -> None:
        self._schema, self._rules = schema, arrays_of(rules, alone=False, opens=True)
        self._next: tuple[tuple[object, ...], Judged] | None = None

    def judged(self, heard: Heard, grammar: CheckedGrammar) -> Judged:
        """Return the rules for the next step of a grammar's rows."""
        of = grammar, heard.notes, heard.moved
        if self._next is None or any(a is not b for a, b in zip(self._next[0], of, strict=True)):
            self._next = of, self._made(heard, grammar)
        judged = self._next[1]
        judged.left.fill(1.0)  # a draw before may have left nothing
        return judged

    def following(self, heard: Heard, grammar: CheckedGrammar) -> tuple[Array, ...]:
        """Return the arrays by which compiled code brings `heard` up to date with the next step.

        The grammar is about to take in that step, and is asked anew afterwards.
        """
        judged = self.judged(heard, grammar)
        self._next = None
        return judged.arrays or ()

    def _made(self, heard: Heard, grammar: CheckedGrammar) -> Judged:
        given = self._schema.steps(len(heard.at))
        given["mark"] = STEP
        choices = grammar.note_choices(self._schema.decisions[1], given)
        tables, bases = _tables(choices, rows=len(given), n=self._schema.decisions[1].n)
        return judged_by(tables, self._rules, heard, bases)


def _tables(choices: NoteChoices | None, *, rows: int, n: int) -> tuple[tuple[Array, ...], Array]:
    """Return adds, first, known, restart and spans, and the bases, of B rows, as in `RuleArrays`.

    The first rows of `adds` are for `mark`, which says nothing of notes; choices: None, nor does
    the field.
    """
    width, bases = len(QUANTITIES), np.zeros((rows, len(QUANTITIES)), np.int64)
    adds = np.zeros((MARK.n + rows * n, width), np.int64)
    known, first = np.zeros((2, width), np.bool_), np.zeros((rows, 2), np.int64)
    first[:, 1] = MARK.n + n * np.arange(rows)
    if choices is not None:
        known[1] = True
        bases[:, ONSET] = choices.onset.min(axis=1)
        _fill(adds[MARK.n :].reshape(rows, n, width), choices, bases[:, ONSET, None])
    spans = np.zeros((2, 2, width), np.int64)
    spans[:, 1] = adds[MARK.n :].min(axis=0), adds[MARK.n :].max(axis=0)
    return (adds, first, known, np.full((2, width), -1), spans), bases


def _fill(adds: Array, choices: NoteChoices, since: Array) -> None:
    """Write what choices mean into adds (B, n, Q); since: (B, 1), the onset that they add to."""
    role = np.where(choices.onset == UNKNOWN, NOTHING, choices.role)
    length = np.where(choices.end >= OPEN, OPEN, choices.end - choices.onset)
    length = np.where(choices.end == UNKNOWN, UNKNOWN, np.maximum(length, 0))
    parts = choices.onset - since, choices.pitch, choices.program, choices.track, length, role
    for quantity, values in enumerate(parts):
        adds[:, :, quantity] = values
