"""Which values a field is relative to (`schema.Field.relative_to`), and where each is found.

A reference is a value of the row before, or of a field decided earlier in the same step.
"""

from __future__ import annotations

from collections.abc import Sequence

from howlkit.schema import Field, Schema

__all__ = ["References"]


class References:
    """The references of `fields`, each (name of a column, a number to add).

    chained: whether fields decided earlier in the same step are references; if not, only the row
    before has some. in_suffix: all references to the row before. before: by field name, its own, as
    indices of `in_suffix`. in_step: by field name, those in the same step. fields: those that have
    any.

    >>> pitch = Field("pitch", 128, relative_to=(("pitch", 0),))
    >>> references = References(Schema((pitch,)), [pitch], chained=True)
    >>> references.in_suffix, references.before["pitch"], references.count(pitch)
    ([('pitch', 0)], [0], 1)
    """

    def __init__(self, schema: Schema, fields: Sequence[Field], *, chained: bool) -> None:
        decided = [field.name for field in schema.decisions]
        self.in_step: dict[str, list[tuple[str, int]]] = {}
        self.before: dict[str, list[int]] = {}
        self.in_suffix: list[tuple[str, int]] = []
        for field in schema.decisions:
            earlier = decided[: decided.index(field.name)]
            self.in_step[field.name] = [
                reference for reference in field.relative_to if reference[0] in earlier and chained
            ]
            self.before[field.name] = []
            for reference in field.relative_to:
                if reference[0] not in earlier:
                    self.before[field.name].append(len(self.in_suffix))
                    self.in_suffix.append(reference)
        self.fields = tuple(f for f in fields if self.before[f.name] or self.in_step[f.name])

    def count(self, field: Field) -> int:
        """Return R; 0 for a field that is none of `fields`."""
        if field not in self.fields:
            return 0
        return len(self.before[field.name]) + len(self.in_step[field.name])
