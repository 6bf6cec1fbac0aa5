"""What a step is: named fields, in the order in which they are decided.

An encoder turns a Piece into **steps**, a numpy structured array with one column a field and one
more, `mark`, that says what each row is: an ordinary step, the start of the piece, or its end.
`encode` gives start, steps, end. Start is input only and is never predicted; `mark` is decided
first, and the other fields of a row are decided only where it says `STEP`. Nobody addresses a field
by position: arrays have named columns, batches are a dict of tensors by field name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError

__all__ = ["END", "MARK", "START", "STEP", "Field", "Schema", "Steps"]

STEP, END, START = 0, 1, 2
"""The values of the column `mark`."""

FORMAT = 1

Steps = NDArray[Any]
"""A structured array of a `Schema.dtype`."""


@dataclass(frozen=True)
class Field:
    """One value of a step, decided among `n`.

    name: a Python identifier, unique in its schema; the column of the structured array.
    n: number of values, 0 .. n-1.
    ordered: neighbouring values mean neighbouring things (velocity, duration), not mere labels.
    when: (name of an earlier field, its values) for which this field means anything; elsewhere it
        is 0 in the array, costs no nats and is no decision. None: it is there in every step.
    unit: what the values count, for people ("1/24 beat", "semitone", "MIDI program").
    """

    name: str
    n: int
    ordered: bool = False
    when: tuple[str, tuple[int, ...]] | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        """Check the name and the number of values."""
        if not self.name.isidentifier():
            raise HowlkitError(f"field name {self.name!r} is no Python identifier")
        if not 1 <= self.n <= 65536:
            raise HowlkitError(f"field {self.name!r} has n={self.n}; 1..65536 are allowed")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned integer that holds every value."""
        return np.dtype("u1" if self.n <= 256 else "<u2")

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; `from_json` is its inverse."""
        when = None if self.when is None else [self.when[0], list(self.when[1])]
        return {
            "kind": "class",
            "name": self.name,
            "n": self.n,
            "ordered": self.ordered,
            "when": when,
            "unit": self.unit,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Field:
        """Return the field that `to_json` described; HowlkitError for a kind not known here."""
        if data.get("kind") != "class":
            raise HowlkitError(
                f"field {data.get('name')!r} is of kind {data.get('kind')!r}, which this version "
                "of howlkit does not know; install the version that wrote it, or a later one"
            )
        when = None if data["when"] is None else (data["when"][0], tuple(data["when"][1]))
        return cls(data["name"], data["n"], data["ordered"], when, data["unit"])


MARK = Field("mark", 3, unit="step, end or start")


@dataclass(frozen=True)
class Schema:
    """The fields of a step in the order in which they are decided, `mark` (implied) before them.

    clock: what the encoder's time is counted in.
    Raises HowlkitError for a repeated name, or a `when` that names no earlier field.
    """

    fields: tuple[Field, ...]
    clock: Literal["beats", "seconds"] = "beats"

    def __post_init__(self) -> None:
        """Check the names and that conditions look backwards only."""
        seen: dict[str, Field] = {}
        for field in self.fields:
            if field.name in seen or field.name == MARK.name:
                raise HowlkitError(f"two fields of the schema are called {field.name!r}")
            if field.when is not None and field.when[0] not in seen:
                raise HowlkitError(
                    f"field {field.name!r} depends on {field.when[0]!r}, which is not before it; "
                    f"before it are {', '.join(seen) or 'none'}"
                )
            seen[field.name] = field
        if not self.fields:
            raise HowlkitError("a schema needs at least one field")

    def __getitem__(self, name: str) -> Field:
        """Return the field called `name`; KeyError if there is none."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.decisions}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, without `mark`."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def decisions(self) -> tuple[Field, ...]:
        """Every field in the order of deciding: `mark` first."""
        return (MARK, *self.fields)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of steps: `mark` and a column for each field."""
        return np.dtype([(field.name, field.dtype) for field in self.decisions])

    def steps(self, n: int) -> Steps:
        """Return n rows of zeros: ordinary steps, every field 0."""
        return np.zeros(n, self.dtype)

    def frame(self, steps: Steps, *, start: bool, end: bool) -> Steps:
        """Return `steps` with a start row before and an end row after, where asked for."""
        framed = self.steps(start + len(steps) + end)
        framed[int(start) : int(start) + len(steps)] = steps
        if start:
            framed["mark"][0] = START
        if end:
            framed["mark"][-1] = END
        return framed

    def active(self, field: Field, given: Any) -> Any:  # noqa: ANN401 - numpy or torch columns
        """Return, row by row, whether `field` is decided; `given` holds the fields before it.

        `given` is a structured array or a dict of arrays or tensors by field name.
        """
        if field.name == MARK.name:
            return given["mark"] == given["mark"]
        active = given["mark"] == STEP
        if field.when is not None:
            name, values = field.when
            chosen = given[name] == values[0]
            for value in values[1:]:
                chosen = chosen | (given[name] == value)
            active = active & chosen & self.active(self[name], given)
        return active

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict with a format version; `from_json` is its inverse."""
        fields = [field.to_json() for field in self.fields]
        return {"format": FORMAT, "clock": self.clock, "fields": fields}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Schema:
        """Return the schema that `to_json` described; HowlkitError for a newer format."""
        if data.get("format") != FORMAT:
            raise HowlkitError(
                f"schema format {data.get('format')!r} is not {FORMAT}, the one this version reads"
            )
        return cls(tuple(Field.from_json(f) for f in data["fields"]), data["clock"])
