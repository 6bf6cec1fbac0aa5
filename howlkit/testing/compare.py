"""Random walks that the laws of an encoder are checked on, and comparisons of steps and notes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from howlkit.music.piece import Piece
from howlkit.protocols import Encoder
from howlkit.schema import Steps
from howlkit.testing.checks import given, require
from howlkit.testing.pieces import metres, scatter
from howlkit.testing.walks import Walk, first_difference, walk

__all__ = ["require_same_decisions", "require_same_notes", "require_same_steps", "seeded_walks"]

WALKS = 8  # two of each style


def seeded_walks(encoder: Encoder) -> Iterator[tuple[Walk, Piece | None]]:
    """Yield walks, each with the piece that gives it metre and tempo, or None."""
    for seed in range(WALKS):
        like = (None, None, metres(3), scatter(1))[seed // 2 % 4] if seed >= 4 else None
        with given(f"seed {seed}" + (f", like {like.name}" if like is not None else "")):
            yield walk(encoder, seed, like=like), like


def require_same_notes(
    expected: Piece, got: Piece, look: str = "what rounds twice, in `encode` and in `decode`"
) -> None:
    """Raise CheckFailed, saying where to look, unless two pieces have the same notes."""
    same = np.array_equal(expected.notes, got.notes)
    first = 0
    if len(expected) == len(got) and not same:
        first = int(np.flatnonzero(expected.notes != got.notes)[0])
    require(
        same,
        expected=f"{len(expected)} notes, note {first}: {expected.notes[first : first + 1]}",
        got=f"{len(got)} notes, note {first}: {got.notes[first : first + 1]}",
        look=look,
    )


def require_same_decisions(encoder: Encoder, expected: Steps, got: Steps, look: str) -> None:
    """Raise CheckFailed unless all fields but the derived ones are the same.

    Derived fields may depend on the metre of the piece, which steps alone do not hold.
    """
    expected, got = expected.copy(), got.copy()
    for derived in encoder.schema.derived:
        expected[derived.name], got[derived.name] = 0, 0
    require_same_steps(encoder, expected, got, look)


def require_same_steps(encoder: Encoder, expected: Steps, got: Steps, look: str) -> None:
    """Raise CheckFailed, with the hint `look`, unless all fields of all steps are the same."""
    found = first_difference(encoder.schema, expected, got)
    if found is not None:
        require(False, expected=found[0], got=found[1], look=look)
