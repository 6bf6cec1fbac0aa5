"""Constraints: wishes about notes, and what keeps music from being silly by default.

`key`, `range`, `instruments`, `polyphony`, `density` and `chords` are for people to ask for;
`restrikes`, `loops` and `bounds` hold unless they are switched off. Each makes rules of
howlkit.constraints.rules, which compiled code judges.
"""

from __future__ import annotations

from collections.abc import Callable

from howlkit.builtin.constraints.bounds import Bounds
from howlkit.builtin.constraints.chords import Chords
from howlkit.builtin.constraints.density import Density
from howlkit.builtin.constraints.instruments import Instruments
from howlkit.builtin.constraints.key import InKey
from howlkit.builtin.constraints.loops import Loops
from howlkit.builtin.constraints.polyphony import Polyphony
from howlkit.builtin.constraints.range import Range
from howlkit.builtin.constraints.restrikes import Restrikes
from howlkit.hookspecs import hookimpl
from howlkit.protocols import Constraint

__all__ = [
    "Bounds",
    "Chords",
    "Density",
    "InKey",
    "Instruments",
    "Loops",
    "Polyphony",
    "Range",
    "Restrikes",
]


@hookimpl
def register_constraints(register: Callable[[type[Constraint]], None]) -> None:
    """Register the constraints."""
    for constraint in (
        InKey, Range, Instruments, Polyphony, Density, Chords, Restrikes, Loops, Bounds
    ):  # fmt: skip
        register(constraint)
