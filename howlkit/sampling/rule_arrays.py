"""Rules about notes as arrays, for compiled code: rule_kernels.py reads them in this order.

Letters as there: K decisions, Q quantities, P lags, B rows; A rows of tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints.heard import LAGS, Heard
from howlkit.constraints.rules import (
    DensityRule,
    LengthRule,
    LoopRule,
    PitchRule,
    PolyphonyRule,
    ProgramRule,
    RestrikeRule,
)
from howlkit.music.tables import DRUMS
from howlkit.note_choices import OPEN, QUANTITIES, NoteTables
from howlkit.plugins.checked_grammar import CheckedGrammar
from howlkit.protocols import Rule
from howlkit.sampling.compiled_fields import FieldArrays
from howlkit.schema import Field, Steps

__all__ = [
    "NUMBERS",
    "Judged",
    "RuleArrays",
    "StaticRules",
    "UncompiledError",
    "arrays_of",
    "judged_by",
    "rules_of_row",
]

Array = NDArray[Any]

NUMBERS = (
    *("slot", "early", "beats", "bar", "offset"),  # of the `PitchRule`
    *("rate", "slack", "strength"),  # of the `DensityRule`
    *("most", "longest", "restrikes", "alone", "opens", "has_pitches", "has_loops", "has_programs"),
)
"""What `RuleArrays.numbers` are, in their order; opens: whether a note may sound until a step ends
it."""

NEVER = 2**60
"""A number of notes in a row that no loop reaches."""


class RuleArrays(NamedTuple):
    """All that the kernels are given.

    adds (A, Q), known (K, Q), restart (K, Q): of `NoteTables`. first: (B, K), the row of `adds` of
    the first choice of a decision. spans: (2, K, Q), the least and the most that the
    choices of a decision add. pitches: (S, 128) and which: (X,), of the `PitchRule`.
    programs: (129,). most_run: (P,), of the `LoopRule`. numbers: `NUMBERS`. bases:
    (B, Q). notes, at, moves, runs, moved: of `Heard`. sums: (B, Q) and left: (B,), scratch: the
    sums of the decisions so far, and the share that hard rules have left of each row's choices.
    """

    adds: Array
    first: Array
    known: Array
    restart: Array
    spans: Array
    pitches: Array
    which: Array
    programs: Array
    most_run: Array
    numbers: Array
    bases: Array
    notes: Array
    at: Array
    moves: Array
    runs: Array
    moved: Array
    sums: Array
    left: Array


OF_ROWS = [
    RuleArrays._fields.index(name)
    for name in ("first", "bases", "notes", "at", "moves", "runs", "moved", "sums", "left")
]
"""The places in `RuleArrays` of those that have a part for each row."""


def rules_of_row(rules: tuple[Array, ...], row: int) -> tuple[Array, ...]:
    """Return `RuleArrays` of one row of several, views of theirs."""
    own = list(rules)
    for place in OF_ROWS:
        own[place] = own[place][row : row + 1]
    return tuple(own)


@dataclass
class Judged:
    """The rules as they judge one step, and what they leave of it.

    left: (B,) written to: which share of the probability of each row's choices was not forbidden,
    multiplied over the fields of the step; 0 where nothing was left. arrays: those of `RuleArrays`,
    for compiled code, `left` among them; None: `judge` is asked instead. judge: returns (B, n) what
    the rules add to the logits of a field, given the fields before it; None: the field says nothing
    of notes.
    """

    left: NDArray[np.float64]
    arrays: tuple[Array, ...] | None = None
    judge: Callable[[Field, Steps], NDArray[np.float64] | None] | None = None


class StaticRules:
    """The rules of a session as arrays, for an encoder whose choices are tables.

    Raises UncompiledError for a rule of another kind, and for two of a kind that cannot be one.
    """

    def __init__(self, rules: Sequence[Rule], tables: NoteTables, fields: FieldArrays) -> None:
        self._alone, self._begin = tables.alone, fields.begin[:-1]
        self._making: Heard | None = None  # with the step in the making
        self._judged: _Made | None = None
        self._followed: _Made | None = None
        self._tables = tables.adds, tables.known, tables.restart, _spans(tables.adds, self._begin)
        opens = bool((tables.adds[:, QUANTITIES.index("length")] >= OPEN).any())
        self._rules = arrays_of(rules, alone=tables.alone, opens=opens)

    def judged(self, heard: Heard, grammar: CheckedGrammar) -> Judged:
        """Return the rules for the next step of a grammar's rows."""
        bases = grammar.note_bases
        if self._alone:  # a step may begin several notes, heard while it is in the making
            self._making = heard = _copied(heard, self._making)
        if self._judged is None or not self._judged.is_of(heard, bases):
            self._judged = self._made(heard, bases)
        self._judged.judged.left.fill(1.0)  # a draw before may have left nothing
        return self._judged.judged

    def following(self, heard: Heard, grammar: CheckedGrammar) -> tuple[Array, ...]:
        """Return the arrays by which compiled code brings `heard` up to date with the next step."""
        bases = grammar.note_bases
        if self._followed is None or not self._followed.is_of(heard, bases):
            self._followed = self._made(heard, bases)
        return self._followed.judged.arrays or ()

    def _made(self, heard: Heard, bases: Array) -> _Made:
        adds, *others = self._tables
        first = np.tile(self._begin, (len(bases), 1))
        return _Made(heard, bases, judged_by((adds, first, *others), self._rules, heard, bases))


