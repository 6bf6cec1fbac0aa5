"""The model at work: one thread, one passage at a time, and what comes of it as it comes.

The thread hears of a stop after every step of the model. What it has to say it says by `tell`,
which is called in that thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from howlkit import HowlkitError, Trained
from howlkit_studio.document import Document, MadeNote
from howlkit_studio.going_on import go_on
from howlkit_studio.models import Model
from howlkit_studio.pieces import piece_of
from howlkit_studio.provenance import made_with
from howlkit_studio.remaking import MadeTake, remake
from howlkit_studio.settings import GoOn, Remake

__all__ = ["Drafted", "Job", "Made", "Making", "Priced", "Tell"]

BETWEEN = 0.04
"""Seconds between two drafts, at least: what a screen can show."""


@dataclass(frozen=True, eq=False)
class Job:
    """One passage to be made, for a document as it is now.

    passage: what is known of it, JSON-ready (PROTOCOL.md). gone: the ids of the notes that it
    replaces.
    """

    passage: dict[str, Any]
    document: Document
    settings: GoOn | Remake
    gone: Sequence[int]
    stopping: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Ask it to stop after its present step."""
        self.stopping.set()


@dataclass(frozen=True)
class Drafted:
    """The music in the making: the first `keep` notes of before, then these."""

    job: Job
    keep: int
    notes: Sequence[MadeNote]


@dataclass(frozen=True)
class Made:
    """A passage that is over: its notes, those that came before it failed too, or its takes.

    text: why it failed. made_with: what decides its music (provenance.py); None: it has none.
    """

    job: Job
    how: Literal["done", "stopped", "failed"]
    notes: Sequence[MadeNote] = ()
    takes: Sequence[MadeTake] = ()
    text: str = ""
    made_with: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Priced:
    """The nats of each note of a document, by id; None: its encoder leaves the note out."""

    nats: dict[int, float | None]


Tell = Callable[[Drafted | Made], None]


class Making:
    """Makes passages by a model, one after the other."""

    def __init__(self, model: Model, tell: Tell) -> None:
        self._model, self._tell = model, tell
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="making")

    def begin(self, job: Job) -> None:
        """Make a passage, after those that were begun before."""
        self._thread.submit(self._make, job)

    def price(self, document: Document) -> Future[Priced]:
        """Count the nats of each note, after what was begun before."""
        return self._thread.submit(self._priced, document)

    def close(self) -> None:
        """Wait for what was begun, and end the thread; ask jobs to stop before."""
        self._thread.shutdown(cancel_futures=True)

    def _make(self, job: Job) -> None:
        drafts = _Drafts(job, self._tell)
        try:
            made = self._made(self._model.trained(), job, drafts)
        except HowlkitError as error:
            made = Made(job, "failed", notes=drafts.notes, text=str(error))
        except Exception as error:  # a fault of howlkit or of a plugin; the studio goes on
            text = f"{type(error).__name__}: {error}"
            made = Made(job, "failed", notes=drafts.notes, text=text)
        if made.notes or made.takes:
            made = replace(made, made_with=made_with(self._model.trained()))
        self._tell(made)

    def _made(self, trained: Trained, job: Job, drafts: _Drafts) -> Made:
        seed = int(job.passage["seed"])
        if job.stopping.is_set():
            return Made(job, "stopped")
        if isinstance(job.settings, GoOn):
            notes = go_on(trained, job.document, job.settings, seed, drafts.show)
            return Made(job, drafts.how, notes=notes)
        takes = remake(trained, job.document, job.settings, seed, drafts.show)
        return Made(job, drafts.how, takes=takes)

    def _priced(self, document: Document) -> Priced:
        piece, ids = piece_of(document)
        if not len(piece):
            return Priced({})
        nats = self._model.trained().nats(piece, notes=True)
        if len(nats) == len(ids):
            return Priced({n: round(float(x), 4) for n, x in zip(ids, nats, strict=True)})
        raise HowlkitError(
            f"the model's encoder keeps {len(nats)} of these {len(ids)} notes, so what surprises "
            "it cannot be told note by note; take a model of another encoder"
        )


class _Drafts:
    """Tells what has changed of a draft since it was last told.

    notes: all of a `go_on` that came so far. how: whether it was stopped.
    """

    def __init__(self, job: Job, tell: Tell) -> None:
        self._job, self._tell = job, tell
        self.notes: Sequence[MadeNote] = ()
        self._told: list[MadeNote] = []
        self._when = 0.0
        self.how: Literal["done", "stopped"] = "done"

    def show(self, notes: Sequence[MadeNote]) -> bool:
        """Tell notes so far, if it is time; return whether to stop."""
        if isinstance(self._job.settings, GoOn):
            self.notes = notes
        now = time.monotonic()
        if now >= self._when + BETWEEN and list(notes) != self._told:
            self._when, keep = now, _alike(self._told, notes)
            self._told = list(notes)
            self._tell(Drafted(self._job, keep, self._told[keep:]))
        if self._job.stopping.is_set():
            self.how = "stopped"
        return self.how == "stopped"


def _alike(one: Sequence[MadeNote], other: Sequence[MadeNote]) -> int:
    """Return how many notes two drafts have in common from the first on."""
    both = list(zip(one, other, strict=False))
    return next((k for k, (a, b) in enumerate(both) if a != b), len(both))
