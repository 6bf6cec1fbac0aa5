"""Which fields of the next note earlier notes vote for, and which of those notes count.

Torch and compiled code both follow this (lag_votes.py says what votes are), so nothing here needs
torch.
"""

from __future__ import annotations

from howlkit.head_options import HeadOptions
from howlkit.network.note_places import LAGS, NotePlaces
from howlkit.network.repeat_scores import REACH
from howlkit.schema import Schema

__all__ = ["VoteFields"]


class VoteFields:
    """The fields after the shift whose heads take hints: those that rank a note, and its details.

    A vote for a value comes from notes that are alike in what was decided before and ranks them:
    for the pitch from notes of its program, for a detail, such as the duration, from notes of its
    program and pitch.

    ranked: by field that ranks notes, what one more adds to the rank, as `NotePlaces.ranked`.
    details: fields that do not rank notes. width: the numbers that lie in a hidden vector: how good
    each lag is and, of each step remembered, how many positions before the present one its note
    began, its rank, and its details. Raises OptionError for an encoder whose notes have no places
    (`NotePlaces.possible`).

    >>> from howlkit import encoder
    >>> fields = VoteFields(encoder("tuple").schema, HeadOptions())
    >>> fields.ranked, fields.details
    ({'program': 128, 'pitch': 1}, ('duration', 'velocity'))
    """

    def __init__(self, schema: Schema, heads: HeadOptions) -> None:
        self.places = NotePlaces(schema, "heads.votes")
        hinted = [field.name for field in heads.hinted(schema)]
        ranked = self.places.ranked
        self.ranked = {name: ranked[name] for name in ranked if name in hinted}
        names = [field.name for field in schema.decisions]
        after = names[names.index([*ranked][-1]) + 1 :]
        self.details = tuple(name for name in after if name in hinted)
        self.width = LAGS + (2 + len(self.details)) * REACH

    def has(self, name: str) -> bool:
        """Say whether there are votes for a field."""
        return name in self.ranked or name in self.details
