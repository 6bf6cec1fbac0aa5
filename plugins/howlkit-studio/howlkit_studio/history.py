"""The history of a piece: every state that it has had, as a tree in a file.

A state is reached from its parent by a change. Undo goes to the parent, redo to the child that was
left last, and both may go on for ever, over changes of people and of models alike. After an undo,
an edit begins another branch; the old one stays. The file (lines.py) has an entry for each thing
that happened, in the order in which it happened, so reading it again leads to the same state.

Entries are objects by `entry`: `begin` (the first state, whole), `change` (a new state), `go` (to
a state that there is), `name` (of the piece), and `draft` and `more` (a passage that is being made,
and notes of it, so that a kill does not lose them).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from howlkit import HowlkitError
from howlkit.music.midi import printable
from howlkit_studio.change import Change
from howlkit_studio.document import BY_PERSON, Document, MadeNote, columns, rows
from howlkit_studio.lines import Lines

__all__ = ["FORMAT", "Draft", "History", "State"]

FORMAT = 1


@dataclass(frozen=True)
class State:
    """A state of the piece: how it was reached from its parent (-1: it is the first).

    what: the kind of the edit. by: 0 for a person, or the id of a passage. when: seconds since
    1970.
    """

    id: int
    parent: int
    what: str
    by: int
    when: float
    change: Change = field(default_factory=Change)


@dataclass(frozen=True)
class Draft:
    """A passage that is being made, the notes that make room for it, and its own so far."""

    passage: Mapping[str, Any]
    gone: Sequence[int]
    notes: Sequence[MadeNote]


class History:
    """The states of one piece, and the one that is shown.

    document: the piece in the state that is shown. head: the number of that state. passages: what
    models have made, by id, JSON-ready; those of all branches. name: of the piece. draft: the notes
    of a passage that was being made when the file was last written to; None: there was none.
    """

    def __init__(self, lines: Lines) -> None:
        if not lines.values or lines.values[0].get("entry") != "begin":
            raise HowlkitError(f"{printable(lines.path)} is no history of a piece")
        first = lines.values[0]
        if first["format"] > FORMAT:
            raise HowlkitError(
                f"{printable(lines.path)} was written by a later version of howlkit-studio; "
                "upgrade it to open this piece"
            )
        self._lines, self.name = lines, str(first["name"])
        self.document = Document.from_json(first["document"])
        self.states = {0: State(0, -1, "begin", BY_PERSON, first["when"])}
        self.head = 0
        self.passages: dict[int, dict[str, Any]] = {}
        self.draft: Draft | None = None
        self._left: dict[int, int] = {}  # by state: the child that was left last
        numbers = [*self.document.notes, *(track.id for track in self.document.tracks)]
        self._last_id = max(numbers, default=0)
        for entry in lines.values[1:]:
            self._take(entry)

    @classmethod
    def begin(cls, path: Path, name: str, document: Document) -> History:
        """Return the history of a new piece, in a new file."""
        lines = Lines(path)
        if lines.values:
            raise HowlkitError(f"{printable(path)} is there already")
        first = {"entry": "begin", "format": FORMAT, "name": name, "when": _now()}
        lines.append(first | {"document": document.to_json()})
        lines.close()
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> History:
        """Return the history in a file; HowlkitError if it is none."""
        if not path.is_file():
            raise HowlkitError(f"{printable(path)} is not there")
        return cls(Lines(path))

    # Where it stands ----------------------------------------------------------------------------

    @property
    def told(self) -> str:
        """What was found wrong with the file when it was opened."""
        return self._lines.told

    @property
    def can_undo(self) -> bool:
        """Whether there is a state before this one."""
        return self.head != 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a state after this one."""
        return self.head in self._left

    def next_id(self) -> int:
        """Return an id for a note, a track or a passage that none has had."""
        self._last_id += 1
        return self._last_id

    # What it does -------------------------------------------------------------------------------

    def add(
        self,
        change: Change,
        what: str,
        *,
        by: int = BY_PERSON,
        passage: Mapping[str, Any] | None = None,
    ) -> State:
        """Make a change; the new state is written before it is shown.

        passage: what is to be known of the passage `by`, JSON-ready.
        """
        entry = {
            "entry": "change",
            **{"id": len(self.states), "parent": self.head, "what": what, "by": by},
            **{"when": _now(), "change": change.to_json()},
        }
        if passage is not None:
            entry["passage"] = dict(passage)
        self._write(entry)
        return self.states[self.head]

    def go(self, to: int) -> Change:
        """Show another state, and return the change that leads there; HowlkitError for none."""
        if to not in self.states:
            raise HowlkitError(f"there is no state {to}; they are 0 to {len(self.states) - 1}")
        up, down = self._route(to)
        self._write({"entry": "go", "to": to})
        return joined(
            [self.states[at].change.inverse for at in up] + [self.states[at].change for at in down]
        )

    def undo(self) -> Change:
        """Go to the state before; HowlkitError at the first."""
        if not self.can_undo:
            raise HowlkitError("there is nothing to undo")
        return self.go(self.states[self.head].parent)

    def redo(self) -> Change:
        """Go to the state after, the one that was left last; HowlkitError if there is none."""
        if not self.can_redo:
            raise HowlkitError("there is nothing to redo")
        return self.go(self._left[self.head])

    def rename(self, name: str) -> None:
        """Give the piece another name, in all its states."""
        self._write({"entry": "name", "name": name})

    def begin_draft(self, passage: Mapping[str, Any], gone: Sequence[int]) -> None:
        """Write down that a passage is being made, in place of `gone`; `add` settles it."""
        self._write({"entry": "draft", "passage": dict(passage), "gone": list(gone)})

    def go_on_draft(self, keep: int, notes: Sequence[MadeNote]) -> None:
        """Write down what was made: the first `keep` notes of before, then these."""
        self._write({"entry": "more", "keep": keep, "notes": columns(MadeNote, notes)})

    def drop_draft(self) -> None:
        """Write down that nothing came of the passage that was being made."""
        if self.draft is not None:
            self._write({"entry": "draft", "passage": None, "gone": []})

    def sync(self) -> None:
        """Put it on the disk."""
        self._lines.sync()

    def close(self) -> None:
        """Put it on the disk, and close the file."""
        self._lines.close()

    # How it is done -----------------------------------------------------------------------------

    def _write(self, entry: dict[str, Any]) -> None:
        self._lines.append(entry)
        self._take(entry)

    def _take(self, entry: Mapping[str, Any]) -> None:
        """Take in an entry that is in the file."""
        kind = entry["entry"]
        if kind == "change":
            self._take_change(entry)
        elif kind == "go":
            self._take_go(entry["to"])
        elif kind == "name":
            self.name = entry["name"]
        elif kind == "draft":
            self._take_draft(entry)
        elif kind == "more" and self.draft is not None:
            more = rows(MadeNote, entry["notes"])
            self.draft = Draft(
                self.draft.passage, self.draft.gone, [*self.draft.notes[: entry["keep"]], *more]
            )

    def _take_change(self, entry: Mapping[str, Any]) -> None:
        change = Change.from_json(entry["change"])
        named = {name: entry[name] for name in ("id", "parent", "what", "by", "when")}
        state = State(**named, change=change)
        self.document = change.apply(self.document)
        self.states[state.id] = state
        self._last_id = max(self._last_id, *change.after, state.by, *_track_ids(change), 0)
        if "passage" in entry:
            self.passages[state.by] = entry["passage"]
            self.draft = None
        self._left[state.parent] = state.id
        self.head = state.id

    def _take_draft(self, entry: Mapping[str, Any]) -> None:
        self.draft, passage = None, entry["passage"]
        if passage is not None:
            self.draft = Draft(passage, entry["gone"], [])
            self._last_id = max(self._last_id, passage["id"])

    def _take_go(self, to: int) -> None:
        up, down = self._route(to)
        for at in up:
            self.document = self.states[at].change.inverse.apply(self.document)
        for at in down:
            self.document = self.states[at].change.apply(self.document)
        for at in (*up, *down):
            self._left[self.states[at].parent] = at
        self.head = to

    def _route(self, to: int) -> tuple[list[int], list[int]]:
        """Return the states whose changes are taken back, and those whose changes are made, to go.

        Both are in the order of going.
        """
        up, down, here = [], [], self.head
        while here != to:  # a state has a greater number than its parent
            if here > to:
                up.append(here)
                here = self.states[here].parent
            else:
                down.append(to)
                to = self.states[to].parent
        return up, down[::-1]


def joined(changes: list[Change]) -> Change:
    """Return one change that does what several do, one after the other."""
    before: dict[int, Any] = {}
    after: dict[int, Any] = {}
    maps: dict[str, Any] = {}
    for change in changes:
        for number, note in change.before.items():
            if number in after:
                continue
            before.setdefault(number, note)
        for number in change.gone:
            after.pop(number, None)
        after.update(change.after)
        for name in ("tracks", "tempos", "metres"):
            if (pair := getattr(change, name)) is not None:
                maps[name] = (maps[name][0] if name in maps else pair[0], pair[1])
    same = [number for number, note in after.items() if before.get(number) == note]
    for number in same:
        del before[number], after[number]
    maps = {name: pair for name, pair in maps.items() if pair[0] != pair[1]}
    return Change(before, after, **maps)


def _track_ids(change: Change) -> list[int]:
    return [] if change.tracks is None else [track.id for track in change.tracks[1]]


def _now() -> float:
    return round(time.time(), 3)
