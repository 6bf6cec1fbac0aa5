"""The desk: the project that is open, the pages that show it, and what becomes of what they ask.

All of it runs in the thread of the event loop, one ask after the other; what the model says comes
in through `hear`. Asks that need the piece to stand still (walking in the history, tracks, other
projects, more music) wait until the model has stopped, and what comes after them waits with them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path

from howlkit import HowlkitError
from howlkit.music import midi
from howlkit_studio import edits, messages
from howlkit_studio.asks import Ask
from howlkit_studio.change import Change
from howlkit_studio.document import Document
from howlkit_studio.edits import Edit
from howlkit_studio.going_on import cleared
from howlkit_studio.history import History
from howlkit_studio.keeping import keep, keep_take, recover
from howlkit_studio.making import Drafted, Job, Made, Making, Priced
from howlkit_studio.messages import Message
from howlkit_studio.models import Model
from howlkit_studio.pages import Page, Pages, with_ask
from howlkit_studio.pieces import new_document
from howlkit_studio.projects import Project, Projects
from howlkit_studio.provenance import signed
from howlkit_studio.remaking import replaced
from howlkit_studio.settings import GoOn, Remake

__all__ = ["Desk"]

STANDING_STILL = ("undo", "redo", "go", "go_on", "remake", "open", "new")
"""What is done only when the model has stopped, beside edits of tracks."""

TRACK_EDITS = (edits.TrackRemove, edits.TrackChange)


class Desk:
    """The open project and what is done to it.

    exports: why a format cannot be written, by format; "" if it can.
    """

    def __init__(
        self,
        projects: Projects,
        project: Project,
        model: Model,
        *,
        version: str,
        exports: Mapping[str, str],
    ) -> None:
        self._projects, self._project, self._model = projects, project, model
        self._version, self._exports = version, exports
        self._pages = Pages()
        self._job: Job | None = None
        self._draft: list[Drafted] = []
        self._takes: Made | None = None
        self._waiting: deque[tuple[Page | None, Ask]] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._loop = asyncio.get_running_loop()
        self._making = Making(model, self._from_thread)
        recover(self.history)

    # Pages --------------------------------------------------------------------------------------

    def join(self, page: Page) -> None:
        """Show a page all that there is, and from now on all that changes."""
        self._pages.add(page)
        self._pages.say(page, messages.hello(self._version, self._model, self._exports))
        self._show_all(page)

    def leave(self, page: Page) -> None:
        """Forget a page."""
        self._pages.discard(page)

    def model_changed(self) -> None:
        """Tell that the model is there, or has failed; called in the loop's thread."""
        self._pages.tell(messages.model(self._model))

    # What is there ------------------------------------------------------------------------------

    @property
    def history(self) -> History:
        """The history of the piece."""
        return self._project.history

    @property
    def document(self) -> Document:
        """The piece in the state that is shown."""
        return self.history.document

    # What is asked ------------------------------------------------------------------------------

    def refuse(self, page: Page, ask: str | int | None, text: str) -> None:
        """Tell a page that its ask was refused."""
        self._pages.say(page, with_ask(messages.error(text), ask))

    def answer(self, page: Page | None, ask: Ask) -> None:
        """Do what a page asks for, now or as soon as the model has stopped."""
        still = ask.do in STANDING_STILL or isinstance(ask.value, TRACK_EDITS)
        if ask.do != "stop" and (self._waiting or (still and self._job is not None)):
            self._waiting.append((page, ask))
            self._stop()
            return
        try:
            self._do(page, ask)
        except HowlkitError as error:
            if page is not None:
                self.refuse(page, ask.ask, str(error))

    def _do(self, page: Page | None, ask: Ask) -> None:
        value = ask.value
        if ask.do in ("go_on", "remake"):
            self._begin(page, ask)
        elif ask.do == "edit":
            self._edit(page, ask)
        elif ask.do in ("undo", "redo", "go"):
            self._walk(page, ask)
        elif ask.do == "take":
            assert isinstance(value, int)
            self._take(page, ask, value)
        elif ask.do in ("new", "open", "rename"):
            assert isinstance(value, str)
            self._at_project(page, ask, value)
        else:
            self._simple(page, ask)

    def _simple(self, page: Page | None, ask: Ask) -> None:
        """Answer what needs no words."""
        if ask.do == "stop":
            self._stop()
        elif ask.do == "drop_takes":
            self._drop_takes()
        elif ask.do == "surprise":
            self._price(page, ask)
        elif page is not None:
            self._pages.say(page, with_ask(self._told_of(ask.do), ask.ask))

    def _told_of(self, do: str) -> Message:
        if do == "piece":
            return messages.piece(self._project)
        if do == "history":
            return messages.history(self.history)
        if do == "projects":
            return messages.projects(self._project, self._projects.listed())
        path = self._save()
        return messages.saved(path.name, str(path.parent))

    # Edits and walks ----------------------------------------------------------------------------

    def _edit(self, page: Page | None, ask: Ask) -> None:
        edit: Edit = ask.value  # type: ignore[assignment]  # what `asks` reads for an edit
        since = self.history.head
        change = edit.change(self.document, self.history.next_id)
        if change:
            self.history.add(change, edit.kind)
        message = messages.changed(self.history, change, since, edit.kind)
        self._pages.tell(message, page, ask.ask)

    def _walk(self, page: Page | None, ask: Ask) -> None:
        since, history = self.history.head, self.history
        if ask.do == "go":
            assert isinstance(ask.value, int)
            change = history.go(ask.value)
        else:
            change = history.undo() if ask.do == "undo" else history.redo()
        self._pages.tell(messages.changed(history, change, since, ask.do), page, ask.ask)

    # Making -------------------------------------------------------------------------------------

    def _begin(self, page: Page | None, ask: Ask) -> None:
        """Let the model begin a passage."""
        settings = ask.value
        assert isinstance(settings, GoOn | Remake)
        if self._model.state == "loading":
            raise HowlkitError("the model is still being loaded; ask again in a moment")
        if self._model.state != "ready":
            raise HowlkitError(self._model.text)
        self._drop_takes()
        job = self._job_of(settings)
        if isinstance(settings, GoOn):
            self.history.begin_draft(job.passage, job.gone)
        self._job, self._draft = job, []
        self._pages.tell(messages.making(job), page, ask.ask)
        self._making.begin(job)

    def _job_of(self, settings: GoOn | Remake) -> Job:
        seed = secrets.randbelow(2**31) if settings.seed is None else settings.seed
        find = cleared if isinstance(settings, GoOn) else replaced
        gone = find(self.document, settings)  # type: ignore[arg-type]  # each its own settings
        passage = {
            **{"id": self.history.next_id(), "kind": settings.kind, "model": self._model.name},
            **{"seed": seed, "settings": settings.to_json() | {"seed": seed}},
            "at": self.history.head,
        }
        return Job(passage, self.document, settings, gone)

    def _from_thread(self, event: Drafted | Made) -> None:
        self._loop.call_soon_threadsafe(self.hear, event)

    def hear(self, event: Drafted | Made) -> None:
        """Take in what the model says; a disk that is full stops it."""
        try:
            self._take_in(event)
        except HowlkitError as error:
            self._stop()
            self._pages.tell(messages.told(str(error)))
        if isinstance(event, Made):
            self._go_on_with_waiting()

    def _take_in(self, event: Drafted | Made) -> None:
        if isinstance(event, Drafted):
            self._draft.append(event)
            if isinstance(event.job.settings, GoOn):
                self.history.go_on_draft(event.keep, event.notes)
            self._pages.tell(messages.draft(event))
            return
        self._job, self._draft = None, []
        if isinstance(event.job.settings, GoOn):
            if (change := keep(self.history, event)) is not None:
                self._tell_passage(change)
        elif event.takes:
            self._takes = event
            self._pages.tell(messages.takes(event))
        self._pages.tell(messages.over(event))

    def _take(self, page: Page | None, ask: Ask, number: int) -> None:
        made = self._takes
        if made is None or number > len(made.takes):
            raise HowlkitError("there is no such take; the takes may have gone since")
        self._tell_passage(keep_take(self.history, made, number), page, ask.ask)
        self._drop_takes()

    def _tell_passage(
        self, change: Change, page: Page | None = None, ask: str | int | None = None
    ) -> None:
        """Tell of a passage that has become a part of the piece."""
        state = self.history.states[self.history.head]
        message = messages.changed(self.history, change, state.parent, state.what, state.by)
        self._pages.tell(message, page, ask)

    def _drop_takes(self) -> None:
        if self._takes is not None:
            self._takes = None
            self._pages.tell(messages.takes(None))

    def _stop(self) -> None:
        if self._job is not None:
            self._job.stop()

    def _price(self, page: Page | None, ask: Ask) -> None:
        head = self.history.head

        def tell(future: Future[Priced]) -> None:
            error = future.exception()
            said = (
                messages.surprise(head, future.result().nats)
                if error is None
                else messages.error(str(error))
            )
            if page is not None:
                self._loop.call_soon_threadsafe(self._pages.say, page, with_ask(said, ask.ask))

        if self._model.state != "ready":
            raise HowlkitError(self._model.text or "the model is still being loaded")
        self._making.price(self.document).add_done_callback(tell)

    def _go_on_with_waiting(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for page, ask in waiting:
            self.answer(page, ask)
        if self._job is None:
            idle, self._idle = self._idle, []
            for future in idle:
                if not future.done():
                    future.set_result(None)

    # Projects -----------------------------------------------------------------------------------

    async def idle(self) -> None:
        """Stop the model, and wait until what it made is kept."""
        while self._job is not None:
            self._stop()
            future = self._loop.create_future()
            self._idle.append(future)
            await future

    def show(self, project: Project) -> None:
        """Show another project; the model must be idle."""
        old, self._project = self._project, project
        old.close()
        self._takes = None
        recover(self.history)
        for page in self._pages:
            self._show_all(page)

    def sync(self) -> None:
        """Put the history on the disk."""
        self.history.sync()

    async def close(self) -> None:
        """Keep what is being made, and close the project."""
        await self.idle()
        self._making.close()
        self._project.close()

    def _at_project(self, page: Page | None, ask: Ask, text: str) -> None:
        if ask.do == "rename":
            self.history.rename(text)
            for each in self._pages:
                self._pages.say(each, messages.piece(self._project))
        elif ask.do == "new":
            self.show(self._projects.new(text or "Untitled", new_document()))
        elif text != self._project.id:
            self.show(self._projects.open(text))
        else:
            self._pages.tell(messages.piece(self._project), page, ask.ask)

    def _save(self) -> Path:
        return self._project.save(midi.to_bytes(signed(self.history)), ".mid")

    # Messages -----------------------------------------------------------------------------------

    def _show_all(self, page: Page) -> None:
        self._pages.say(page, messages.piece(self._project))
        self._pages.say(page, messages.history(self.history))
        if self.history.told:
            self._pages.say(page, messages.told(self.history.told))
        if self._job is not None:
            self._pages.say(page, messages.making(self._job))
            for drafted in self._draft:
                self._pages.say(page, messages.draft(drafted))
        if self._takes is not None:
            self._pages.say(page, messages.takes(self._takes))
