"""What the values of a voice mean in notes: a voice is a track that sounds one note at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.encoders.voices.spec import AS_BEFORE, LOWEST, SILENCE, VoicesSpec
from howlkit.note_choices import (
    BEGINS,
    FRESH,
    LASTS,
    NOTHING,
    OPEN,
    QUANTITIES,
    UNKNOWN,
    NoteTables,
)
from howlkit.schema import Schema

__all__ = ["note_tables"]


def note_tables(schema: Schema, spec: VoicesSpec, *, low: int) -> NoteTables:
    """Return the tables; positions are slices. low: the lowest pitch.

    AS_BEFORE lets the note that sounds go on, if there is one, and SILENCE ends it.
    """
    values = LOWEST + spec.pitches
    pitch, length, role = np.zeros((3, values), np.int64)
    pitch[:LOWEST], pitch[LOWEST:] = UNKNOWN, low + np.arange(spec.pitches)
    length[AS_BEFORE], length[SILENCE], length[LOWEST:] = OPEN, 0, OPEN
    role[:LOWEST], role[LOWEST:] = LASTS, BEGINS
    names = [f"voice{k}" for k in spec.decided]
    adds: dict[str, Mapping[str, int | NDArray[np.int64]]] = {
        name: {"pitch": pitch, "length": length, "role": role, "track": k - 1}
        for name, k in zip(names, spec.decided, strict=True)
    }
    adds["shift"] = {"onset": np.arange(spec.grid), "role": NOTHING}
    known: dict[str, tuple[str, ...]] = dict.fromkeys(names, QUANTITIES) | {"shift": ("onset",)}
    restart = dict.fromkeys(names, FRESH)
    return NoteTables.of(
        schema, adds=adds, known=known, restart=restart, divisions=spec.grid, alone=True
    )
