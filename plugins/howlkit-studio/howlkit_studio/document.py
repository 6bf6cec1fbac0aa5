"""A piece as the studio has it: notes and tracks with ids that stay, and the maps of its time.

A `Document` is a frozen value. Positions and lengths are whole ticks, as in a `howlkit.Piece`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = [
    "BY_FILE",
    "BY_PERSON",
    "Document",
    "MadeNote",
    "Metre",
    "Note",
    "Tempo",
    "Track",
    "columns",
    "rows",
]

BY_FILE, BY_PERSON = -1, 0
"""Who wrote a note, where it was no passage of a model."""


@dataclass(frozen=True, slots=True)
class Note:
    """One note; `PROTOCOL.md` says what the fields are."""

    id: int
    start: int
    duration: int
    pitch: int
    velocity: int
    track: int
    by: int = BY_PERSON
    locked: int = 0

    @property
    def end(self) -> int:
        """The tick at which it ends."""
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class MadeNote:
    """A note that a model has made and nobody has taken yet.

    track: 0 or below: one that is to be added, the same one for the same number.
    """

    start: int
    duration: int
    pitch: int
    velocity: int
    track: int
    program: int


@dataclass(frozen=True, slots=True)
class Track:
    """A line of notes that one instrument plays; program: 0..127 of General MIDI, 128: drums."""

    id: int
    name: str
    program: int


@dataclass(frozen=True, slots=True)
class Tempo:
    """The microseconds of a beat from a tick on."""

    tick: int
    microseconds: int


@dataclass(frozen=True, slots=True)
class Metre:
    """A time signature from a tick on."""

    tick: int
    numerator: int
    denominator: int


@dataclass(frozen=True)
class Document:
    """One state of a piece.

    notes: by id. tracks: in the order in which they are shown. tempos, metres: by rising tick.
    kept: what the studio does not show and a file keeps, JSON-ready: pedals, keys, controllers and
    texts of an imported piece (pieces.py).
    """

    ticks_per_beat: int = 480
    notes: Mapping[int, Note] = field(default_factory=dict)
    tracks: tuple[Track, ...] = ()
    tempos: tuple[Tempo, ...] = ()
    metres: tuple[Metre, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The tick at which the last note ends; 0 without notes."""
        return max((note.end for note in self.notes.values()), default=0)

    def track(self, number: int) -> Track | None:
        """Return the track of this id; None if there is none."""
        return next((track for track in self.tracks if track.id == number), None)

    def to_json(self) -> dict[str, Any]:
        """Return all of it, JSON-ready; notes stand by id, so equal documents give equal JSON."""
        return {
            "ticks_per_beat": self.ticks_per_beat,
            "notes": columns(Note, [self.notes[number] for number in sorted(self.notes)]),
            "tracks": columns(Track, self.tracks),
            "tempos": columns(Tempo, self.tempos),
            "time_signatures": columns(Metre, self.metres),
            "kept": self.kept,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Document:
        """Return the document that `to_json` wrote."""
        return cls(
            data["ticks_per_beat"],
            {note.id: note for note in rows(Note, data["notes"])},
            tuple(rows(Track, data["tracks"])),
            tuple(rows(Tempo, data["tempos"])),
            tuple(rows(Metre, data["time_signatures"])),
            data["kept"],
        )

    def to_bytes(self) -> bytes:
        """Return all of it as bytes, which are equal for equal documents."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":")).encode()


Row = TypeVar("Row", Note, MadeNote, Track, Tempo, Metre)


def columns(kind: type[Row], values: Iterable[Row]) -> dict[str, list[Any]]:
    """Return a table of rows: a list for each field.

    >>> columns(Tempo, [Tempo(0, 500000), Tempo(480, 400000)])
    {'tick': [0, 480], 'microseconds': [500000, 400000]}
    """
    values = list(values)
    names = [each.name for each in dataclasses.fields(kind)]
    return {name: [getattr(value, name) for value in values] for name in names}


def rows(kind: type[Row], table: Mapping[str, list[Any]]) -> list[Row]:
    """Return the rows of a table: what `columns` undid.

    >>> rows(Tempo, {"tick": [0], "microseconds": [500000]})
    [Tempo(tick=0, microseconds=500000)]
    """
    names = [each.name for each in dataclasses.fields(kind)]
    return [kind(*values) for values in zip(*(table[name] for name in names), strict=True)]
