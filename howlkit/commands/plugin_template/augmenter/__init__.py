"""Augmenter `stencil`: the second half of every beat comes late.

Notes in the middle of a beat move to `amount` of the beat, notes in between move accordingly, and
notes on the beat stay. With amount 1/2 nothing moves; 2/3 makes triplets of eighths.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.hookspecs import hookimpl
from howlkit.music import FOREVER, MAX_TICK, Piece
from howlkit.options import option
from howlkit.protocols import Augmenter


@dataclass(frozen=True)
class Stencil:
    """Move notes between two beats later, by another random amount each time."""

    most: float = option(0.67, "how far the middle of a beat may move", low=0.5, high=0.9)
    name: ClassVar[str] = "stencil"

    def __call__(self, piece: Piece, rng: np.random.Generator) -> Piece:
        """Return the piece with every onset, end and pedal moved; the number of notes stays."""
        amount = rng.uniform(0.5, self.most)
        notes, pedals = piece.notes.copy(), piece.pedals.copy()
        for table in (notes, pedals):
            start = table["start"].astype(np.int64)
            end = bent(start + table["duration"], amount, piece.ticks_per_beat)
            table["start"] = np.minimum(bent(start, amount, piece.ticks_per_beat), MAX_TICK - 1)
            table["duration"] = np.maximum(np.minimum(end, MAX_TICK) - table["start"], 1)
        # An excerpt also knows where the music after it begins. Its notes stay before that tick,
        # though two ticks may become one, and notes on that tick stay on it.
        until = piece.until
        if until < FOREVER:
            inside = piece.notes["start"] < until
            last = int(notes["start"][inside].max(initial=-1))
            until = max(int(bent(np.array(until), amount, piece.ticks_per_beat)), last + 1)
            notes["start"][~inside] = until
        return piece.replace(notes=notes, pedals=pedals, until=until)


def bent(ticks: NDArray[np.int64], amount: float, per_beat: int) -> NDArray[np.int64]:
    """Return ticks with the middle of each beat moved to `amount` of it; their order stays."""
    beat, place = np.divmod(ticks, per_beat)
    moved = np.interp(place / per_beat, (0, 0.5, 1), (0, amount, 1))
    return np.asarray(beat * per_beat + np.rint(moved * per_beat).astype(np.int64))


@hookimpl
def register_augmenters(register: Callable[[type[Augmenter]], None]) -> None:
    """Register the component."""
    register(Stencil)
