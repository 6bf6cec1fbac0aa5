"""Edits of notes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from howlkit_studio.change import Change, between
from howlkit_studio.document import Document, Note
from howlkit_studio.edits.checks import EditError, Ids, checked, named, unlocked

__all__ = ["Add", "Copy", "Lock", "Move", "Quantise", "Remove", "Resize", "Set", "Velocity"]


@dataclass(frozen=True)
class Add:
    """New notes: drawn, played or pasted.

    notes: with ids that do not count; they get new ones, in this order.
    """

    notes: tuple[Note, ...]

    kind: ClassVar[str] = "add"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change that adds them."""
        new = [dataclasses.replace(note, id=ids()) for note in self.notes]
        return between(document, notes=checked(document, new))


@dataclass(frozen=True)
class Remove:
    """Notes that go."""

    ids: tuple[int, ...]

    kind: ClassVar[str] = "remove"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change that removes them."""
        return between(document, gone=[note.id for note in unlocked(document, self.ids)])


@dataclass(frozen=True)
class Move:
    """Notes moved in time and in pitch, and to another track; track 0: each stays on its own."""

    ids: tuple[int, ...]
    ticks: int = 0
    pitches: int = 0
    track: int = 0

    kind: ClassVar[str] = "move"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change that moves them."""
        notes = unlocked(document, self.ids)
        moved = [_moved(note, self.ticks, self.pitches, self.track) for note in notes]
        return between(document, notes=checked(document, moved))


@dataclass(frozen=True)
class Copy:
    """Copies of notes, later and higher by so much; track 0: each is on that of its original."""

    ids: tuple[int, ...]
    ticks: int = 0
    pitches: int = 0
    track: int = 0

    kind: ClassVar[str] = "copy"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change that adds the copies; they are not locked."""
        moved = [
            _moved(note, self.ticks, self.pitches, self.track) for note in named(document, self.ids)
        ]
        new = [dataclasses.replace(note, id=ids(), locked=0) for note in moved]
        return between(document, notes=checked(document, new))


@dataclass(frozen=True)
class Resize:
    """Notes made longer by so much; none gets shorter than a tick."""

    ids: tuple[int, ...]
    ticks: int

    kind: ClassVar[str] = "resize"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change that resizes them."""
        notes = [
            dataclasses.replace(note, duration=max(note.duration + self.ticks, 1))
            for note in unlocked(document, self.ids)
        ]
        return between(document, notes=checked(document, notes))


@dataclass(frozen=True)
class Velocity:
    """How hard notes are struck: `to` a velocity, or, where it is None, louder `by` so much."""

    ids: tuple[int, ...]
    to: int | None = None
    by: int = 0

    kind: ClassVar[str] = "velocity"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change of their velocities, which stay within 1..127."""
        notes = [
            dataclasses.replace(note, velocity=min(max(self._of(note), 1), 127))
            for note in unlocked(document, self.ids)
        ]
        return between(document, notes=notes)

    def _of(self, note: Note) -> int:
        return note.velocity + self.by if self.to is None else self.to


@dataclass(frozen=True)
class Quantise:
    """Onsets moved to the nearest multiple of `grid`, in ticks.

    strength: how much of the way they go, 0..1. ends: whether the ends of notes move too; otherwise
    notes keep their lengths.
    """

    ids: tuple[int, ...]
    grid: int
    strength: float = 1.0
    ends: bool = False

    kind: ClassVar[str] = "quantise"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change that moves them."""
        if self.grid < 1 or not 0 <= self.strength <= 1:
            raise EditError("a grid of 1 tick or more, and a strength of 0..1, are needed")
        notes = [self._moved(note) for note in unlocked(document, self.ids)]
        return between(document, notes=checked(document, notes))

    def _moved(self, note: Note) -> Note:
        start = self._near(note.start)
        duration = max(self._near(note.end) - start, 1) if self.ends else note.duration
        return dataclasses.replace(note, start=start, duration=duration)

    def _near(self, tick: int) -> int:
        nearest = (2 * tick + self.grid) // (2 * self.grid) * self.grid
        return tick + round(self.strength * (nearest - tick))


@dataclass(frozen=True)
class Lock:
    """Notes that edits and the model keep as they are, or no longer do."""

    ids: tuple[int, ...]
    locked: bool = True

    kind: ClassVar[str] = "lock"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change of their locks."""
        notes = [
            dataclasses.replace(note, locked=int(self.locked)) for note in named(document, self.ids)
        ]
        return between(document, notes=notes)


@dataclass(frozen=True)
class Set:
    """Several notes, each to values of its own: start, duration, pitch, velocity, track by id."""

    values: Mapping[int, Mapping[str, int]]

    kind: ClassVar[str] = "set"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change to these values."""
        notes = [
            dataclasses.replace(note, **self.values[note.id])
            for note in unlocked(document, self.values)
        ]
        return between(document, notes=checked(document, notes))


def _moved(note: Note, ticks: int, pitches: int, track: int) -> Note:
    return dataclasses.replace(
        note, start=note.start + ticks, pitch=note.pitch + pitches, track=track or note.track
    )
