"""The schemas that a model is checked with, and random steps for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from howlkit.note_pitches import NotePitches
from howlkit.schema import START, STEP, Field, Schema, Steps, bits, real

__all__ = ["CONDITIONAL", "MIXED", "NOTES", "ONE", "SCHEMAS", "every_step", "random_steps"]


def _begin(
    pitches: Mapping[str, Sequence[int]], *, drums: Mapping[str, Sequence[bool]] = {}
) -> Callable[[], NotePitches]:
    """Return `Schema.notes`: which notes values begin."""
    found = NotePitches(
        {name: np.array(values) for name, values in pitches.items()},
        {name: np.array(values) for name, values in drums.items()},
        shifts={},
        lengths={},
        divisions=1,
    )
    return lambda: found


NOTES = Schema(
    (
        Field("shift", 9, ordered=True),
        Field("pitch", 24, ordered=True, relative_to=(("pitch", 0),)),
        Field("duration", 6, ordered=True),
    ),
    notes=_begin({"pitch": range(24)}),
)
"""A step is a note, as with encoder `tuple`."""

ONE = Schema(
    (Field("token", 40),), "seconds", notes=_begin({"token": [*range(60, 90), *[-1] * 10]})
)
"""A step is one value, as with a vocabulary of tokens."""

CONDITIONAL = Schema(
    (
        Field("family", 2),
        Field("pitch", 5, when=("family", (0,))),
        Field("length", 3, when=("pitch", (1, 2))),
        Field("tempo", 4, when=("family", (1,))),
    ),
    notes=_begin({"pitch": range(5)}, drums={"tempo": [False, True, False, True]}),
)
"""Some fields are in some steps only; one of them depends on another such field."""

MIXED = Schema(
    (
        Field("kind", 2),
        real("level", 0, 1, resolution=0.25, when=("kind", (1,))),
        Field("length", 4, ordered=True),
        Field("beat", 3, derived=True),
        bits("keys", 3, when=("kind", (0,))),
        bits("pedals", 2),
    ),
    notes=_begin({"keys": range(60, 63)}, drums={"kind": [False, True]}),
)
"""Fields of every kind."""

SCHEMAS = {"notes": NOTES, "one field": ONE, "conditional": CONDITIONAL, "mixed": MIXED}


def random_steps(schema: Schema, seed: int, *, rows: int = 3, length: int = 16) -> Steps:
    """Return steps (B, T) with random values; each row begins with a start."""
    rng = np.random.default_rng(seed)
    steps = np.zeros((rows, length), schema.dtype)
    steps["mark"][:, 0] = START
    for field in schema.fields:
        high = 2 if field.kind == "bits" else field.n
        values = rng.integers(0, high, steps[field.name].shape)
        active = schema.active(field, steps)
        steps[field.name] = values * (active[..., None] if field.kind == "bits" else active)
    return steps


def every_step(schema: Schema) -> Steps:
    """Return every possible step but the start, each once, (N,); for small schemas only."""
    rows: list[Any] = []

    def grow(row: Steps, fields: list[Field]) -> None:
        if not fields:
            rows.append(row.copy())
            return
        field, *rest = fields
        if not schema.active(field, row)[0]:
            grow(row, rest)
            return
        values = product((0, 1), repeat=field.n) if field.kind == "bits" else range(field.n)
        for value in values:
            if (field.name, value) != ("mark", START):
                row[field.name] = value
                grow(row, rest)
        row[field.name] = 0

    first = schema.steps(1)
    first["mark"] = STEP
    grow(first, list(schema.decisions))
    return np.concatenate(rows)


def step_tensors(steps: Steps) -> dict[str, Tensor]:
    """Return the columns of `steps` as tensors, in the form that a network takes."""
    names = steps.dtype.names or ()
    return {name: torch.from_numpy(steps[name].astype(np.int64)) for name in names}
