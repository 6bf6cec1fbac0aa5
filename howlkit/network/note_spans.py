"""When the note of a step begins, counted from the one before, and how long it lasts.

Torch and compiled code both follow this, so nothing here needs torch. Positions are whole numbers,
`divisions` of them a beat or second. Shapes: n values of a field.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import OptionError
from howlkit.network.input_state import CLASSES
from howlkit.note_pitches import notes_of
from howlkit.schema import Schema

__all__ = ["NoteSpans"]


class NoteSpans:
    """What the values of a step say of the span of its note.

    shifts: by field, (n,) how many positions each value adds to the onset before. lengths: by
    field, (n,) how many positions the note lasts. Raises OptionError, naming `option`, for an
    encoder that does not say so, or not before the one field that says the pitch (`possible`).

    >>> from howlkit import encoder
    >>> spans = NoteSpans(encoder("tuple").schema, "heads.sounding")
    >>> [*spans.shifts], [*spans.lengths]
    (['shift', 'shift_fine'], ['duration'])
    """

    def __init__(self, schema: Schema, option: str) -> None:
        notes = notes_of(schema)
        if notes is None or not self.possible(schema):
            raise OptionError(
                f"{option} needs an encoder of which each step is one note, with shifts that add "
                "up and a length (such as tuple or howl), and this one is not: leave the option out"
            )
        self.shifts: dict[str, NDArray[np.int64]] = notes.shifts
        self.lengths: dict[str, NDArray[np.int64]] = notes.lengths

    @staticmethod
    def possible(schema: Schema) -> bool:
        """Return whether the steps of an encoder say when their notes begin and end."""
        notes = notes_of(schema)
        if notes is None or not notes.shifts or not notes.lengths or len(notes.pitches) != 1:
            return False
        names = [field.name for field in schema.decisions]
        (begins,) = notes.pitches
        return max(map(names.index, notes.shifts)) < names.index(begins)

    @classmethod
    def names_keys(cls, schema: Schema) -> bool:
        """Return whether one field of such an encoder says the whole pitch, not the class alone."""
        notes = notes_of(schema)
        if notes is None or not cls.possible(schema):
            return False
        (pitches,) = notes.pitches.values()
        return len(np.unique(pitches[pitches >= 0])) > CLASSES
