"""Rules about notes as arrays, for compiled code: rule_kernels.py reads them in this order.

Letters as there: N choices of all decisions, K decisions, Q quantities, P lags, B rows.
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
from howlkit.protocols import Rule
from howlkit.sampling.compiled_fields import FieldArrays
from howlkit.schema import Field, Steps

__all__ = ["NUMBERS", "Judged", "RuleArrays", "StaticRules", "UncompiledError"]

Array = NDArray[Any]

NUMBERS = (
    *("slot", "early", "beats", "bar", "offset"),  # of the `PitchRule`
    *("rate", "slack", "strength"),  # of the `DensityRule`
    *("most", "longest", "restrikes", "alone", "has_pitches", "has_loops", "has_programs"),
)
"""What `RuleArrays.numbers` are, in their order."""

NEVER = 2**60
"""A number of notes in a row that no loop reaches."""


class RuleArrays(NamedTuple):
    """All that the kernels are given.

    adds (N, Q), known (K, Q), restart (K, Q): of the `NoteTables`. spans: (2, K, Q), the least and
    the most that the choices of a decision add. pitches: (S, 128) and which: (X,), of the
    `PitchRule`.
    programs: (129,). most_run: (P,), of the `LoopRule`. numbers: `NUMBERS`. bases:
    (B, Q). notes, at, moves, runs, moved: of `Heard`. sums: (B, Q) and left: (B,), scratch: the
    sums of the decisions so far, and the share that hard rules have left of each row's choices.
    """

    adds: Array
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
        self._alone = tables.alone
        self._making: Heard | None = None  # with the step in the making
        self._judged: _Made | None = None
        self._followed: _Made | None = None
        self._pitches, self._which = np.zeros((1, 128), np.float32), np.zeros(1, np.int64)
        self._programs = np.ones(DRUMS + 1, np.bool_)
        self._most_run = np.full(LAGS, NEVER, np.int64)
        numbers = dict.fromkeys(NUMBERS, 0.0)
        numbers |= {"slot": 1.0, "bar": 1.0, "longest": float(OPEN), "alone": float(tables.alone)}
        kinds = [type(rule) for rule in rules]
        if len(set(kinds)) < len(kinds):
            raise UncompiledError("two rules of a kind cannot be made one")
        for rule in rules:
            numbers |= self._take(rule)
        self._fixed = (
            tables.adds,
            tables.known,
            tables.restart,
            _spans(tables.adds, fields.begin),
            self._pitches,
            self._which,
            self._programs,
            self._most_run,
            np.array([numbers[name] for name in NUMBERS]),
        )

    def _take(self, rule: Rule) -> dict[str, float]:
        """Take in a rule; return the numbers that it sets."""
        if isinstance(rule, PitchRule):
            self._pitches, self._which = rule.tables.astype(np.float32), rule.which
            beats = rule.beats_a_unit / rule.divisions
            return {
                "slot": rule.slot, "early": rule.early, "beats": beats, "bar": rule.bar,
                "offset": rule.offset, "has_pitches": 1.0,
            }  # fmt: skip
        if isinstance(rule, ProgramRule):
            self._programs = rule.allowed
            return {"has_programs": 1.0}
        if isinstance(rule, PolyphonyRule):
            return {"most": float(rule.most)}
        if isinstance(rule, LengthRule):
            return {"longest": float(rule.longest)}
        if isinstance(rule, LoopRule):
            self._most_run = rule.most
            return {"has_loops": 1.0}
        if isinstance(rule, RestrikeRule):
            return {"restrikes": 1.0}
        if isinstance(rule, DensityRule):
            rate = rule.rate / rule.divisions
            return {"rate": rate, "slack": rule.slack, "strength": rule.strength}
        raise UncompiledError(f"{type(rule).__name__} is judged by Python")

    def judged(self, heard: Heard, bases: Array) -> Judged:
        """Return the rules for the next step; bases: (B, .), the grammar's `note_bases`."""
        if self._alone:  # a step may begin several notes, heard while it is in the making
            self._making = heard = _copied(heard, self._making)
        if self._judged is None or not self._judged.is_of(heard, bases):
            self._judged = _Made(self._fixed, heard, bases)
        self._judged.judged.left.fill(1.0)  # a draw before may have left nothing
        return self._judged.judged

    def following(self, heard: Heard, bases: Array) -> tuple[Array, ...]:
        """Return the arrays by which compiled code brings `heard` up to date."""
        if self._followed is None or not self._followed.is_of(heard, bases):
            self._followed = _Made(self._fixed, heard, bases)
        return self._followed.arrays


class _Made:
    """Arrays that were made for rows, and serve until these have others in their place."""

    def __init__(self, fixed: tuple[Array, ...], heard: Heard, bases: Array) -> None:
        self._notes, self._moved, self._bases = heard.notes, heard.moved, bases
        left, sums = np.ones(len(bases)), np.zeros((len(bases), len(QUANTITIES)), np.int64)
        lately = heard.notes, heard.at, heard.moves, heard.runs, heard.moved
        # A plain tuple, which takes numba half the time of a named one.
        self.arrays = tuple(RuleArrays._make((*fixed, bases, *lately, sums, left)))
        self.judged = Judged(left, self.arrays)

    def is_of(self, heard: Heard, bases: Array) -> bool:
        """Say whether these are the arrays of the rows; those not looked at change with others."""
        return self._bases is bases and self._notes is heard.notes and self._moved is heard.moved


def _copied(heard: Heard, into: Heard | None) -> Heard:
    """Return a copy, if possible in the arrays of `into`."""
    if into is None or into.notes.shape != heard.notes.shape:
        return heard.select(np.arange(len(heard.at)))
    for name in ("notes", "at", "moves", "runs", "moved"):
        np.copyto(getattr(into, name), getattr(heard, name))
    return into


def _spans(adds: Array, begin: Array) -> Array:
    """Return (2, K, Q): the least and the most that the choices of each decision add."""
    return np.stack([np.minimum.reduceat(adds, begin[:-1]), np.maximum.reduceat(adds, begin[:-1])])


class UncompiledError(Exception):
    """Rules that only Python can judge; the message says why."""
