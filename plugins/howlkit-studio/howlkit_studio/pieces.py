"""From a Piece of howlkit to a document, and back.

What the studio does not show of an imported piece comes back in what it writes: pedals, keys,
controllers and texts. They are kept as JSON (`Document.kept`), by the ids of tracks, and go with
their track.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from howlkit import Piece
from howlkit.music import (
    CONTROL,
    DRUMS,
    KEY_SIGNATURE,
    NOTE,
    PEDAL,
    TEMPO,
    TIME_SIGNATURE,
    Extras,
    Text,
)
from howlkit_studio.document import BY_FILE, Document, Metre, Note, Tempo, Track

__all__ = ["document_of", "new_document", "piece_of", "track_numbers"]

TRACK_NAME = 3
"""The kind of a text that names a track."""

ORDER = ("velocity", "duration", "track", "pitch", "program", "start")
"""The columns by which the notes of a Piece are sorted, the last one first."""

FIRST_TRACK = "Piano"
"""The name of the track of a new piece."""


def new_document() -> Document:
    """Return a piece without notes, with a track to write them on."""
    return Document(tracks=(Track(1, FIRST_TRACK, 0),), tempos=(Tempo(0, 500_000),))


def document_of(piece: Piece) -> Document:
    """Return a document of a piece: each track of it becomes one, with ids from 1.

    Notes of a track that have another program than most of it get a track of their own.
    """
    lines = sorted({(note["track"].item(), note["program"].item()) for note in piece.notes})
    ids = {line: number + 1 for number, line in enumerate(lines)}
    first_of = {track: ids[track, program] for track, program in reversed(lines)}
    names = _names(piece)
    tracks = tuple(
        Track(number, names.get(track, "Drums" if program == DRUMS else ""), program)
        for (track, program), number in ids.items()
    )
    first = len(ids) + 1
    notes = [
        Note(first + k, start, duration, pitch, velocity, ids[track, program], BY_FILE)
        for k, (start, duration, pitch, velocity, program, track) in enumerate(piece.notes.tolist())
    ]
    return Document(
        piece.ticks_per_beat,
        {note.id: note for note in notes},
        tracks or new_document().tracks,
        tuple(Tempo(*row) for row in piece.tempos.tolist()),
        tuple(Metre(*row) for row in piece.time_signatures.tolist()),
        _kept(piece, first_of),
    )


def track_numbers(document: Document) -> dict[int, int]:
    """Return the number that each track has in `piece_of`, by its id."""
    return {track.id: number for number, track in enumerate(document.tracks)}


def piece_of(document: Document, name: str = "") -> tuple[Piece, list[int]]:
    """Return a document as a Piece, and the id of each of its notes, in the order of its table."""
    numbers = track_numbers(document)
    programs = {track.id: track.program for track in document.tracks}
    table = np.zeros(len(document.notes), NOTE)
    columns = [
        (n.start, n.duration, n.pitch, n.velocity, programs[n.track], numbers[n.track])
        for n in document.notes.values()
    ]
    table[:] = columns
    ids = np.fromiter(document.notes, np.int64, len(document.notes))
    # The order of a Piece; of notes that are equal in all columns, any may be either.
    order = np.lexsort([table[name] for name in ORDER])
    piece = Piece(
        table[order],
        ticks_per_beat=document.ticks_per_beat,
        tempos=np.array([(t.tick, t.microseconds) for t in document.tempos], TEMPO),
        time_signatures=np.array(
            [(m.tick, m.numerator, m.denominator) for m in document.metres], TIME_SIGNATURE
        ),
        name=name,
        **_restored(document, numbers),
    )
    return piece, ids[order].tolist()


def _names(piece: Piece) -> dict[int, str]:
    """Return the names of tracks, by their numbers in a piece."""
    return {
        text.track: text.data.decode("utf-8", errors="replace")[:200]
        for text in reversed(piece.extras.texts)
        if text.kind == TRACK_NAME and text.track >= 0
    }


def _kept(piece: Piece, ids: Mapping[int, int]) -> dict[str, Any]:
    """Return what the studio does not show, with ids of tracks for their numbers."""
    texts = [
        [text.tick, ids.get(text.track, 0), text.kind, text.data.decode("latin-1")]
        for text in piece.extras.texts
        if text.kind != TRACK_NAME or text.track < 0
    ]
    return {
        "pedals": [[s, d, ids[t]] for s, d, t in piece.pedals.tolist() if t in ids],
        "keys": [list(row) for row in piece.key_signatures.tolist()],
        "controls": [
            [a, ids[t], n, v] for a, t, n, v in piece.extras.controls.tolist() if t in ids
        ],
        "texts": texts,
    }


def _restored(document: Document, numbers: Mapping[int, int]) -> dict[str, Any]:
    """Return what was kept, and the names of tracks, as arguments of a Piece."""
    kept = document.kept
    pedals = [(s, d, numbers[t]) for s, d, t in kept.get("pedals", ()) if t in numbers]
    controls = [(a, numbers[t], n, v) for a, t, n, v in kept.get("controls", ()) if t in numbers]
    texts = [
        Text(tick, numbers.get(track, -1), kind, data.encode("latin-1"))
        for tick, track, kind, data in kept.get("texts", ())
        if track in numbers or not track
    ]
    with_notes = {note.track for note in document.notes.values()}
    texts += [
        Text(0, numbers[track.id], TRACK_NAME, track.name.encode())
        for track in document.tracks
        if track.name and track.id in with_notes
    ]
    return {
        "pedals": np.array(pedals, PEDAL),
        "key_signatures": np.array([tuple(row) for row in kept.get("keys", ())], KEY_SIGNATURE),
        "extras": Extras(np.array(controls, CONTROL), tuple(texts)),
    }
