"""Whole pieces from a trained model: a prompt, a length, a sampler, and music out.

What a session needs to know is settled here; how the music is made is the sampler's affair.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from howlkit.errors import HowlkitError
from howlkit.music.piece import Piece
from howlkit.plugins.checked import CheckedSampler
from howlkit.protocols import Sampler
from howlkit.sampling.limits import Limit
from howlkit.sampling.session import Session
from howlkit.sampling.trained import Trained

__all__ = ["MOST_NOTES", "begin", "cut_prompt", "length", "music", "run"]

MOST_NOTES = 4000
"""Where a piece of no given length stops if the model does not end it."""


def length(
    *,
    notes: int | None = None,
    seconds: float | None = None,
    beats: float | None = None,
    may_end: bool = False,
) -> Limit:
    """Return the limit for a piece of some length; nothing given: until the model ends it.

    may_end: stop at the model's own end of the piece too, if it comes before the length.
    """
    if notes is None and seconds is None and beats is None:
        return Limit(notes=MOST_NOTES)
    return Limit(notes, seconds, beats, ends=may_end)


def cut_prompt(piece: Piece, seconds: float | None) -> Piece:
    """Return the notes of the first `seconds` (None: all) after the first onset, without an end.

    Raises HowlkitError if there is none.
    """
    if not len(piece):
        raise HowlkitError(f"the prompt {piece.name} has no notes; give another, or none")
    stop = len(piece)
    if seconds is not None:
        starts = piece.seconds(piece.notes["start"])
        stop = int(np.searchsorted(starts, starts[0] + seconds))
    if not stop:
        raise HowlkitError(f"no note of {piece.name} begins within {seconds} s; ask for more")
    return piece.excerpt(0, stop).replace(has_end=False)


def begin(
    trained: Trained, *, rows: int = 1, seed: int = 0, limit: Limit, prompt: Piece | None = None
) -> Session:
    """Return a session of `rows` pieces that all begin with `prompt`, each to make `limit`."""
    session = trained.session(rows=rows, seed=seed, limit=limit, like=prompt)
    if prompt is not None:
        session.prompt([prompt] * rows)
    return session


def run(
    session: Session, sampler: Sampler, watch: Callable[[int], None] = lambda notes: None
) -> None:
    """Let `sampler` work until it is done; `watch` is given the notes made so far, in all rows."""
    for _ in CheckedSampler.of(sampler).generate(session):
        watch(int(session.notes.sum()))


def music(session: Session, row: int, prompt: Piece | None = None) -> Piece:
    """Return the piece of a row: the prompt as it was, then what was made.

    Without a prompt, silence before the first note is taken away: whole bars where there are beats
    (a model learns when a piece begins from files that often begin with seconds of nothing).
    """
    made = session.made(row)
    if prompt is not None:
        return prompt.replace(has_end=True).join(made)
    return made.without_leading_silence(bars=session.clock == "beats")
