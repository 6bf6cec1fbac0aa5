"""Rules about notes: what may sound, judged choice by choice while music is sampled.

A constraint (a component; hook `register_constraints`) makes a `Rule` for a session. Rules of the
kinds in rules.py are judged by compiled code where the encoder's choices are tables; others are
called with numpy arrays.
"""

from __future__ import annotations

from howlkit.constraints.heard import Heard
from howlkit.constraints.rules import (
    DensityRule,
    LengthRule,
    LoopRule,
    PitchRule,
    PolyphonyRule,
    ProgramRule,
    RestrikeRule,
    Rules,
    flat,
)
from howlkit.constraints.setting import Setting

__all__ = [
    "DensityRule",
    "Heard",
    "LengthRule",
    "LoopRule",
    "PitchRule",
    "PolyphonyRule",
    "ProgramRule",
    "RestrikeRule",
    "Rules",
    "Setting",
    "flat",
]
