"""Weaker laws for encoders that declare an exemption from a law.

An encoder that loses or moves a note fails these too.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from howlkit.music.piece import Piece
from howlkit.plugins.exemptions import EXCERPTS, PUSHING, ROUND_TRIP, exemptions
from howlkit.protocols import Encoder
from howlkit.schema import END, START, STEP, Steps
from howlkit.testing.checks import Check, given, require
from howlkit.testing.compare import require_same_notes, require_same_steps, seeded_walks
from howlkit.testing.grammars import check_counts, check_pushing, pushed_steps, require_allowed
from howlkit.testing.pieces import pieces

__all__ = ["INSTEAD", "pushing_check", "with_exemption"]


def the_music_comes_back(encoder: Encoder) -> None:
    """Steps that the grammar allows come back as the same music, which is spelt the same again.

    With `like=piece` notes may be rounded again, to the grid of that piece. Then as many notes of
    each pitch and program have to come back.
    """
    for made, like in seeded_walks(encoder):
        for row, steps in enumerate(made.rows):
            with given(f"{made}, row {row}" + (f", like {like.name}" if like is not None else "")):
                piece = encoder.decode(steps, like=like)
                written = encoder.encode(piece)
                again = encoder.decode(written, like=like)
                require_allowed(encoder, written, piece)
                if like is not None:
                    _require_same_voices(piece, again)
                    continue
                require_same_notes(piece, again)
                _require_same_seconds(piece, again)
                look = "what `encode` makes of its own spelling"
                require_same_steps(encoder, written, encoder.encode(again), look)


def _require_same_seconds(expected: Piece, got: Piece) -> None:
    wanted, heard = (piece.seconds(piece.notes["start"]) for piece in (expected, got))
    wrong = np.flatnonzero(np.abs(wanted - heard) > 1e-6 + 1e-9 * wanted)
    require(
        not len(wrong),
        expected=f"note {wrong[:1].tolist()} at {wanted[wrong[:1]].tolist()} seconds",
        got=heard[wrong[:1]].tolist(),
        look="tempi that `encode` leaves out or moves",
    )


def excerpts_have_the_notes(encoder: Encoder) -> None:
    """Adjacent excerpts have the notes of the whole piece, and only the last has an end."""
    for piece in pieces():
        with given(piece.name):
            wanted = _voices(encoder.decode(encoder.encode(piece)))
        for size in (1, 7, 60):
            found: Counter[Any] = Counter()
            for first in range(0, len(piece), size):
                with given(f"{piece.name}.excerpt({first}, {first + size})"):
                    part = piece.excerpt(first, min(first + size, len(piece)))
                    found += _voices(encoder.decode(_own_steps(encoder.encode(part), part)))
            with given(f"{piece.name} in excerpts of {size} notes"):
                look = "the steps at the edges: `since` is inside, `until` is not"
                _require_same_counts(wanted, found, look)


def _own_steps(steps: Steps, part: Piece) -> Steps:
    """Check the marks of an excerpt's steps; return them without the row that is only input."""
    marks = steps["mark"].tolist()
    ends = [END] if part.has_end else []
    before = [START] if part.has_start else [mark for mark in marks[:1] if mark != END]
    wanted = [*before, *[STEP] * (len(marks) - 1 - len(ends)), *ends]
    require(
        before and marks == wanted,
        expected=f"{'a start row' if part.has_start else 'a row before'}, steps, and "
        f"{'an end' if part.has_end else 'no end'}",
        got=f"marks {marks[:3]} .. {marks[-3:]}",
        look="`schema.frame`",
    )
    return steps[1:]


def _require_same_voices(expected: Piece, got: Piece) -> None:
    _require_same_counts(_voices(expected), _voices(got), "notes that `encode` drops or merges")


def _require_same_counts(expected: Counter[Any], got: Counter[Any], look: str) -> None:
    require(
        expected == got,
        expected=f"{expected.total()} notes in all, as many of each program and pitch",
        got=f"{got.total()}: {(expected - got).total()} are missing",
        look=look,
    )


def _voices(piece: Piece) -> Counter[Any]:
    """Return how often each program plays each pitch."""
    return Counter(piece.notes[["program", "pitch"]].tolist())


def decode_counts_as_pushing(encoder: Encoder) -> None:
    """`decode` returns as many notes as `push` counted; more steps do not move earlier notes."""
    for what, steps, like in pushed_steps(encoder):
        with given(what):
            check_counting(encoder, steps, like)


def check_counting(encoder: Encoder, steps: Steps, like: Piece | None) -> None:
    """Raise CheckFailed unless `decode` returns the notes that `push` counts, and never moves them.

    steps: without the end row.
    """
    whole, _ = check_counts(encoder, steps, like)
    half = encoder.decode(steps[: (len(steps) + 1) // 2], like=like)
    begun, more = (_onsets(piece) for piece in (half, whole))
    require(
        begun <= more,
        expected="the notes of the first half of the rows among those of all",
        got=f"others: {sorted((begun - more).elements())[:3]} (beats, program, pitch)",
        look="what in `decode` depends on steps that come later",
    )


def _onsets(piece: Piece) -> Counter[Any]:
    """Return how many notes there are of each onset (in beats), program and pitch."""
    beats = np.round(piece.notes["start"] / piece.ticks_per_beat, 6).tolist()
    return Counter(
        zip(beats, *(piece.notes[n].tolist() for n in ("program", "pitch")), strict=True)
    )


INSTEAD: Mapping[str, Callable[[Encoder], None]] = MappingProxyType(
    {
        ROUND_TRIP: the_music_comes_back,
        EXCERPTS: excerpts_have_the_notes,
        PUSHING: decode_counts_as_pushing,
    }
)
"""The weaker law that is checked instead, by the name of the law that allows an exemption."""


def with_exemption(check: Check) -> Check:
    """Return the check, or a check of the weaker law if its encoder declares an exemption."""
    why = _declared(check.component).get(check.name)
    if why is None or check.name not in INSTEAD:
        return check
    return dataclasses.replace(check, instead=INSTEAD[check.name], reason=why)


def _declared(encoder: Encoder) -> Mapping[str, str]:
    """Return the exemptions of an encoder; none if they are malformed, which has its own check."""
    try:
        return dict(exemptions(encoder))
    except Exception:  # a component's own, of any kind
        return {}


def pushing_check(encoder: Encoder) -> Callable[[Encoder, Steps, Piece | None], None]:
    """Return the function that checks `decode` against `push`: the weaker one if it is exempt."""
    return check_counting if PUSHING in exemptions(encoder) else check_pushing
