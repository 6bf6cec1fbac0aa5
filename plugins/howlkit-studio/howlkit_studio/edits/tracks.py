"""Edits of tracks, and of the maps of a piece's time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from howlkit.music import MAX_TICK
from howlkit_studio.change import Change, between
from howlkit_studio.document import Document, Metre, Tempo, Track
from howlkit_studio.edits.checks import LONGEST_NAME, MOST_TRACKS, EditError, Ids, unlocked

__all__ = [
    "SetTempo",
    "SetTimeSignature",
    "TrackAdd",
    "TrackChange",
    "TrackOrder",
    "TrackRemove",
]

_DENOMINATORS = {2**power for power in range(8)}


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
        gone = [note.id for note in unlocked(document, mine)]
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
