"""How a score is played: the options of the source that decide which notes come of it."""

from __future__ import annotations

from dataclasses import dataclass

from howlkit.options import option

__all__ = ["Playing"]


@dataclass(frozen=True)
class Playing:
    """What a score leaves open: repeats, chord symbols, how fast and how loud it is."""

    repeats: bool = option(False, "play repeats as often as written, instead of once")
    chords: bool = option(False, "play chord symbols, as a track of their own")
    bpm: int = option(100, "quarters a minute where no tempo is given", low=20, high=300)
    velocity: int = option(80, "of notes before any dynamic mark", low=1, high=127)
