"""Options of what every network has around its backbone; network.py makes it of them.

They are apart so that a run can be read, and its music made by compiled code, without torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from howlkit.options import option
from howlkit.schema import Field, Schema

__all__ = ["HeadKind", "HeadOptions"]

HeadKind = Literal["softmax", "logistics", "squared", "bits chained", "bits independent"]


@dataclass(frozen=True)
class HeadOptions:
    """Options of the embedding and the heads, the same for every model."""

    chained: bool = option(
        True, "each field, and each bit, given those before it; false: independent, as Howl"
    )
    ordered: Literal["softmax", "logistics"] = option(
        "softmax", "ordered values: a number each, or a mixture of logistics"
    )
    real: Literal["logistics", "squared"] = option(
        "logistics", "real numbers: a mixture of logistics, or squared error, as Howl"
    )
    components: int = option(8, "logistics in a mixture", low=1, high=256)
    embedding: int = option(32, "width of each field's embedding; of bits 4 x", low=1, high=4096)
    width: int = option(128, "width of each field's head", low=1, high=8192)
    dropout: float = option(0.0, "of what a head is given", low=0.0, high=0.95)
    input: int = option(
        0, "width that an embedded step is brought to; 0: as wide as it is", low=0, high=16384
    )
    skip: bool = option(False, "heads also see the last step itself, past the model")
    relative: bool = option(
        False, "values also by how far they are from the one before, and from those decided"
    )
    repeats: tuple[str, ...] = option(
        (), "hints from earlier passages alike in these fields, such as pitch,shift; all: in all"
    )
    repeats_lag: int = option(1, "how many steps back such a passage is at least", low=1, high=512)

    name: ClassVar[str] = "heads"

    def width_of(self, field: Field) -> int:
        """Return the width of a field's embedding."""
        return self.embedding * (4 if field.kind == "bits" else 1)

    def width_in(self, schema: Schema) -> int:
        """Return the width of what a backbone takes in: a step, and a hint where there are any."""
        return self.input or self.width_embedded(schema)

    def width_embedded(self, schema: Schema) -> int:
        """Return the width of an embedded step with its hint, where there are any."""
        width = self.width_of_step(schema)
        return 2 * width + self.embedding if self.repeats else width

    def width_past(self, schema: Schema) -> int:
        """Return the width of what heads see past the backbone: a hint, and by option the step.

        Brought to `input` the two are one.
        """
        if self.skip or (self.repeats and self.input):
            return self.width_in(schema)
        return self.width_of_step(schema) + self.embedding if self.repeats else 0

    def width_of_step(self, schema: Schema) -> int:
        """Return the width of an embedded step."""
        return sum(map(self.width_of, schema.columns))

    def no_likelihood(self, schema: Schema) -> list[str]:
        """Return the fields whose cost is another loss than -ln of a probability."""
        return [field.name for field in schema.decisions if self.kind(field) == "squared"]

    def kind(self, field: Field) -> HeadKind:
        """Return what kind of head a field gets."""
        if field.kind == "bits":
            return "bits chained" if self.chained else "bits independent"
        if field.kind == "real":
            return self.real
        return self.ordered if field.ordered else "softmax"
