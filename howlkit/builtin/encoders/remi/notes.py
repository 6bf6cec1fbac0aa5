"""What the events of encoder `remi` mean in notes.

A note is told in several steps: its bar and position, its program, its pitch and its duration; each
says what it settles, and finds the rest in the state of the grammar (`note_bases`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.note_choices import BEGINS, BELOW, COMING, LASTS, QUANTITIES, NoteTables
from howlkit.schema import Schema

__all__ = ["BAR_BEGINS", "BASES", "ZERO", "note_tables"]

ZERO, BAR_BEGINS = QUANTITIES.index("track"), len(QUANTITIES)
"""The columns of `note_bases` that are 0, since there are no tracks; and that hold the bar."""

BASES = len(QUANTITIES) + 1
"""The number of columns."""


def note_tables(
    schema: Schema, events: tuple[str, ...], *, grid: int, lengths: NDArray[np.int64]
) -> NoteTables:
    """Return the tables.

    events: the families. lengths: of each duration, in grid positions.
    """
    onset, program, role = np.zeros((3, len(events)), np.int64)
    onset[events.index("position")] = BELOW  # settled by its value
    role[events.index("pitch")] = COMING
    if "program" in events:
        program[events.index("program")], role[events.index("program")] = BELOW, COMING
    numbers = np.arange(max(field.n for field in schema.decisions))
    adds: dict[str, dict[str, int | NDArray[np.int64]]] = {
        "event": {"onset": onset, "program": program, "role": role},
        "position": {"onset": numbers, "role": COMING},
        "program": {"program": numbers},
        "pitch": {"pitch": numbers, "role": BEGINS - COMING},
        "duration": {"length": lengths, "role": LASTS},
    }
    known = {
        **dict.fromkeys(("metre", "tempo", "velocity"), ("onset", "track")),
        **dict.fromkeys(("event", "program"), ("onset", "program", "track")),
        "position": ("onset", "track"),  # another program may follow
        "pitch": ("onset", "pitch", "program", "track"),
        "duration": QUANTITIES,
    }
    # These values replace what is in force.
    restart = {
        "position": {"onset": BAR_BEGINS},
        "program": {"program": ZERO},
        "pitch": {"pitch": ZERO},
    }
    return NoteTables.of(schema, adds=adds, known=known, restart=restart, divisions=grid)