class _Made:
    """Arrays that were made for rows, and serve until these have others in their place."""

    def __init__(self, heard: Heard, bases: Array, judged: Judged) -> None:
        self._notes, self._moved, self._bases = heard.notes, heard.moved, bases
        self.judged = judged

    def is_of(self, heard: Heard, bases: Array) -> bool:
        """Say whether these are the arrays of the rows; those not looked at change with others."""
        return self._bases is bases and self._notes is heard.notes and self._moved is heard.moved


def judged_by(
    tables: tuple[Array, ...], rules: tuple[Array, ...], heard: Heard, bases: Array
) -> Judged:
    """Return rules as they judge one step.

    tables: adds, first, known, restart and spans, as in `RuleArrays`. rules: as of `arrays_of`.
    """
    left, sums = np.ones(len(bases)), np.zeros((len(bases), len(QUANTITIES)), np.int64)
    lately = heard.notes, heard.at, heard.moves, heard.runs, heard.moved
    # A plain tuple, which takes numba half the time of a named one.
    arrays = RuleArrays._make((*tables, *rules, bases, *lately, sums, left))
    return Judged(left, tuple(arrays))


def arrays_of(rules: Sequence[Rule], *, alone: bool, opens: bool) -> tuple[Array, ...]:
    """Return pitches, which, programs, most_run and numbers, as in `RuleArrays`.

    alone: as `NoteTables.alone`. opens: whether a note may sound until a step ends it. Raises
    UncompiledError for a rule of another kind, and for two of a kind that cannot be one.
    """
    kinds = [type(rule) for rule in rules]
    if len(set(kinds)) < len(kinds):
        raise UncompiledError("two rules of a kind cannot be made one")
    arrays: dict[str, Array] = {
        "pitches": np.zeros((1, 128), np.float32),
        "which": np.zeros(1, np.int64),
        "programs": np.ones(DRUMS + 1, np.bool_),
        "most_run": np.full(LAGS, NEVER, np.int64),
    }
    numbers = dict.fromkeys(NUMBERS, 0.0)
    numbers |= {"slot": 1.0, "bar": 1.0, "longest": float(OPEN)}
    numbers |= {"alone": float(alone), "opens": float(opens)}
    for rule in rules:
        some, more = _of_rule(rule)
        arrays |= some
        numbers |= more
    return *arrays.values(), np.array([numbers[name] for name in NUMBERS])


def _of_rule(rule: Rule) -> tuple[dict[str, Array], dict[str, float]]:
    """Return the arrays and the numbers that a rule sets."""
    if isinstance(rule, PitchRule):
        return {"pitches": rule.tables.astype(np.float32), "which": rule.which}, {
            "slot": rule.slot, "early": rule.early, "beats": rule.beats_a_unit / rule.divisions,
            "bar": rule.bar, "offset": rule.offset, "has_pitches": 1.0,
        }  # fmt: skip
    if isinstance(rule, ProgramRule):
        return {"programs": rule.allowed}, {"has_programs": 1.0}
    if isinstance(rule, PolyphonyRule):
        return {}, {"most": float(rule.most)}
    if isinstance(rule, LengthRule):
        return {}, {"longest": float(rule.longest)}
    if isinstance(rule, LoopRule):
        return {"most_run": rule.most}, {"has_loops": 1.0}
    if isinstance(rule, RestrikeRule):
        return {}, {"restrikes": 1.0}
    if isinstance(rule, DensityRule):
        rate = rule.rate / rule.divisions
        return {}, {"rate": rate, "slack": rule.slack, "strength": rule.strength}
    raise UncompiledError(f"{type(rule).__name__} is judged by Python")


def _copied(heard: Heard, into: Heard | None) -> Heard:
    """Return a copy, if possible in the arrays of `into`."""
    if into is None or into.notes.shape != heard.notes.shape:
        return heard.select(np.arange(len(heard.at)))
    for name in ("notes", "at", "moves", "runs", "moved"):
        np.copyto(getattr(into, name), getattr(heard, name))
    return into


def _spans(adds: Array, begin: Array) -> Array:
    """Return (2, K, Q): the least and the most that the choices of each decision add."""
    return np.stack([np.minimum.reduceat(adds, begin), np.maximum.reduceat(adds, begin)])


class UncompiledError(Exception):
    """Rules that only Python can judge; the message says why."""
