"""What an edit is, and what it may make of a piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

from howlkit import HowlkitError
from howlkit.music import MAX_TICK
from howlkit_studio.change import Change
from howlkit_studio.document import Document, Note

__all__ = [
    "LONGEST_NAME",
    "MOST_NOTES",
    "MOST_TRACKS",
    "Edit",
    "EditError",
    "Ids",
    "checked",
    "named",
    "unlocked",
]

MOST_NOTES, MOST_TRACKS = 200_000, 1_000
"""How many a piece may have, so that no page and no browser is brought down by one."""

LONGEST_NAME = 200

Ids = Callable[[], int]
"""Returns an id that no note and no track of any state has had."""


class EditError(HowlkitError):
    """An edit that cannot be done to this piece."""


class Edit(Protocol):
    """A wish, and what it makes of a document."""

    kind: ClassVar[str]

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change; EditError if it cannot be done."""
        ...


def named(document: Document, ids: Iterable[int]) -> list[Note]:
    """Return the notes of these ids, each once; EditError for one that there is not."""
    notes = []
    for number in dict.fromkeys(ids):
        if number not in document.notes:
            raise EditError(f"there is no note {number} in this state of the piece")
        notes.append(document.notes[number])
    return notes


def unlocked(document: Document, ids: Iterable[int]) -> list[Note]:
    """Return the notes of these ids; EditError if one is locked."""
    notes = named(document, ids)
    if locked := sum(note.locked for note in notes):
        raise EditError(
            f"{locked} of these {len(notes)} notes {'are' if locked > 1 else 'is'} locked; unlock "
            "first, or leave out what is locked"
        )
    return notes


def checked(document: Document, notes: list[Note]) -> list[Note]:
    """Return notes that a piece can have; EditError for the first that it cannot."""
    if len(document.notes.keys() | {note.id for note in notes}) > MOST_NOTES:
        raise EditError(f"a piece has {MOST_NOTES:,} notes at most")
    tracks = {track.id for track in document.tracks}
    for note in notes:
        if note.track not in tracks:
            raise EditError(f"there is no track {note.track} in this state of the piece")
        if not 0 <= note.pitch <= 127:
            raise EditError(f"a note would have pitch {note.pitch}; 0 to 127 are allowed")
        if not 1 <= note.velocity <= 127:
            raise EditError(f"a note would have velocity {note.velocity}; 1 to 127 are allowed")
        if note.start < 0 or note.duration < 1 or note.end > MAX_TICK:
            raise EditError(
                f"a note would last from tick {note.start} to {note.end}; it must begin at 0 or "
                f"later, last a tick or more, and end by {MAX_TICK}"
            )
    return notes
