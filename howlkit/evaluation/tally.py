"""What is counted when a piece and its decoded version are compared."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

__all__ = ["Tally"]


@dataclass(frozen=True)
class Tally:
    """Counts and lengths for one piece; added up, for several. Lengths are seconds of the original.

    notes, drums: how many the original has. version: how many notes the version has.
    pairs: notes of the original that were found in the version.
    steps: the steps of the encoding, without start and end.
    wrong_program: pairs of two different programs. drums_kept: pairs of two drum notes.
    tempo: the length of pieces in which the tempo is not 120 throughout.
    tempo_error: that length times the relative error of the tempo.
    metre: the length of pieces in which the metre is not 4/4 throughout.
    metre_kept: the part of that length in which the version has the same metre.
    pedal: how long the pedal is down. pedal_kept: how long it is down in both.
    held: pairs that the pedal lengthens. held_long: those of them with a duration in the version
    that is nearer to the lengthened one than to the written one.

    >>> (Tally(notes=3, pairs=2) + Tally(notes=1)).notes
    4
    """

    notes: int = 0
    version: int = 0
    pairs: int = 0
    steps: int = 0
    wrong_program: int = 0
    drums: int = 0
    drums_kept: int = 0
    tempo: float = 0.0
    tempo_error: float = 0.0
    metre: float = 0.0
    metre_kept: float = 0.0
    pedal: float = 0.0
    pedal_kept: float = 0.0
    held: int = 0
    held_long: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Return the sums of all counts and lengths."""
        names = [f.name for f in dataclasses.fields(self)]
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})
