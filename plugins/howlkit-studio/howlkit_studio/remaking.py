"""Making a region of a piece anew: takes to choose from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit import Piece, Trained
from howlkit_studio.document import Document, MadeNote
from howlkit_studio.going_on import Show
from howlkit_studio.pieces import piece_of, track_numbers
from howlkit_studio.placing import Tracks, chosen_tracks
from howlkit_studio.settings import Remake, wishes

__all__ = ["CANDIDATES", "MadeTake", "remake", "replaced"]

CANDIDATES = 8
"""How many candidates takes are chosen from, where nobody says it: fewer than howlkit draws for a
file, since here somebody waits."""


@dataclass(frozen=True)
class MadeTake:
    """A take: its new notes, and how well it does (`howlkit.Take`); join None: it was stopped.

    piece: the whole piece with it, and its record.
    """

    piece: Piece
    notes: Sequence[MadeNote]
    join: float | None
    distance: float
    complete: bool


def replaced(document: Document, settings: Remake) -> list[int]:
    """Return the ids of the notes that are made anew."""
    tracks = {track.id for track in chosen_tracks(document, settings.tracks)}
    return [
        note.id
        for note in document.notes.values()
        if settings.begin <= note.start < settings.stop and note.track in tracks and not note.locked
    ]


def remake(
    trained: Trained, document: Document, settings: Remake, seed: int, show: Show
) -> list[MadeTake]:
    """Return takes of a region, the one that joins best first; what there is if `show` stops it.

    `show` sees the first candidate. Raises HowlkitError if the region cannot be made.
    """
    piece, ids = piece_of(document)
    tracks, fresh = Tracks(document, settings.tracks), set(replaced(document, settings))
    said = wishes(settings.controls)
    if settings.tracks is not None:
        said.setdefault("instruments", ["drums" if p == 128 else p for p in tracks.programs])
        numbers = track_numbers(document)
        with_notes = {note.track for note in document.notes.values()}
        if all(track in with_notes for track in settings.tracks):
            said["tracks"] = [numbers[track] for track in settings.tracks]
    takes = trained.replace(
        piece,
        beats=(settings.begin / document.ticks_per_beat, settings.stop / document.ticks_per_beat),
        keep=np.array([number not in fresh for number in ids], bool),
        keep_rhythm=settings.keep == "rhythm",
        keep_pitches=settings.keep == "pitches",
        takes=settings.takes,
        candidates=max(settings.candidates or CANDIDATES, settings.takes),
        seed=seed,
        watch=lambda notes: show(tracks.placed(notes)),
        **said,
    )
    own = _Own(document, settings, tracks)
    return [
        MadeTake(
            take.piece,
            own.placed(take.notes),
            None if math.isnan(take.join) else round(take.join, 4),
            round(take.distance, 4),
            take.complete,
        )
        for take in takes
    ]


class _Own:
    """Puts the notes of takes on the tracks that howlkit found for them, where these are chosen."""

    def __init__(self, document: Document, settings: Remake, tracks: Tracks) -> None:
        chosen = {track.id for track in chosen_tracks(document, settings.tracks)}
        self._known = {
            (number, track.program): track.id
            for number, track in enumerate(document.tracks)
            if track.id in chosen
        }
        self._tracks = tracks

    def placed(self, notes: NDArray[Any]) -> list[MadeNote]:
        """Return the notes, each on its track."""
        rows = zip(notes["track"].tolist(), self._tracks.placed(notes), strict=True)
        return [
            MadeNote(
                note.start,
                note.duration,
                note.pitch,
                note.velocity,
                self._known.get((number, note.program), note.track),
                note.program,
            )
            for number, note in rows
        ]
