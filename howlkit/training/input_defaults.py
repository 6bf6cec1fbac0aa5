"""What a network is told besides the last step, where nobody said: decided from the training music.

Options of the heads that were left out are set here, once, when a run begins, and are part of its
recipe from then on. Each input was measured alone; docs/training.md has the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset import Dataset
from howlkit.network.note_places import NotePlaces
from howlkit.network.note_spans import NoteSpans
from howlkit.network.repeat_scores import REACH
from howlkit.note_pitches import notes_of
from howlkit.protocols import Encoder
from howlkit.schema import STEP, Schema, Steps
from howlkit.training.recipe import Recipe

__all__ = ["Repetition", "repetition", "with_inputs"]

HALF_LIFE = 64
"""`heads.pitch_classes`, in notes: two to eight bars."""

CHORD = 6
"""`heads.harmony`, in notes: the last chord or two."""

PULSE = 48
"""`heads.pulse`, in notes: a bar or more of a song."""

PASSAGE = 4
"""The notes that must be alike for a passage to count as played again."""

OFTEN = 0.15
"""The share of steps that end a passage played again, from which repeats are searched for."""

MOST_NOTES = 25_000
"""No more of the music is looked at."""

NAMES = (
    *("repeats", "repeats_by", "relative", "intervals", "elapsed"),
    *("pitch_classes", "scale", "harmony", "sounding", "held", "pulse", "votes"),
)


@dataclass(frozen=True)
class Repetition:
    """How often music repeats itself: the share (0..1) of steps, alike in the fields `names`."""

    names: tuple[str, ...]
    share: float


def with_inputs(
    recipe: Recipe, data: Dataset, *, given: Collection[str], tell: Callable[[str], None]
) -> Recipe:
    """Return a recipe in which the options of inputs that were not given are decided.

    recipe: its encoder fitted. given: the names of the options of heads that were given; they stay.
    tell: gets a line that says what was decided.
    """
    schema, left = recipe.encoder.schema, [name for name in NAMES if name not in given]
    if "repeats" in given and not recipe.heads.repeats:  # nothing to search for
        left = [name for name in left if name != "repeats_by"]
    if not left:
        return recipe
    begun = _notes(schema)
    decides_pitches = any(recipe.heads.kind(schema[name]) == "softmax" for name in begun)
    names_references = any(field.relative_to for field in schema.decisions)
    found = repetition(recipe.encoder, data) if "repeats" in left else None
    decided: dict[str, Any] = {
        "repeats": found.names if found is not None and found.share >= OFTEN else (),
        "relative": names_references,
        "intervals": decides_pitches and not names_references,
        "elapsed": True,
        # Heads that score no pitches, such as those of bits, learn less with them in a time.
        "pitch_classes": HALF_LIFE if decides_pitches else 0,
        "harmony": CHORD if decides_pitches else 0,
        "sounding": decides_pitches and NoteSpans.possible(schema),
        "pulse": PULSE if NotePlaces.possible(schema) else 0,
    }
    decided = {name: value for name, value in decided.items() if name in left}
    searched = decided.get("repeats", recipe.heads.repeats)
    if "repeats_by" in left and searched and NotePlaces.possible(schema):
        decided["repeats_by"] = "beats"
    if "held" in left:
        sounds = decided.get("sounding", recipe.heads.sounding)
        decided["held"] = sounds and recipe.heads.chained and NoteSpans.names_keys(schema)
    if "votes" in left:
        by = decided.get("repeats_by", recipe.heads.repeats_by)
        decided["votes"] = bool(searched) and by == "beats" and recipe.heads.chained
    if "scale" in left:  # it is found in the histogram
        decided["scale"] = decided.get("pitch_classes", recipe.heads.pitch_classes) > 0
    tell(_line(decided, found))
    return replace(recipe, heads=replace(recipe.heads, **decided))


def _line(decided: dict[str, object], found: Repetition | None) -> str:
    """Return what was decided, and how to decide otherwise."""
    on = []
    for name, value in decided.items():
        if value:
            text = ",".join(value) if isinstance(value, tuple) else str(value).lower()
            on.append(f"heads.{name}={text}")
    why = ""
    if found is not None:
        why = f"; {found.share:.0%} of the steps repeat a passage of {PASSAGE} notes"
    return f"The network is also told ({', '.join(on) or 'nothing'}{why}). -o says otherwise"


def repetition(encoder: Encoder, data: Dataset) -> Repetition:
    """Return how often the training part repeats itself, in the fields that repeat often enough.

    A step counts if the passage of `PASSAGE` notes that it ends was played before, within the reach
    of the search (`network.repeats`), in the same piece. All decided fields must be alike or, if
    that is seldom, those up to the last one that begins a note: velocities and durations of a
    player differ each time.
    """
    rows, notes = [], 0
    for index in np.random.default_rng(0).permutation(data.indices("train")):
        piece = data.piece(int(index))
        rows.append(encoder.encode(piece))
        notes += len(piece)
        if notes >= MOST_NOTES:
            break
    schema = encoder.schema
    steps = sum(int(np.count_nonzero(row["mark"] == STEP)) for row in rows)
    span = PASSAGE * max(round(steps / max(notes, 1)), 1)
    names = tuple(field.name for field in schema.decisions[1:])
    whole = Repetition(("all",), _share(rows, names, span))
    begun = [names.index(name) for name in _notes(schema)]
    if whole.share >= OFTEN or not begun or max(begun) + 1 == len(names):
        return whole
    some = names[: max(begun) + 1]
    return Repetition(some, _share(rows, some, span))


def _notes(schema: Schema) -> tuple[str, ...]:
    """Return the fields whose values begin notes; none if the encoder does not say."""
    notes = notes_of(schema)
    return () if notes is None else tuple(notes.pitches)


def _share(rows: Sequence[Steps], names: Sequence[str], span: int) -> float:
    """Return the share of steps that end `span` steps which were there before, in some fields."""
    repeated = total = 0
    for row in rows:
        steps = row[row["mark"] == STEP]
        keys = _step_keys(steps, names)
        seen: dict[bytes, int] = {}
        for at in range(span, len(keys) + 1):
            passage = keys[at - span : at].tobytes()
            before = seen.get(passage)
            repeated += before is not None and at - before <= REACH
            seen[passage] = at
        total += len(steps)
    return repeated / max(total, 1)


def _step_keys(steps: Steps, names: Sequence[str]) -> NDArray[np.uint8]:
    """Return (T, bytes): the values of steps (T,) in some fields, side by side."""
    columns = [np.ascontiguousarray(steps[name]).reshape(len(steps), -1) for name in names]
    return np.concatenate([column.view(np.uint8) for column in columns], axis=1)
