"""Whole pieces from a trained model: from a prompt, a length and a sampler to music.

session = begin(trained, rows=4, seed=1, limit=length(seconds=30), prompt=piece)
run(session, sampler)
pieces = [music(session, row, piece) for row in range(4)]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from howlkit.errors import HowlkitError, PluginError
from howlkit.music.piece import Piece
from howlkit.music.tables import DEFAULT_TEMPO, TEMPO, TIME_SIGNATURE, Table
from howlkit.plugins.attribution import owner_of
from howlkit.plugins.checked import CheckedSampler, unwrapped
from howlkit.plugins.contracts import advice
from howlkit.protocols import Constraint, Encoder, Sampler
from howlkit.sampling.limits import Limit
from howlkit.sampling.runner import Runner
from howlkit.sampling.session import Session

__all__ = [
    "MOST_NOTES",
    "SessionMaker",
    "UnfinishedError",
    "begin",
    "cut_prompt",
    "length",
    "music",
    "run",
    "stalled",
]

MOST_NOTES = 4000
"""The limit in notes of a piece without a given length, in case the model never ends it."""

MOST_IDLE = 10_000
"""How many steps in a row a sampler may yield with which the music gets no longer."""


class UnfinishedError(PluginError):
    """A sampler that stopped, or was stopped, before the music had its length.

    The session holds what was made.
    """


class SessionMaker(Protocol):
    """What sessions come from: a `Trained`."""

    @property
    def encoder(self) -> Encoder:
        """The encoder, as `Trained.encoder`."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the run says of its training music, as `Trained.facts`."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What a record says of the model, as `Trained.identity`."""

    @property
    def device(self) -> str:
        """Where the network is, as `Trained.device`."""

    @property
    def runner(self) -> Runner:
        """What steps the network, as `Trained.runner`."""

    def session(
        self,
        *,
        rows: int,
        seed: int,
        limit: Limit,
        like: Piece | None,
        constraints: Sequence[Constraint],
    ) -> Session:
        """Return a session at the start of new pieces, as `Trained.session`."""

    def opening(self, *, bpm: float | None, time_signature: tuple[int, int] | None) -> Piece | None:
        """Return an empty piece in which new music begins, as `Trained.opening`."""


def length(
    *,
    notes: int | None = None,
    seconds: float | None = None,
    beats: float | None = None,
    bars: int | None = None,
    may_end: bool = False,
) -> Limit:
    """Return the limit for a piece of this length; without a length, until the model ends it.

    may_end: whether the model may end the piece before it has this length.

    >>> length(seconds=30)
    Limit(notes=None, seconds=30, beats=None, ends=False, bars=None, until=None)
    >>> length()
    Limit(notes=4000, seconds=None, beats=None, ends=True, bars=None, until=None)
    """
    if notes is None and seconds is None and beats is None and bars is None:
        return Limit(notes=MOST_NOTES)
    return Limit(notes, seconds, beats, ends=may_end, bars=bars)


def cut_prompt(piece: Piece, seconds: float | None) -> Piece:
    """Return the notes that begin in the first `seconds` after the first onset, without an end.

    seconds: None keeps all notes. Raises HowlkitError if no note is left.

    >>> piece = Piece.of([(0, 480, 60, 80), (480, 480, 62, 80), (960, 480, 64, 80)])
    >>> len(cut_prompt(piece, 1.0)), cut_prompt(piece, 1.0).has_end  # at 120 beats a minute
    (2, False)
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
    trained: SessionMaker,
    *,
    rows: int = 1,
    seed: int = 0,
    limit: Limit,
    prompt: Piece | None = None,
    bpm: float | None = None,
    time_signature: tuple[int, int] | None = None,
    constraints: Sequence[Constraint] = (),
) -> Session:
    """Return a session of `rows` pieces that all begin with `prompt`, up to `limit` each.

    bpm, time_signature: what the music has without a prompt, as in `Trained.opening`.
    constraints: what may sound (`steering.constraints_of`); none hold unless they are given. Raises
    HowlkitError if a tempo or a time signature is given with a prompt, which has its own, and if a
    constraint cannot hold for this music.
    """
    if prompt is not None and (bpm, time_signature) != (None, None):
        raise HowlkitError("a prompt has its own tempo and time signature; leave out the others")
    if prompt is not None:
        session = trained.session(
            rows=rows, seed=seed, limit=limit, like=prompt, constraints=constraints
        )
        session.prompt(prompt)
        return session
    like = trained.opening(bpm=bpm, time_signature=time_signature)
    return trained.session(rows=rows, seed=seed, limit=limit, like=like, constraints=constraints)


