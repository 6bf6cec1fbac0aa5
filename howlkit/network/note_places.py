"""Where the note of a step stands among others: its onset, and its rank among notes at one onset.

The **place** of a note is onset x span + rank, so places rise as notes follow one another. The rank
is a number made of the values of the fields that are decided after the shift, up to the last one
that begins a note: such as program and pitch. Torch and compiled code both follow this, so nothing
here needs torch. Positions are whole numbers, `divisions` of them a beat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import OptionError
from howlkit.note_pitches import NotePitches, notes_of
from howlkit.schema import Field, Schema

__all__ = ["LAGS", "LAGS_A_BEAT", "NotePlaces"]

LAGS_A_BEAT = 2
"""Music is looked for at distances of whole half beats: a bar of 3/8 is three of them."""

LAGS = 256
"""So many distances, the longest 128 beats, which are 32 bars of 4/4."""


def _ranked(schema: Schema, notes: NotePitches) -> Sequence[Field] | None:
    """Return the fields that make the rank; None if it cannot be made of them."""
    names = [field.name for field in schema.decisions]
    first = max(names.index(name) for name in notes.shifts) + 1
    stop = max((names.index(name) for name in notes.pitches), default=-1) + 1
    ranked = schema.decisions[first:stop]
    return ranked if ranked and all(field.kind == "class" for field in ranked) else None


class NotePlaces:
    """What the values of a step add to the place of its note.

    shifts: by field, (n,) how many positions each value adds to the onset before. ranked: by field,
    what one more in its value adds to the rank. span: more than any rank. unit: the positions of a
    half beat. period: those of a beat. Raises OptionError, naming `option`, for an encoder whose
    notes have no places (`possible`).

    >>> from howlkit import encoder
    >>> places = NotePlaces(encoder("tuple").schema, "heads.repeats_by=beats")
    >>> places.ranked, places.span, places.unit
    ({'program': 128, 'pitch': 1}, 16512, 12)
    """

    def __init__(self, schema: Schema, option: str) -> None:
        notes = notes_of(schema)
        ranked = _ranked(schema, notes) if notes is not None and notes.shifts else None
        if notes is None or ranked is None or not self.possible(schema):
            raise OptionError(
                f"{option} needs an encoder of which each step is one note, {LAGS_A_BEAT} or a "
                "multiple of it positions a beat, and its shifts in beats add up (such as tuple "
                "with clock=beats), and this one is not: leave the option out"
            )
        self.shifts: dict[str, NDArray[np.int64]] = notes.shifts
        self.unit, self.period = notes.divisions // LAGS_A_BEAT, notes.divisions
        self.span, self.ranked = 1, {}
        for field in reversed(ranked):
            self.ranked[field.name] = self.span
            self.span *= field.n
        self.ranked = dict(reversed(self.ranked.items()))

    @property
    def pulsed(self) -> list[str]:
        """The fields of the shift that move a note within the beat: not by whole beats only."""
        return [name for name, adds in self.shifts.items() if (adds % self.period).any()]

    @staticmethod
    def possible(schema: Schema) -> bool:
        """Return whether the notes of an encoder have places, in beats."""
        notes = notes_of(schema)
        if schema.clock != "beats" or notes is None or not notes.shifts:
            return False
        return notes.divisions % LAGS_A_BEAT == 0 and _ranked(schema, notes) is not None
