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
from howlkit.testing.pieces import chord, late_note, metres, performance, pieces, scatter

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


def nothing_crosses_the_edges_of_an_excerpt(augmenter: Augmenter) -> None:
    """Context stays before an excerpt, its notes inside it, and those at `until` after it."""
    for piece in excerpts():
        with given(piece.name):
            for seed in SEEDS:
                with given(f"seed {seed}"):
                    _check_edges(piece, augmenter(piece, np.random.default_rng(seed)))


BEFORE, AT_THE_EDGE, INSIDE, AFTER = range(4)
"""Where a note of an excerpt is, marked by its track; AT_THE_EDGE: context at `since` itself."""


def excerpts() -> Iterator[Piece]:
    """Yield excerpts with notes near their edges and on them; tracks say where the notes are."""
    for whole in (performance(6), performance(7), scatter(8), scatter(9), metres(10)):
        for first, stop in ((1, 20), (37, 60), (61, 62), (70, 100), (90, 120)):
            piece = whole.excerpt(first, stop)
            notes = piece.notes.copy()
            notes["track"] = np.where(notes["start"] < piece.until, INSIDE, AFTER)
            context = notes[: piece.context]
            context["track"] = np.where(context["start"] < piece.since, BEFORE, AT_THE_EDGE)
            name = f"{whole.name}.excerpt({first}, {stop}), its tracks say where notes are"
            yield piece.replace(notes=notes, name=name)


def _check_edges(piece: Piece, changed: Piece) -> None:
    """Check that each note is still where its track says; not if the tracks were changed."""
    start, place = changed.notes["start"].astype(np.int64), changed.notes["track"]
    if not np.array_equal(np.sort(place), np.sort(piece.notes["track"])):
        return
    since, until = changed.since, changed.until
    told = f"since={since} and until={until} of what it returned"
    for where, wrong, words in (
        (BEFORE, start > since, "a note of the context after the first of the excerpt"),
        (AT_THE_EDGE, start != since, "a note of a chord left behind by the rest of it"),
        (INSIDE, start < since, "a note of the excerpt among the context"),
        (INSIDE, start >= until, "a note of the excerpt in the next excerpt"),
        (AFTER, start < until, "a note of the next excerpt in this one"),
    ):
        crossed = start[(place == where) & wrong]
        require(
            not len(crossed),
            expected=f"all notes on their side of {told}",
            got=f"{words}, at tick {crossed[:1].tolist()}",
            look="onsets that are moved one by one: `howlkit.music.moved(piece, onsets)` keeps "
            "them inside",
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
    nothing_crosses_the_edges_of_an_excerpt,
    is_random_by_rng_alone,
    leaves_its_input_alone,
    works_at_the_limits_of_options,
)
