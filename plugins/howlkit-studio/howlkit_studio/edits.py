"""What people ask to have changed in a piece: one class a kind of edit, whose name is `kind`.

Each says what becomes of a document, as a `Change`; nothing is changed in place. What cannot be
done is an `EditError`, which says why. Positions and lengths are ticks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from howlkit import HowlkitError
from howlkit.music import MAX_TICK
from howlkit_studio.change import Change, between
from howlkit_studio.document import Document, Metre, Note, Tempo, Track

__all__ = [
    "EDITS",
    "MOST_NOTES",
    "Add",
    "Copy",
    "Edit",
    "EditError",
    "Ids",
    "Lock",
    "Move",
    "Quantise",
    "Remove",
    "Resize",
    "Set",
    "SetTempo",
    "SetTimeSignature",
    "TrackAdd",
    "TrackChange",
    "TrackOrder",
    "TrackRemove",
    "Velocity",
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
        return between(document, notes=_checked(document, new))


@dataclass(frozen=True)
class Remove:
    """Notes that go."""

    ids: tuple[int, ...]

    kind: ClassVar[str] = "remove"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change that removes them."""
        return between(document, gone=[note.id for note in _free(document, self.ids)])


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
        notes = _free(document, self.ids)
        moved = [_moved(note, self.ticks, self.pitches, self.track) for note in notes]
        return between(document, notes=_checked(document, moved))


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
            _moved(note, self.ticks, self.pitches, self.track)
            for note in _named(document, self.ids)
        ]
        new = [dataclasses.replace(note, id=ids(), locked=0) for note in moved]
        return between(document, notes=_checked(document, new))


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
            for note in _free(document, self.ids)
        ]
        return between(document, notes=_checked(document, notes))


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
            for note in _free(document, self.ids)
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
        notes = [self._moved(note) for note in _free(document, self.ids)]
        return between(document, notes=_checked(document, notes))

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
        named = _named(document, self.ids)
        notes = [dataclasses.replace(note, locked=int(self.locked)) for note in named]
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
            for note in _free(document, self.values)
        ]
        return between(document, notes=_checked(document, notes))


@dataclass(frozen=True)
class TrackAdd:
    """A new track, below the others."""

    name: str
    program: int

    kind: ClassVar[str] = "track_add"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change that adds it."""
        if len(document.tracks) >= MOST_TRACKS:
            raise EditError(f"a piece has {MOST_TRACKS} tracks at most")
        track = _checked_track(Track(ids(), self.name, self.program))
        return between(document, tracks=(*document.tracks, track))


@dataclass(frozen=True)
class TrackChange:
    """Another name or program of a track; None: it stays."""

    track: int
    name: str | None = None
    program: int | None = None

    kind: ClassVar[str] = "track_change"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change of the track."""
        old = _track(document, self.track)
        new = _checked_track(
            Track(
                old.id,
                old.name if self.name is None else self.name,
                old.program if self.program is None else self.program,
            )
        )
        tracks = tuple(new if track == old else track for track in document.tracks)
        return between(document, tracks=tracks)


@dataclass(frozen=True)
class TrackRemove:
    """A track that goes, with its notes."""

    track: int

    kind: ClassVar[str] = "track_remove"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change that removes both."""
        old = _track(document, self.track)
        mine = [note.id for note in document.notes.values() if note.track == old.id]
        gone = [note.id for note in _free(document, mine)]
        tracks = tuple(track for track in document.tracks if track != old)
        return between(document, gone=gone, tracks=tracks)


@dataclass(frozen=True)
class TrackOrder:
    """The tracks in another order: all their ids."""

    tracks: tuple[int, ...]

    kind: ClassVar[str] = "track_order"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change of the order."""
        if sorted(self.tracks) != sorted(track.id for track in document.tracks):
            raise EditError("an order of tracks names each track once")
        return between(document, tracks=tuple(_track(document, each) for each in self.tracks))


@dataclass(frozen=True)
class SetTempo:
    """A tempo from a tick on, in beats a minute; None: no change of tempo at that tick."""

    tick: int
    bpm: float | None

    kind: ClassVar[str] = "tempo"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change of the tempo map."""
        _check_tick(self.tick)
        tempos = [tempo for tempo in document.tempos if tempo.tick != self.tick]
        if self.bpm is not None:
            if not 4 <= self.bpm <= 1000:
                raise EditError(f"{self.bpm:g} beats a minute; 4 to 1000 are allowed")
            tempos.append(Tempo(self.tick, round(60e6 / self.bpm)))
        return between(document, tempos=tuple(sorted(tempos, key=lambda tempo: tempo.tick)))


@dataclass(frozen=True)
class SetTimeSignature:
    """A time signature from a tick on; None: no change of it at that tick."""

    tick: int
    numerator: int | None
    denominator: int | None

    kind: ClassVar[str] = "time_signature"

    def change(self, document: Document, ids: Ids) -> Change:
        """Return the change of the time signatures."""
        _check_tick(self.tick)
        metres = [metre for metre in document.metres if metre.tick != self.tick]
        if self.numerator is not None and self.denominator is not None:
            if not 1 <= self.numerator <= 255 or self.denominator not in _DENOMINATORS:
                raise EditError(
                    f"{self.numerator}/{self.denominator}: a numerator of 1..255 and a denominator "
                    "of 1, 2, 4, 8, 16, 32, 64 or 128 are allowed"
                )
            metres.append(Metre(self.tick, self.numerator, self.denominator))
        return between(document, metres=tuple(sorted(metres, key=lambda metre: metre.tick)))


EDITS: tuple[type[Edit], ...] = (
    *(Add, Remove, Move, Copy, Resize, Velocity, Quantise, Lock, Set),
    *(TrackAdd, TrackChange, TrackRemove, TrackOrder, SetTempo, SetTimeSignature),
)
"""Every kind of edit."""

_DENOMINATORS = {2**power for power in range(8)}


def _named(document: Document, ids: Iterable[int]) -> list[Note]:
    """Return the notes of these ids, each once; EditError for one that there is not."""
    notes = []
    for number in dict.fromkeys(ids):
        if number not in document.notes:
            raise EditError(f"there is no note {number} in this state of the piece")
        notes.append(document.notes[number])
    return notes


def _free(document: Document, ids: Iterable[int]) -> list[Note]:
    """Return the notes of these ids; EditError if one is locked."""
    notes = _named(document, ids)
    if locked := sum(note.locked for note in notes):
        raise EditError(
            f"{locked} of these {len(notes)} notes {'are' if locked > 1 else 'is'} locked; unlock "
            "first, or leave out what is locked"
        )
    return notes


def _moved(note: Note, ticks: int, pitches: int, track: int) -> Note:
    return dataclasses.replace(
        note, start=note.start + ticks, pitch=note.pitch + pitches, track=track or note.track
    )


def _checked(document: Document, notes: list[Note]) -> list[Note]:
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


def _track(document: Document, number: int) -> Track:
    track = document.track(number)
    if track is None:
        raise EditError(f"there is no track {number} in this state of the piece")
    return track


def _checked_track(track: Track) -> Track:
    if not 0 <= track.program <= 128:
        raise EditError(f"program {track.program}; 0 to 127, and 128 for drums, are allowed")
    if len(track.name) > LONGEST_NAME:
        raise EditError(f"a name of {len(track.name)} letters; {LONGEST_NAME} are allowed")
    return track


def _check_tick(tick: int) -> None:
    if not 0 <= tick <= MAX_TICK:
        raise EditError(f"tick {tick}; 0 to {MAX_TICK} are allowed")
