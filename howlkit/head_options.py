"""Options of what every network has around its backbone: the embedding and the heads.

They are apart from network/, so that reading a run and making its music by compiled code needs no
torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from howlkit.errors import OptionError
from howlkit.options import option
from howlkit.schema import Field, Schema

__all__ = ["CHORD_PROFILES", "OCTAVES", "SOUNDING_PROFILES", "HeadKind", "HeadOptions"]

OCTAVES = 6
"""A real number is embedded by itself, and by sines and cosines at this many doubling rates."""

CHORD_PROFILES, SOUNDING_PROFILES = 2, 2
"""The profiles of pitch classes that `heads.harmony` asks for, and those of `heads.sounding`."""

HeadKind = Literal["softmax", "logistics", "squared", "bits chained", "bits independent"]


@dataclass(frozen=True)
class HeadOptions:
    """Options of the embedding and the heads, the same for every model.

    >>> heads = HeadOptions(embedding=8, ordered="logistics")
    >>> heads.kind(Field("velocity", 128, ordered=True))
    'logistics'
    >>> heads.width_in(Schema((Field("velocity", 128, ordered=True),)))  # `mark` and velocity
    16
    """

    chained: bool = option(
        True, "each field, and each bit, given those before it; false: independent, as Howl"
    )
    ordered: Literal["softmax", "logistics"] = option(
        "softmax", "ordered values: a logit each, or a mixture of logistics"
    )
    real: Literal["logistics", "squared"] = option(
        "logistics", "real numbers: a mixture of logistics, or squared error, as Howl"
    )
    components: int = option(8, "logistics in a mixture", low=1, high=256)
    embedding: int = option(32, "width of each field's embedding; of bits 4 x", low=1, high=4096)
    width: int = option(128, "width of each field's head", low=1, high=8192)
    dropout: float = option(0.0, "dropout inside the heads", low=0.0, high=0.95)
    input: int = option(
        0, "width to which a linear layer brings an embedded step; 0: no layer", low=0, high=16384
    )
    skip: bool = option(False, "heads also get the last step itself, around the model")
    relative: bool = option(
        False, "score values also by their distance from the one before, and from those decided"
    )
    repeats: tuple[str, ...] = option(
        (), "hints from earlier passages alike in these fields, such as pitch,shift; all: in all"
    )
    repeats_by: Literal["steps", "beats"] = option(
        "steps",
        "such a passage lies so many steps back, or so many half beats, whatever was added since",
        before="steps",
    )
    repeats_lag: int = option(
        1, "the fewest steps, or half beats, that such a passage lies back", low=1, high=512
    )
    elapsed: bool = option(
        False, "the network is told how many steps ago the piece began, so that pieces end"
    )
    elapsed_scale: float = option(
        1 / 4,
        "what the weights of elapsed are multiplied by: the smaller, the more slowly it is learnt",
        low=1 / 1024,
        high=1.0,
        before=1.0,
    )
    intervals: bool = option(
        False, "score pitches also by their interval to the note begun last, with any encoder"
    )
    pitch_classes: int = option(
        0,
        "notes until a note counts half in a histogram of pitch classes; 0: none",
        low=0,
        high=4096,
    )
    scale: bool = option(
        False,
        "the network is told which diatonic scale that histogram fits; needs pitch_classes",
        before=False,
    )
    harmony: int = option(
        0,
        "notes until a note counts half in a histogram of the chord; 0: none",
        low=0,
        high=4096,
        before=0,
    )
    sounding: bool = option(
        False,
        "the network is told what sounds where a note begins; with an encoder of one note a step",
        before=False,
    )
    held: bool = option(
        False,
        "score a pitch by how long its key will still sound; needs sounding, and whole pitches",
        before=False,
    )
    pulse: int = option(
        0,
        "notes until a note counts half in a histogram of places in a beat; 0: none; in beats only",
        low=0,
        high=4096,
        before=0,
    )
    votes: bool = option(
        False,
        "earlier notes vote for pitch, length and velocity, by half beats; needs repeats_by=beats",
        before=False,
    )

    name: ClassVar[str] = "heads"

    def __post_init__(self) -> None:
        """Refuse options without those that they build on."""
        if self.scale and not self.pitch_classes:
            raise OptionError(
                "heads.scale finds the scale in the histogram of heads.pitch_classes, which is 0 "
                "(none); set heads.pitch_classes too, such as 64, or leave out heads.scale"
            )
        if self.held and not (self.sounding and self.chained):
            raise OptionError(
                "heads.held looks at what sounds at the onset that was decided: it needs "
                "heads.sounding=true and heads.chained=true; set these, or leave out heads.held"
            )
        if self.votes and not (self.repeats and self.repeats_by == "beats" and self.chained):
            raise OptionError(
                "heads.votes counts the notes of lags in beats, at the onset that was decided: it "
                "needs heads.repeats_by=beats with heads.repeats, and heads.chained=true; set "
                "these, or leave out heads.votes"
            )

    @property
    def profiles(self) -> int:
        """The number of profiles of pitch classes that the options ask for (pitch_classes.py)."""
        return (self.pitch_classes > 0) + self.scale + CHORD_PROFILES * (self.harmony > 0)

    @property
    def scored_profiles(self) -> int:
        """The profiles by which heads score pitches: those, and what sounds (sounding.py)."""
        return self.profiles + SOUNDING_PROFILES * self.sounding

    def width_of(self, field: Field) -> int:
        """Return the width of a field's embedding."""
        return self.embedding * (4 if field.kind == "bits" else 1)

    def width_in(self, schema: Schema) -> int:
        """Return the width of a backbone's input: a step, and a hint if the heads take hints."""
        return self.input or self.width_embedded(schema)

    def width_embedded(self, schema: Schema) -> int:
        """Return the width of an embedded step, and of a hint if the heads take hints."""
        width = self.width_of_step(schema)
        return 2 * width + self.embedding if self.repeats else width

    def width_skip(self, schema: Schema) -> int:
        """Return the width of what reaches the heads without the backbone; 0: nothing does.

        It is the hint, and with `skip` the step too. Where `input` brings step and hint to one
        width, they cannot be told apart, so both do.
        """
        if self.skip or (self.repeats and self.input):
            return self.width_in(schema)
        return self.width_of_step(schema) + self.embedding if self.repeats else 0

    def width_of_step(self, schema: Schema) -> int:
        """Return the width of an embedded step."""
        return sum(map(self.width_of, schema.columns))

    def hinted(self, schema: Schema) -> list[Field]:
        """Return the fields whose heads are given hints from earlier passages, if any are."""
        return [f for f in schema.decisions[1:] if self.kind(f) == "softmax"]

    def related(self, schema: Schema) -> list[Field]:
        """Return the fields whose heads score values by their distance from others."""
        return [
            f
            for f in schema.decisions
            if self.relative and f.relative_to and self.kind(f) == "softmax"
        ]

    def no_likelihood(self, schema: Schema) -> list[str]:
        """Return the names of fields that are trained by another loss than -ln of a probability."""
        return [field.name for field in schema.decisions if self.kind(field) == "squared"]

    def kind(self, field: Field) -> HeadKind:
        """Return the kind of a field's head."""
        if field.kind == "bits":
            return "bits chained" if self.chained else "bits independent"
        if field.kind == "real":
            return self.real
        return self.ordered if field.ordered else "softmax"
