"""On which tracks the notes of a model come, and what becomes of the piece when they are taken."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit import Piece
from howlkit.music import DRUMS
from howlkit.protocols import Encoder
from howlkit_studio.change import Change, between
from howlkit_studio.document import Document, MadeNote, Note, Track
from howlkit_studio.edits import EditError, Ids

__all__ = ["Tracks", "chosen_tracks", "lines_of", "settled", "since"]


Line = tuple[int, int]
"""The number of a track as an encoder decodes it, and its program."""


class Tracks:
    """The tracks that new notes may come on: of their program, and nearest in pitch.

    tracks: their ids; None: all of the document. lines: the tracks of an encoder that keeps tracks
    apart (`lines_of`), which come before that.
    """

    def __init__(
        self,
        document: Document,
        tracks: Sequence[int] | None,
        lines: Callable[[Line], int | None] = lambda line: None,
    ) -> None:
        self._lines = lines
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
        """Return the id of the track for a note that has no line of its own; 0: a new one."""
        middles = self._middles.get(program, {})
        return min(middles, key=lambda track: abs(middles[track] - pitch), default=0)

    def placed(self, notes: NDArray[Any]) -> list[MadeNote]:
        """Return notes of a Piece's table, each on its track."""
        return [
            MadeNote(start, ticks, pitch, velocity, self._track(number, program, pitch), program)
            for start, ticks, pitch, velocity, program, number in notes.tolist()
        ]

    def _track(self, number: int, program: int, pitch: int) -> int:
        own = self._lines((number, program))
        return self.of(program, pitch) if own is None else own


def lines_of(encoder: Encoder, prompt: Piece, document: Document) -> Callable[[Line], int | None]:
    """Return on which track the music that continues a prompt has each of its lines.

    A line of the prompt goes on on its track; another one comes on the track of its number, if that
    has its program and no other line, or else on a new one, whose number is below 0 until it is
    there. An encoder that does not keep the tracks of the prompt apart gives None for all.
    """
    known = _lines_in(encoder, prompt, document)
    if known is None:
        return lambda line: None
    free = {
        (number, track.program): track.id
        for number, track in enumerate(document.tracks)
        if track.id not in known.values()
    }

    def track_of(line: Line) -> int:
        number, program = line
        return known.get(line) or free.get(line) or -1 - (number * 129 + program)

    return track_of


def _lines_in(encoder: Encoder, prompt: Piece, document: Document) -> dict[Line, int] | None:
    """Return the track of each line that the prompt has; None if two have the same."""
    back = encoder.decode(encoder.encode(prompt), like=prompt)
    if len(back) != len(prompt):
        return None
    ids = [track.id for track in document.tracks]
    found: dict[Line, set[int]] = {}
    for one, other in zip(_in_order(back.notes), _in_order(prompt.notes), strict=True):
        if one["pitch"] != other["pitch"] or one["program"] != other["program"]:
            return None
        line = int(one["track"]), int(one["program"])
        found.setdefault(line, set()).add(ids[other["track"]])
    known = {line: tracks.pop() for line, tracks in found.items() if len(tracks) == 1}
    return known if len(known) == len(found) == len(set(known.values())) else None


def _in_order(notes: NDArray[Any]) -> NDArray[Any]:
    """Return notes by onset, program, pitch and track: an order that rounded onsets keep."""
    columns = ("track", "pitch", "program", "start")
    return notes[np.lexsort([notes[name] for name in columns])]


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
    new one for each track and program. Of `gone`, what is no more or was locked since stays.
    """
    notes, known = list(notes), {track.id for track in document.tracks}
    missing = {(-note.track, note.program) for note in notes if note.track not in known}
    # In the order of the model's own lines, in which its encoder expects them.
    added = {
        (-number, program): Track(ids(), "Drums" if program == DRUMS else "", program)
        for number, program in sorted(missing)
    }
    new = []
    for note in notes:
        line = note.track, note.program
        track = added[line].id if line in added else note.track
        new.append(Note(ids(), note.start, note.duration, note.pitch, note.velocity, track, by))
    left = [n for n in gone if n in document.notes and not document.notes[n].locked]
    return between(document, notes=new, gone=left, tracks=(*document.tracks, *added.values()))


def since(piece: Piece, tick: int, bars: int) -> int:
    """Return the tick that lies some bars after a tick."""
    for _ in range(bars):
        tick += piece.bar_at(tick)[1]
    return tick
