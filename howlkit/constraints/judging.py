"""All rules of a session judged together, and merged into one of each kind where that is possible.

Shapes: B rows, n choices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints.heard import Heard
from howlkit.constraints.rules import (
    DensityRule,
    LengthRule,
    LoopRule,
    PitchRule,
    PolyphonyRule,
    ProgramRule,
    RestrikeRule,
    flat,
)
from howlkit.note_choices import NoteChoices
from howlkit.protocols import Rule

__all__ = ["judge", "merged"]


def judge(rules: Sequence[Rule], choices: NoteChoices, heard: Heard) -> NDArray[np.float64]:
    """Return (B, n): what all rules together add to the logits of the choices of a field."""
    total = np.zeros(choices.onset.shape)
    for rule in rules:
        total += rule.logits(choices, heard)
    return total


def merged(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return rules that say the same, with one of each kind where two can be made one."""
    by_kind: dict[type[Rule], list[Rule]] = {}
    for rule in flat(rules):
        by_kind.setdefault(type(rule), []).append(rule)
    found: list[Rule] = []
    for kind, some in by_kind.items():
        join = _JOINS.get(kind)
        found += some if join is None else _joined(some, join)
    return tuple(found)


def _joined(rules: list[Rule], join: Callable[[Rule, Rule], Rule | None]) -> list[Rule]:
    """Return rules of one kind, each joined with the first one before it that it can be."""
    kept: list[Rule] = []
    for rule in rules:
        for at, other in enumerate(kept):
            if (both := join(other, rule)) is not None:
                kept[at] = both
                break
        else:
            kept.append(rule)
    return kept


def _pitches(one: PitchRule, other: PitchRule) -> PitchRule | None:
    """Return both as one; None if both follow the beats of the bar."""
    if len(one.which) > 1 and len(other.which) > 1:
        return None
    if len(one.which) > 1:
        one, other = other, one
    return replace(other, tables=other.tables + one.tables[one.which[0]])


_JOINS: dict[type, Callable[..., Rule | None]] = {
    PitchRule: _pitches,
    ProgramRule: lambda one, other: ProgramRule(one.allowed & other.allowed),
    PolyphonyRule: lambda one, other: PolyphonyRule(min(one.most, other.most)),
    LengthRule: lambda one, other: LengthRule(min(one.longest, other.longest)),
    LoopRule: lambda one, other: LoopRule(np.minimum(one.most, other.most)),
    RestrikeRule: lambda one, other: one,
    DensityRule: lambda one, other: None,
}
