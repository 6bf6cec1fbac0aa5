"""How the search for earlier passages scores them: what torch and compiled code both follow.

Each lag has a score. It grows by one, up to `MOST`, with a step that equals the one a lag before
it, and is multiplied by `DECAY` with a step that does not. Two steps are equal if their keys are:
hashes of their values in the compared fields. repeats.py says what the search is for.
"""

from __future__ import annotations

from collections.abc import Sequence

from howlkit.errors import OptionError, did_you_mean
from howlkit.schema import Field, Schema

__all__ = [
    "DECAY",
    "FACTOR",
    "KEYS_AND_SCORES",
    "MOST",
    "NOWHERE",
    "NO_KEY",
    "PREFIX",
    "REACH",
    "SCORES",
    "SHIFT",
    "class_of_scores",
    "compared_fields",
]

REACH = 512  # steps back that the search looks
DECAY = 0.7  # a step that differs multiplies the score by this
MOST = 64.0  # no score grows beyond it

SCORES = {
    "steps": (4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, MOST),
    "beats": (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, MOST),
}
"""By `heads.repeats_by`, the lowest score of each class from 1 on; class 0 is below all of them and
gives no hint.

A lag in beats goes on being followed past a note that differs, so a score of 1 says something: of
the notes after it, one in seven is as hinted in pop909, after 4 one in three, after 16 three in
four. And a network that is told nothing below 4 never begins to repeat what it has made.
"""

NO_KEY, NOWHERE = -1, -(2**60)
"""The key of a row that is no note, by beats, which equals none; and the place (note_places.py) of
a step that is not there, before all others."""

PREFIX = "repeats_"
"""The names of the search's part of a network's state begin with it."""

KEYS_AND_SCORES = 12
"""The bytes that a key and a score take, for each of REACH steps, in the state of compiled code."""

FACTOR, SHIFT = 0x2545F4914F6CDD1D, 29
"""Multiplier of the hash (Steele and Vigna 2022), and the bits by which it is shifted."""


def class_of_scores(by: str) -> list[int]:
    """Return the class of a score of 0, of 1, and so on up to `MOST`; it is that of its floor.

    >>> class_of_scores("beats")[:7]
    [0, 1, 2, 3, 4, 4, 5]
    """
    return [sum(least <= score for least in SCORES[by]) for score in range(int(MOST) + 1)]


def compared_fields(schema: Schema, names: Sequence[str]) -> list[Field]:
    """Return the fields that decide whether two steps are alike; "all": every decided field.

    Raises OptionError for an unknown name.

    >>> schema = Schema((Field("pitch", 128), Field("velocity", 128)))
    >>> [field.name for field in compared_fields(schema, ["all"])]
    ['pitch', 'velocity']
    """
    known = {field.name: field for field in schema.fields}
    for name in names:
        if name not in (*known, "all"):
            raise OptionError(
                f"heads.repeats names {name!r}.{did_you_mean(name, known)} The fields of this "
                f"encoder are {', '.join(known)}; all: every field that is decided"
            )
    if "all" in names:
        return list(schema.decisions[1:])
    return [known[name] for name in names]
