"""How one state of a piece becomes another: what was there before, and what is there after.

A change is exact both ways, so its inverse is the same change read backwards.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from howlkit_studio.document import Document, Metre, Note, Tempo, Track, columns, rows

__all__ = ["Change", "between"]


@dataclass(frozen=True)
class Change:
    """What is taken away and what comes in its place.

    before, after: the notes that are changed, by id, as they were and as they will be; an id that
    only one of them has is a note that is added or removed. tracks, tempos, metres: all of them
    before and after; None: they stay.
    """

    before: Mapping[int, Note] = field(default_factory=dict)
    after: Mapping[int, Note] = field(default_factory=dict)
    tracks: tuple[tuple[Track, ...], tuple[Track, ...]] | None = None
    tempos: tuple[tuple[Tempo, ...], tuple[Tempo, ...]] | None = None
    metres: tuple[tuple[Metre, ...], tuple[Metre, ...]] | None = None

    def __bool__(self) -> bool:
        """Return whether it changes anything."""
        maps = (self.tracks, self.tempos, self.metres)
        return bool(self.before or self.after or any(pair is not None for pair in maps))

    @property
    def inverse(self) -> Change:
        """The change that leads back."""
        return Change(
            self.after,
            self.before,
            self.tracks and self.tracks[::-1],
            self.tempos and self.tempos[::-1],
            self.metres and self.metres[::-1],
        )

    @property
    def gone(self) -> list[int]:
        """The ids of notes that are removed."""
        return [number for number in self.before if number not in self.after]

    @property
    def touched(self) -> int:
        """How many notes it adds, removes or changes."""
        return len(self.before.keys() | self.after.keys())

    def apply(self, document: Document) -> Document:
        """Return a document with the change made; it must be the one that it is for."""
        notes = dict(document.notes)
        for number in self.gone:
            del notes[number]
        notes.update(self.after)
        return dataclasses.replace(
            document,
            notes=notes,
            tracks=document.tracks if self.tracks is None else self.tracks[1],
            tempos=document.tempos if self.tempos is None else self.tempos[1],
            metres=document.metres if self.metres is None else self.metres[1],
        )

    def to_json(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        data: dict[str, Any] = {
            "before": columns(Note, self.before.values()),
            "after": columns(Note, self.after.values()),
        }
        if self.tracks is not None:
            data["tracks"] = [columns(Track, tracks) for tracks in self.tracks]
        if self.tempos is not None:
            data["tempos"] = [columns(Tempo, tempos) for tempos in self.tempos]
        if self.metres is not None:
            data["time_signatures"] = [columns(Metre, metres) for metres in self.metres]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Change:
        """Return the change that `to_json` wrote."""
        tracks, tempos = data.get("tracks"), data.get("tempos")
        metres = data.get("time_signatures")
        return cls(
            _by_id(rows(Note, data["before"])),
            _by_id(rows(Note, data["after"])),
            tracks and (tuple(rows(Track, tracks[0])), tuple(rows(Track, tracks[1]))),
            tempos and (tuple(rows(Tempo, tempos[0])), tuple(rows(Tempo, tempos[1]))),
            metres and (tuple(rows(Metre, metres[0])), tuple(rows(Metre, metres[1]))),
        )


def between(
    document: Document,
    *,
    notes: Iterable[Note] = (),
    gone: Iterable[int] = (),
    tracks: tuple[Track, ...] | None = None,
    tempos: tuple[Tempo, ...] | None = None,
    metres: tuple[Metre, ...] | None = None,
) -> Change:
    """Return the change that makes these notes, tracks and maps of what a document has.

    notes: new, or in place of those with their ids; what stays as it is, is left out.
    """
    after = {note.id: note for note in notes if document.notes.get(note.id) != note}
    before = {number: document.notes[number] for number in gone}
    before |= {number: document.notes[number] for number in after if number in document.notes}
    return Change(
        before,
        after,
        None if tracks in (None, document.tracks) else (document.tracks, tracks),
        None if tempos in (None, document.tempos) else (document.tempos, tempos),
        None if metres in (None, document.metres) else (document.metres, metres),
    )


def _by_id(notes: Iterable[Note]) -> dict[int, Note]:
    return {note.id: note for note in notes}
