"""The tracks of a file of music, as `howlkit info` shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from howlkit.errors import printable

if TYPE_CHECKING:
    from howlkit.music.piece import Piece

__all__ = ["track_facts", "track_lines"]


def track_facts(piece: Piece) -> list[dict[str, Any]]:
    """Return what is known of each track with notes: number, name, instruments, notes, pitches.

    The number is what `howlkit sample --tracks` takes. pitches: the lowest and the highest.
    """
    import numpy as np

    from howlkit.music import general_midi
    from howlkit.music.extras import TRACK_NAME

    names: dict[int, str] = {}
    for text in piece.extras.texts:
        if text.kind == TRACK_NAME:
            names.setdefault(text.track, text.data.decode("utf-8", "replace").strip("\0 "))
    facts = []
    for track in np.unique(piece.notes["track"]).tolist():
        notes = piece.notes[piece.notes["track"] == track]
        programs = np.unique(notes["program"]).tolist()
        facts.append(
            {
                "track": track,
                "name": names.get(track, ""),
                "instruments": [general_midi.name(program) for program in programs],
                "notes": len(notes),
                "pitches": [int(notes["pitch"].min()), int(notes["pitch"].max())],
            }
        )
    return facts


def track_lines(tracks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each track.

    >>> track_lines([{"track": 1, "name": "Bass", "instruments": ["Cello"], "notes": 8,
    ...               "pitches": [36, 48]}])
    ['track 1: "Bass", Cello, 8 notes, C2-C3 (36-48)']
    """
    from howlkit.music.pitch_names import pitch_name

    lines = []
    for track in tracks:
        low, high = track["pitches"]
        name = [f'"{track["name"]}"'] if track["name"] else []
        count = track["notes"]
        parts = [*name, *track["instruments"], f"{count} note{'s' * (count != 1)}"]
        parts.append(f"{pitch_name(low)}-{pitch_name(high)} ({low}-{high})")
        lines.append(printable(f"track {track['track']}: {', '.join(parts)}"))
    return lines
