"""The laws of an augmenter, each a function that raises CheckFailed where it is broken."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from howlkit.music.piece import MAX_TICK, Piece
from howlkit.protocols import Augmenter
from howlkit.testing.checks import Check, given, require, run_all
from howlkit.testing.options import LAWS as OPTION_LAWS
from howlkit.testing.options import at_the_limits
from howlkit.testing.pieces import chord, late_note, performance, pieces

__all__ = ["augmenter_checks", "check_augmenter"]

SEEDS = range(8)


def augmenter_checks(augmenter: Augmenter) -> tuple[Check, ...]:
    """Return the checks of an augmenter, one for each law."""
    return tuple(Check("augmenter", augmenter, law) for law in LAWS)


def check_augmenter(augmenter: Augmenter) -> None:
    """Raise CheckFailed, saying what is wrong, unless `augmenter` keeps to its contract.

    >>> from howlkit.builtin.augmenters import Transpose
    >>> check_augmenter(Transpose())
    """
    run_all(augmenter_checks(augmenter))


def music() -> Iterator[Piece]:
    """Yield pieces and excerpts; the name of each says how to make it."""
    extremes = [(0, 1, 0, 1), (0, 1, 127, 127), (MAX_TICK - 1, 1, 60, 64)]
    yield from (*pieces(), chord(), late_note(), Piece(name="Piece()"))
    yield Piece.of(extremes, name=f"Piece.of({extremes})")
    whole = performance(5)
    for first, stop in ((0, 30), (30, 90), (90, 120), (50, 50)):
        name = f"{whole.name}.excerpt({first}, {stop})"
        yield whole.excerpt(first, stop).replace(name=name)


def keeps_the_notes(augmenter: Augmenter) -> None:
    """The result is a Piece with as many notes as the input."""
    for piece in music():
        with given(piece.name):
            for seed in SEEDS:
                with given(f"seed {seed}"):
                    changed = augmenter(piece, np.random.default_rng(seed))
                    require(
                        isinstance(changed, Piece),
                        expected="a Piece",
                        got=type(changed).__name__,
                        look="what it returns; `piece.replace(...)` makes one",
                    )
                    require(
                        len(changed) == len(piece),
                        expected=f"{len(piece)} notes",
                        got=len(changed),
                        look="notes that leave the range: move or limit them, or change nothing",
                    )


def keeps_the_excerpt(augmenter: Augmenter) -> None:
    """An excerpt keeps its context, and its marks of whether start and end are inside."""
    for piece in music():
        with given(piece.name):
            changed = augmenter(piece, np.random.default_rng(1))
            for name in ("context", "has_start", "has_end"):
                require(
                    getattr(changed, name) == getattr(piece, name),
                    expected=f"{name}={getattr(piece, name)}",
                    got=getattr(changed, name),
                    look="`piece.replace(...)` keeps it, `Piece(...)` does not",
                )
            if np.array_equal(changed.notes["start"], piece.notes["start"]):
                require(
                    changed.until == piece.until,
                    expected=f"until={piece.until}",
                    got=changed.until,
                    look="`piece.replace(...)` keeps it, `Piece(...)` does not",
                )


def is_random_by_rng_alone(augmenter: Augmenter) -> None:
    """The same rng gives the same piece, and at least one of several seeds changes something."""
    changes, asked = 0, 0
    for piece in music():
        with given(piece.name):
            for seed in SEEDS:
                np.random.seed(seed + 1)
                first = augmenter(piece, np.random.default_rng(seed))
                second = augmenter(piece, np.random.default_rng(seed))
                require(
                    first == second,
                    expected=f"the same piece from default_rng({seed}), twice",
                    got="two different ones",
                    look="random numbers that do not come from `rng`",
                )
                asked += len(piece) > 1
                changes += len(piece) > 1 and first != piece
    require(
        changes,
        expected=f"at least one change among {asked} pieces and seeds",
        got="none",
        look="whether it does anything at these options",
    )


def leaves_its_input_alone(augmenter: Augmenter) -> None:
    """The input piece is left unchanged, in every table."""
    for piece in music():
        with given(piece.name):
            tables = ("notes", "tempos", "time_signatures", "key_signatures", "pedals")
            before = dataclasses.replace(
                piece, **{name: getattr(piece, name).copy() for name in tables}
            )
            augmenter(piece, np.random.default_rng(2))
            require(
                piece == before,
                expected="the piece as it was",
                got="a changed one",
                look="arrays that are changed in place: copy them first",
            )


def works_at_the_limits_of_options(augmenter: Augmenter) -> None:
    """It keeps the notes with each option at either limit and at each choice."""
    for what, made in at_the_limits(augmenter):
        with given(what):
            keeps_the_notes(made)


LAWS = (
    *OPTION_LAWS,
    keeps_the_notes,
    keeps_the_excerpt,
    is_random_by_rng_alone,
    leaves_its_input_alone,
    works_at_the_limits_of_options,
)
