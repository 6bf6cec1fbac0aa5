"""What a run says of the habits of its training music: how far a rule may let new music go.

Habits are those of howlkit.music.habits. They are counted in the music as its encoder plays it, in
`decode(encode(piece))`: what the grid, the encoder's lengths and its way with the pedal do to a
piece is a habit of the music that the model sees. Keys struck again while they sound are counted in
the music itself too, since many encoders put the tracks of one program together: where a melody is
doubled in the accompaniment, its keys are then struck twice, which nobody wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset import Dataset
from howlkit.music import habits
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS
from howlkit.protocols import Encoder

__all__ = ["habit_facts", "habits_of_pieces", "some_pieces"]

MOST_PIECES = 200
MOST_NOTES = 200_000
"""No more pieces are looked at when there are so many pieces, or when they have so many notes."""

NEARLY_ALL_NOTES = 99.9
"""The percentile of notes up to which lengths and polyphony go: what is beyond are slips."""

NEARLY_ALL_PIECES = 95
"""The percentile of pieces up to which loops go."""


def habit_facts(encoder: Encoder, data: Dataset) -> dict[str, Any]:
    """Return the habits of a training part, as `habits_of_pieces` does of its pieces.

    restrikes are those of all pieces: a few pieces may have most of them. The rest is that of up to
    `MOST_PIECES`, which are drawn, always the same ones.
    """
    written = _Share()
    for piece in data.pieces("train"):
        written.add(piece)
    found = habits_of_pieces(encoder, some_pieces(data, data.indices("train")))
    return found | {"restrikes": written.value}


def some_pieces(data: Dataset, part: NDArray[np.int64]) -> Iterator[Piece]:
    """Yield up to `MOST_PIECES` pieces of a part, drawn by chance but always the same ones."""
    notes = 0
    for index in np.random.default_rng(0).permutation(part)[:MOST_PIECES]:
        piece = data.piece(int(index))
        yield piece
        notes += len(piece)
        if notes >= MOST_NOTES:
            return


def habits_of_pieces(encoder: Encoder, pieces: Iterable[Piece]) -> dict[str, Any]:
    """Return habits, JSON-ready; drums count in loops only.

    pieces: how many there are. restrikes: the share of notes (0..1) of the pieces themselves that
    begin while a note of the same key sounds; restrikes_played: of the pieces as the encoder plays
    them, as is all that follows. longest: the length of all notes but one in a thousand, in beats
    and in seconds. polyphony: how many notes sound where a note begins, for all but one in a
    thousand. typical_polyphony: the median over pieces of `habits.typical_polyphony`. loop_copies:
    what `habits.loop_copies` of 95 in 100 pieces do not exceed. None: there is no note but drums.
    """
    count, written, heard = 0, _Share(), _Share()
    beats, seconds, sounding, typical, copies = [], [], [], [], []
    for piece in pieces:
        count += 1
        written.add(piece)
        played = encoder.decode(encoder.encode(piece), like=piece)
        heard.add(played)
        lengths = habits.note_lengths(played)
        beats.append(lengths[0])
        seconds.append(lengths[1])
        sounding.append(habits.sounding_at_onsets(played))
        typical.append(habits.typical_polyphony(played))
        copies.append(habits.loop_copies(played))
    if not heard.notes:
        most, longest, median = None, None, None
    else:
        most = int(_most_of(np.concatenate(sounding), NEARLY_ALL_NOTES))
        longest = {
            "beats": _most_of(np.concatenate(beats), NEARLY_ALL_NOTES),
            "seconds": _most_of(np.concatenate(seconds), NEARLY_ALL_NOTES),
        }
        median = float(np.nanmedian(typical))
    return {
        "pieces": count,
        "restrikes": written.value,
        "restrikes_played": heard.value,
        "longest": longest,
        "polyphony": most,
        "typical_polyphony": median,
        "loop_copies": _most_of(np.array(copies), NEARLY_ALL_PIECES) if copies else None,
    }


class _Share:
    """The share of notes that are restrikes, counted piece by piece."""

    def __init__(self) -> None:
        self.notes = self.struck = 0

    def add(self, piece: Piece) -> None:
        """Count the notes of one more piece."""
        self.notes += int(np.count_nonzero(piece.notes["program"] != DRUMS))
        self.struck += int(np.count_nonzero(habits.restrikes(piece)))

    @property
    def value(self) -> float | None:
        """The share, 0..1; None without notes."""
        return self.struck / self.notes if self.notes else None


def _most_of(values: NDArray[Any], percentile: float) -> float:
    """Return the lowest of the values that so many in a hundred of them do not exceed."""
    return float(np.percentile(values, percentile, method="inverted_cdf"))