def run(
    session: Session, sampler: Sampler, watch: Callable[[int], None] = lambda notes: None
) -> str:
    """Let `sampler` make music until it is done; `watch` is called with the notes made so far.

    A sampler that yields `MOST_IDLE` steps in a row with which the music gets no longer is stopped.
    Returns what is to be said if that happened when all rows were done; or else "". Raises
    UnfinishedError if it happened before, or if the sampler itself stopped before all rows were
    done; and PluginError if it yields anything but steps.
    """
    longest, idle = 0, 0
    for _ in CheckedSampler.of(sampler).generate(session):
        watch(int(session.notes.sum()))
        steps = int(session.lengths.sum())
        idle = 0 if steps > longest and not session.done.all() else idle + 1
        longest = max(longest, steps)
        if idle == MOST_IDLE:
            break
    owner = owner_of(unwrapped(sampler))
    went_on = f"{owner} was stopped: it yielded {idle:,} steps more" if idle == MOST_IDLE else ""
    if session.done.all():
        return went_on and f"{went_on} after the music had its length{advice(unwrapped(sampler))}"
    done = int(session.done.sum())
    rows = f"when {done} of {session.rows} rows were done" if done else "before any row was done"
    what = f"{went_on}, with which the music got no longer," if went_on else f"{owner} stopped"
    notes = f"{int(session.notes.sum()):,} notes were made"
    raise UnfinishedError(f"{what} {rows}; {notes}{advice(unwrapped(sampler))}")


def stalled(session: Session) -> str:
    """Return in words how many rows are shorter than asked for, as the model hardly moves on."""
    count = int(session.stalled.sum())
    if not count:
        return ""
    which = "The piece is" if session.rows == 1 else f"{count} of the pieces are"
    return (
        f"{which} cut after {session.limit.most_steps:,} steps, before the length asked for: in "
        "the music of this model time, or the number of notes, hardly moves on. Train it longer, "
        "or ask for less"
    )


def music(
    session: Session,
    row: int,
    prompt: Piece | None = None,
    *,
    with_prompt: bool = True,
    time_signature: tuple[int, int] | None = None,
) -> Piece:
    """Return the piece of a row: the prompt as it was given, then the music made after it.

    with_prompt: False leaves out the prompt. time_signature: as given to `begin`; it also replaces
    those of an encoder whose steps set them.

    Without the prompt, the silence before the first note is cut off, in whole bars if the encoder
    counts beats: a model learns from files that often begin with seconds of silence.
    """
    made = session.made(row)
    if prompt is not None and with_prompt:
        return prompt.replace(has_end=True).join(made)
    if prompt is None:
        made = made.replace(**_maps(session, row, made, time_signature))
    return made.without_leading_silence(bars=session.clock == "beats")


def _maps(
    session: Session, row: int, made: Piece, time_signature: tuple[int, int] | None
) -> dict[str, Table]:
    """Return the tempos and the time signatures that `made` should have and does not have."""
    maps: dict[str, Table] = {}
    if time_signature is not None:
        maps["time_signatures"] = np.array([(0, *time_signature)], TIME_SIGNATURE)
    elif session.like is not None and not len(made.time_signatures):
        # The steps may say them; beats are the same at every tempo.
        steps = session.steps[row, : session.lengths[row]]
        own = session.encoder.decode(steps).at_resolution(made.ticks_per_beat)
        maps["time_signatures"] = own.time_signatures
    if not len(made.tempos) or made.tempos["tick"][0] > 0:
        first = np.array([(0, DEFAULT_TEMPO)], TEMPO)
        maps["tempos"] = np.concatenate((first, made.tempos))
    return maps
