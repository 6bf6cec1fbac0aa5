"""An augmenter that moves every onset a little, as people do who play."""

from dataclasses import dataclass
from typing import ClassVar

from howlkit.music import moved
from howlkit.options import option


@dataclass(frozen=True)
class Jitter:
    """Move every onset by a few random ticks."""

    spread: float = option(0.01, "standard deviation, in beats", low=0.001, high=1.0)
    name: ClassVar[str] = "jitter"

    def __call__(self, piece, rng):
        """Return the piece with every onset of the excerpt moved."""
        ticks = rng.normal(0, self.spread * piece.ticks_per_beat, len(piece))
        return moved(piece, piece.notes["start"] + ticks)
