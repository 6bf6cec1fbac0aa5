"""How big a piece of music may be before it is refused, and the words that say so."""

from __future__ import annotations

from dataclasses import dataclass

from howlkit.errors import MidiError
from howlkit.music.piece import Piece
from howlkit.music.tables import SLOWEST_TEMPO

__all__ = ["Limits", "check_count", "check_length", "check_limits", "raise_limit", "too_big"]


@dataclass(frozen=True)
class Limits:
    """How big a file may be before it is refused; guards against files made to do harm.

    max_bytes: size of the file. max_seconds, max_beats: from its start to the end of its last note.
    max_notes: number of notes.
    """

    max_bytes: int = 64 * 2**20
    max_seconds: float = 6 * 3600.0
    max_beats: float = 200_000.0
    max_notes: int = 5_000_000


_FLAGS = {
    "max_bytes": "--max-megabytes",
    "max_seconds": "--max-minutes",
    "max_beats": "--max-beats",
    "max_notes": "--max-notes",
}


def raise_limit(name: str) -> str:
    """Return the words for how to raise one of the `Limits`, in Python and on the command line."""
    return f"to allow more, raise the limit {name}: {_FLAGS[name]} of howlkit prepare"


def too_big(shown: str, size: int, limits: Limits) -> str:
    """Return the words for a file of `size` bytes, over the limit."""
    return (
        f"{shown} has {size} bytes; at most {limits.max_bytes} are read "
        f"({raise_limit('max_bytes')})"
    )


def check_limits(piece: Piece, limits: Limits) -> None:
    """Raise MidiError if a piece is bigger than `limits` allow, whatever it was read from."""
    check_count(len(piece), limits)
    check_length(piece, limits)


def check_length(piece: Piece, limits: Limits) -> None:
    """Raise MidiError if a piece lasts longer than `limits` allow."""
    beats = piece.beats_long
    if beats > limits.max_beats:
        raise MidiError(_too_long("beats", beats, limits.max_beats))
    # The exact length needs the tempo map; the slowest tempo gives a bound that mostly suffices.
    longest = beats * SLOWEST_TEMPO / 1e6
    if longest > limits.max_seconds and piece.seconds_long > limits.max_seconds:
        raise MidiError(_too_long("seconds", piece.seconds_long, limits.max_seconds))


def check_count(notes: int, limits: Limits) -> None:
    """Raise MidiError if a number of notes is above the limit."""
    if notes > limits.max_notes:
        raise MidiError(
            f"has {notes} notes; at most {limits.max_notes} are read ({raise_limit('max_notes')})"
        )


def _too_long(unit: str, length: float, most: float) -> str:
    return f"lasts {length:.0f} {unit}; at most {most:.0f} are read ({raise_limit(f'max_{unit}')})"
