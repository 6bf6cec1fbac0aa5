"""Going on from a place in a piece: a model continues what begins before it, note by note."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

import howlkit
from howlkit import Limit, Piece, Session, Trained
from howlkit.sampling import UnfinishedError
from howlkit_studio.document import Document, MadeNote
from howlkit_studio.pieces import piece_of
from howlkit_studio.placing import Tracks, chosen_tracks, lines_of, since
from howlkit_studio.settings import GoOn, wishes

__all__ = ["cleared", "go_on"]

Show = Callable[[Sequence[MadeNote]], bool]
"""Shown the notes so far after every step; returns True to stop."""

TRIES = 64
"""How often a step is drawn again that begins a note before the place."""

NEAR = 1e-6


def go_on(
    trained: Trained, document: Document, settings: GoOn, seed: int, show: Show
) -> list[MadeNote]:
    """Return the notes with which a model goes on; those so far if `show` stops it.

    They begin at `settings.at` or later. Raises HowlkitError if the controls leave nothing.
    """
    heard = {n.id: n for n in document.notes.values() if n.start < settings.at}
    prompt, _ = piece_of(dataclasses.replace(document, notes=heard))
    stop = (
        since(prompt, settings.at, settings.bars or 0)
        if settings.beats is None
        else settings.at + round(settings.beats * document.ticks_per_beat)
    )
    lines = lines_of(trained.encoder, prompt, document) if settings.tracks is None else _no_lines
    tracks = Tracks(document, settings.tracks, lines)
    said = wishes(settings.controls)
    drawing = {name: said.pop(name) for name in ("temperature", "top_p") if name in said}
    if settings.tracks is not None and "instruments" not in said:
        said["instruments"] = ["drums" if p == 128 else p for p in tracks.programs]
    # Without anything before the place, the music is made from 0 on and moved there.
    begin = settings.at if len(prompt) else 0
    player = _Player(
        howlkit.sampler("autoregressive", **drawing),
        prompt,
        begin,
        stop - settings.at + begin,
        lambda notes: show(tracks.placed(_moved(notes, settings.at - begin))),
    )
    sampler: Any = player  # it asks more of a session than the contract of samplers promises
    if len(prompt):
        said["prompt"] = prompt.replace(has_end=False)
    else:
        tempo = document.tempos[0].microseconds if document.tempos else 500_000
        metre = document.metres[0] if document.metres else None
        said["tempo"] = 60e6 / tempo
        said["time_signature"] = (metre.numerator, metre.denominator) if metre else (4, 4)
    try:
        trained.sample(seed=seed, sampler=sampler, **said)
    except UnfinishedError:
        if not player.stopped:
            raise
    return tracks.placed(_moved(player.notes, settings.at - begin))


def cleared(document: Document, settings: GoOn) -> list[int]:
    """Return the ids of the notes that make room, if that is asked for."""
    if not settings.clear:
        return []
    tracks = {track.id for track in chosen_tracks(document, settings.tracks)}
    return [
        note.id
        for note in document.notes.values()
        if note.start >= settings.at and note.track in tracks and not note.locked
    ]


class _Player:
    """A sampler that plays from a tick to before another one, and shows every note.

    sampler: decides each step. notes: the table of what it has made, at the resolution of `piece`.
    stopped: whether `show` has stopped it.
    """

    name: ClassVar[str] = "studio"

    def __init__(
        self,
        sampler: Any,  # noqa: ANN401 - any sampler
        piece: Piece,
        begin: int,
        stop: int,
        show: Callable[[NDArray[Any]], bool],
    ) -> None:
        self._sampler, self._piece, self._show = sampler, piece, show
        self._begin, self._stop = begin, stop
        self.notes, self.stopped = piece.notes[:0], False

    def generate(self, session: Session) -> Iterator[NDArray[Any]]:
        """Yield every step."""
        session.limit = Limit(until=max(self._position(session, self._stop), NEAR), ends=False)
        count, tries = int(session.notes[0]), 0
        before = self._kept(session)
        for step in self._sampler.generate(session):
            begun = session.notes[0] != count
            early = session.now[0] < self._position(session, self._begin) - NEAR
            if early and begun and tries < TRIES:
                session.rewind(before)
                tries += 1
            elif begun:
                count, tries = int(session.notes[0]), 0
                before = self._kept(session) if early else before
                self._take_in(session)
            self.stopped = self._show(self.notes)
            yield step
            if self.stopped:
                break
        self._take_in(session)

    def _kept(self, session: Session) -> NDArray[np.int64]:
        """Return the lengths to which a note that begins too early is taken back."""
        session.keep()  # so that the way back is short
        return session.lengths.copy()

    def _take_in(self, session: Session) -> None:
        made = session.made(0).at_resolution(self._piece.ticks_per_beat).notes
        self.notes = made[(made["start"] >= self._begin) & (made["start"] < self._stop)]

    def _position(self, session: Session, tick: int) -> float:
        """Return where a tick lies in the encoder's clock."""
        if session.clock == "seconds":
            return float(self._piece.seconds(tick))
        return tick / self._piece.ticks_per_beat


def _no_lines(line: tuple[int, int]) -> None:
    """Leave each note to the track that is nearest: some tracks were chosen."""


def _moved(notes: NDArray[Any], ticks: int) -> NDArray[Any]:
    if not ticks:
        return notes
    moved = notes.copy()
    moved["start"] += np.int32(ticks)
    return moved
