"""On which tracks the notes of a model come, and what becomes of the piece when they are taken."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import NDArray

from howlkit import Piece
from howlkit.music import DRUMS
from howlkit_studio.change import Change, between
from howlkit_studio.document import Document, MadeNote, Note, Track
from howlkit_studio.edits import EditError, Ids

__all__ = ["Tracks", "chosen_tracks", "settled", "since"]


class Tracks:
    """The tracks that new notes may come on: of their program, and nearest in pitch.

    tracks: their ids; None: all of the document.
    """

    def __init__(self, document: Document, tracks: Sequence[int] | None) -> None:
        chosen = chosen_tracks(document, tracks)
        self._middles: dict[int, dict[int, float]] = {}
        pitches: dict[int, list[int]] = {track.id: [] for track in chosen}
        for note in document.notes.values():
            if note.track in pitches:
                pitches[note.track].append(note.pitch)
        for track in chosen:
            middle = statistics.median(pitches[track.id]) if pitches[track.id] else 60.0
            self._middles.setdefault(track.program, {})[track.id] = middle

    @property
    def programs(self) -> list[int]:
        """The programs of these tracks, each once."""
        return list(self._middles)

    def of(self, program: int, pitch: int) -> int:
        """Return the id of the track for a note; 0: a new one."""
        middles = self._middles.get(program, {})
        return min(middles, key=lambda track: abs(middles[track] - pitch), default=0)

    def placed(self, notes: NDArray[Any]) -> list[MadeNote]:
        """Return notes of a Piece's table, each on its track."""
        columns = ("start", "duration", "pitch", "velocity", "program")
        return [
            MadeNote(start, duration, pitch, velocity, self.of(program, pitch), program)
            for start, duration, pitch, velocity, program in zip(
                *(notes[name].tolist() for name in columns), strict=True
            )
        ]


def chosen_tracks(document: Document, tracks: Sequence[int] | None) -> list[Track]:
    """Return the tracks of these ids, or all; EditError for one that there is not."""
    if tracks is None:
        return list(document.tracks)
    known = {track.id: track for track in document.tracks}
    for number in tracks:
        if number not in known:
            raise EditError(f"there is no track {number} in this state of the piece")
    if not tracks:
        raise EditError("no track is chosen; choose one, or all")
    return [known[number] for number in tracks]


def settled(
    document: Document, notes: Iterable[MadeNote], gone: Iterable[int], by: int, ids: Ids
) -> Change:
    """Return the change that adds what a model has made, in place of the notes in `gone`.

    by: the passage. Notes of a track that there is no more, or that there was not yet, come on a
    new one for each program. Of `gone`, what is no more or was locked since stays as it is.
    """
    tracks = {track.id: track for track in document.tracks}
    added: dict[int, Track] = {}
    new = []
    for note in notes:
        track = note.track
        if track not in tracks:
            if note.program not in added:
                name = "Drums" if note.program == DRUMS else ""
                added[note.program] = Track(ids(), name, note.program)
            track = added[note.program].id
        new.append(Note(ids(), note.start, note.duration, note.pitch, note.velocity, track, by))
    left = [n for n in gone if n in document.notes and not document.notes[n].locked]
    return between(document, notes=new, gone=left, tracks=(*document.tracks, *added.values()))


def since(piece: Piece, tick: int, bars: int) -> int:
    """Return the tick that lies some bars after a tick."""
    for _ in range(bars):
        tick += piece.bar_at(tick)[1]
    return tick
