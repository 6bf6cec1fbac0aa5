"""What the events of encoder `event` mean in notes.

A note-on begins a note that sounds until its note-off. With programs both are settled only by the
field `program`.
"""

from __future__ import annotations

import numpy as np

from howlkit.builtin.encoders.event.vocabulary import OFF, PITCHES, SHIFT, Vocabulary
from howlkit.note_choices import BEGINS, BELOW, COMING, LASTS, NOTHING, OPEN, NoteTables
from howlkit.schema import Schema

__all__ = ["note_tables"]


def note_tables(schema: Schema, vocabulary: Vocabulary) -> NoteTables:
    """Return the tables; positions are those of the grid."""
    v = vocabulary
    on, off = (COMING, NOTHING) if v.programs else (BEGINS, LASTS)
    # Of one difference, so that a program settles note-ons and note-offs alike.
    settles = BEGINS - COMING
    onset, pitch, length, role = (np.zeros(v.n, np.int64) for _ in range(4))
    onset[SHIFT : v.velocity] = np.arange(1, v.shifts + 1)
    pitch[:SHIFT] = np.tile(np.arange(PITCHES), 2)
    pitch[SHIFT:] = BELOW
    length[:OFF], length[SHIFT:] = OPEN, BELOW
    role[:OFF], role[OFF:SHIFT] = on, off
    role[v.velocity : v.pedal] = COMING  # only a note-on may follow
    known = ["onset", "pitch", "track", "length"] + ["program"] * (not v.programs)
    event = {"onset": onset, "pitch": pitch, "length": length, "role": role}
    return NoteTables.of(
        schema,
        adds={"event": event, "program": {"program": np.arange(256), "role": settles}},
        known={"event": known, "program": [*known, "program"]},
        divisions=v.grid,
    )
