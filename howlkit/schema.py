"""The fields of a step, by name, in the order in which they are decided.

An encoder turns a Piece into **steps**, a numpy structured array with a column for each field and
one more, `mark`, that says what each row is: an ordinary step, the start of the piece, or its end.
`encode` returns start, steps, end. The start row is input only and never predicted. `mark` is
decided first; the other fields of a row are decided only if it is `STEP`. No code addresses a field
by its position: arrays have named columns, batches are dicts of tensors by field name.

A field is of one of three kinds:

class   one of n values (a pitch, a program, a shift on a grid);
real    a bounded number, kept as the nearest of n evenly spaced cells, so that its likelihood is
        the mass of a cell and never a density, which has no bound where values repeat exactly;
bits    n bits of a slice (the keys of a piano-roll), (T, n) in the array. A slice is decided as a
        series of choices, "which bit is on next, lowest first, or none".

A **derived** field is input only: it follows from the steps so far (the position in the bar of the
next step, how long a pitch has been held), costs no nats and is no decision. The encoder fills it
in in every row, the start row too; while sampling its grammar does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.errors import HowlkitError

__all__ = ["END", "MARK", "START", "STEP", "Field", "Schema", "Steps", "bits", "real"]

STEP, END, START = 0, 1, 2
"""The values of the column `mark`."""

STEP_ARRAY = np.array([STEP], np.uint8)
"""STEP to compare short columns with: numpy takes three times as long with a number."""

FORMAT = 3

Steps = NDArray[Any]
"""A structured array of a `Schema.dtype`."""

Kind = Literal["class", "bits", "real"]


@dataclass(frozen=True)
class Field:
    """One value of a step, one of `n`; `bits` and `real` make fields of the other kinds.

    name: a Python identifier, unique in its schema; the column of the structured array.
    n: the number of values, 0 .. n-1 (class), of bits (bits), or of cells (real).
    ordered: neighbouring values mean similar things (velocity, duration); they are no mere labels.
    when: (name of an earlier class field, its values): this field is decided only where that field
        has one of the values; elsewhere it is 0 in the array and costs no nats. None: always.
    unit: what the values count, for people ("1/24 beat", "semitone", "MIDI program").
    derived: input only, as the head of this module says; class fields only.
    relative_to: values that this one is often near, each (name of a class column, a number to add).
        If the column is decided before this field, its value in this step counts (the pitch of a
        higher voice), else its value in the row before (the pitch that a voice sounds). Where that
        value is 0 there is none; but for a field decided before, the first value in its own
        `relative_to` is taken.
    low, resolution: of a real field, the number of cell 0, and the distance between cells.
    Raises HowlkitError for a field that is not allowed.

    >>> Field("pitch", 128, ordered=True, unit="semitone").dtype
    dtype('uint8')
    """

    name: str
    n: int
    ordered: bool = False
    when: tuple[str, tuple[int, ...]] | None = None
    unit: str = ""
    derived: bool = False
    relative_to: tuple[tuple[str, int], ...] = ()
    kind: Kind = "class"
    low: float = 0.0
    resolution: float = 1.0

    def __post_init__(self) -> None:
        """Check the name, the number of values, and that the attributes fit each other."""
        if not self.name.isidentifier():
            raise HowlkitError(f"field name {self.name!r} is no Python identifier")
        if not 1 <= self.n <= 65536:
            raise HowlkitError(f"field {self.name!r} has n={self.n}; 1..65536 are allowed")
        if self.kind not in ("class", "bits", "real"):
            raise HowlkitError(
                f"field {self.name!r} is of kind {self.kind!r}, which this version of howlkit does "
                "not know; install the version that wrote it, or a later one"
            )
        if self.derived and (self.kind != "class" or self.when is not None):
            raise HowlkitError(
                f"field {self.name!r} is derived: it must be a class field without `when`"
            )
        if not self.resolution > 0:
            raise HowlkitError(
                f"field {self.name!r} has resolution {self.resolution}; it must be above 0"
            )

    @property
    def choices(self) -> int:
        """The number of values of one choice: n, and for bits one more, which is "none"."""
        return self.n + (self.kind == "bits")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the column: the smallest unsigned integer; for bits, n bytes."""
        if self.kind == "bits":
            return np.dtype(("u1", (self.n,)))
        return np.dtype("u1" if self.n <= 256 else "<u2")

    def cells(self, values: ArrayLike) -> NDArray[np.int64]:
        """Return the nearest cell to each value of a real field; out of range, the last cell.

        >>> real("volume", 0, 1, resolution=0.25).cells([0.3, 7]).tolist()
        [1, 4]
        """
        cells = np.rint((np.asarray(values, np.float64) - self.low) / self.resolution)
        return np.clip(cells, 0, self.n - 1).astype(np.int64)

    def values(self, cells: ArrayLike) -> NDArray[np.float64]:
        """Return the number that each cell of a real field stands for; the inverse of `cells`.

        >>> real("volume", 0, 1, resolution=0.25).values([1, 4]).tolist()
        [0.25, 1.0]
        """
        return np.asarray(self.low + np.asarray(cells, np.float64) * self.resolution)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; `from_json` is its inverse."""
        when = None if self.when is None else [self.when[0], list(self.when[1])]
        data = {
            "kind": self.kind,
            "name": self.name,
            "n": self.n,
            "ordered": self.ordered,
            "when": when,
            "unit": self.unit,
            "derived": self.derived,
            # The name of `relative_to` in format 3.
            "near": [list(reference) for reference in self.relative_to],
        }
        if self.kind == "real":
            data |= {"low": self.low, "resolution": self.resolution}
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Field:
        """Return the field that `to_json` described; HowlkitError for an unknown kind."""
        when = None if data["when"] is None else (data["when"][0], tuple(data["when"][1]))
        references = tuple((name, more) for name, more in data["near"])
        stored = {name: value for name, value in data.items() if name != "near"}
        return cls(**{**stored, "when": when, "relative_to": references})


def bits(
    name: str, n: int, *, when: tuple[str, tuple[int, ...]] | None = None, unit: str = ""
) -> Field:
    """Return a field of n bits, decided from the lowest up.

    >>> bits("keys", 88).choices
    89
    """
    return Field(name, n, when=when, unit=unit, kind="bits")


def real(
    name: str,
    low: float,
    high: float,
    *,
    resolution: float,
    when: tuple[str, tuple[int, ...]] | None = None,
    unit: str = "",
) -> Field:
    """Return a field of the numbers low, low + resolution .. high.

    >>> real("volume", 0, 1, resolution=1 / 127).n
    128
    """
    n = round((high - low) / resolution) + 1
    return Field(name, n, True, when, unit, kind="real", low=low, resolution=resolution)


MARK = Field("mark", 3, unit="step, end or start")


@dataclass(frozen=True)
class Schema:
    """The fields of a step in the order in which they are decided; `mark` comes before them.

    clock: the unit of the encoder's time. notes: returns which notes the values of the fields begin
    (`note_pitches.NotePitches`, or None if the encoder does not say); the wrapper of an encoder
    sets it. It is neither stored nor compared.
    Raises HowlkitError for a repeated name, or a `when` that names no earlier field.

    >>> schema = Schema((Field("kind", 2), Field("pitch", 128, when=("kind", (1,)))))
    >>> schema.dtype.names
    ('mark', 'kind', 'pitch')
    >>> steps = schema.steps(2)
    >>> steps["kind"] = 0, 1
    >>> schema.active(schema["pitch"], steps).tolist()
    [False, True]
    """

    fields: tuple[Field, ...]
    clock: Literal["beats", "seconds"] = "beats"
    notes: Callable[[], Any] | None = dataclass_field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check the names, and that each `when` names an earlier field."""
        seen: dict[str, Field] = {}
        for field in self.fields:
            if field.name in seen or field.name == MARK.name:
                raise HowlkitError(f"two fields of the schema are called {field.name!r}")
            possible = [f.name for f in seen.values() if f.kind == "class" and not f.derived]
            if field.when is not None and field.when[0] not in possible:
                raise HowlkitError(
                    f"field {field.name!r} depends on {field.when[0]!r}, which is no class field "
                    f"before it; before it are {', '.join(possible) or 'none'}"
                )
            seen[field.name] = field
        for field in self.fields:
            for name, _ in field.relative_to:
                if getattr(seen.get(name), "kind", "") != "class":
                    raise HowlkitError(
                        f"field {field.name!r} is relative to {name!r}, which is no class field"
                    )
        if all(field.derived for field in self.fields):
            raise HowlkitError("a schema needs at least one field that is decided")

    def __getitem__(self, name: str) -> Field:
        """Return the field called `name`; KeyError if there is none."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.columns}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, without `mark`."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def columns(self) -> tuple[Field, ...]:
        """All columns of steps: `mark`, then the fields."""
        return (MARK, *self.fields)

    @cached_property
    def decisions(self) -> tuple[Field, ...]:
        """All fields that are decided, in their order: `mark` first."""
        return tuple(field for field in self.columns if not field.derived)

    @cached_property
    def derived(self) -> tuple[Field, ...]:
        """The fields that are input only."""
        return tuple(field for field in self.columns if field.derived)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of steps: `mark` and a column for each field."""
        return np.dtype([(field.name, field.dtype) for field in self.columns])

    @cached_property
    def row(self) -> np.dtype[Any]:
        """The dtype of a whole row as bytes; view steps as this to copy them.

        numpy copies a structured array field by field, which takes thirty times as long.
        """
        return np.dtype((np.void, self.dtype.itemsize))

    def steps(self, n: int) -> Steps:
        """Return n rows of zeros: ordinary steps, every field 0."""
        return np.zeros(n, self.dtype)

    def frame(self, steps: Steps, *, before: int = 0, end: bool = True) -> Steps:
        """Return what `encode` returns for `steps`: an input-only row, the steps, an end row.

        before: how many of `steps` come before the excerpt; only the last of them is kept, as the
            input-only row. If there are none, that is a start row, its derived fields 0.
        end: whether the excerpt has the end of the piece.

        >>> schema = Schema((Field("pitch", 128),))
        >>> schema.frame(schema.steps(2))["mark"].tolist() == [START, STEP, STEP, END]
        True
        """
        framed = self.steps(1 + len(steps) - before + end)
        framed.view(self.row)[1 : len(framed) - end] = steps[before:].view(self.row)
        if before:
            framed[0] = steps[before - 1]
        else:
            framed["mark"][0] = START
        if end:
            framed["mark"][-1] = END
        return framed

    def blank(self, n: int) -> Steps:
        """Return n ordinary steps, every field 0, between a first and a last row for `cut`."""
        return self.steps(n + 2)

    def cut(self, rows: Steps, *, before: int, stop: int, end: bool) -> Steps:
        """Return what `frame` returns for steps `before` to `stop`, without a copy.

        rows: from `blank`, with the steps filled in; a row outside the excerpt may be overwritten.
        """
        stop = max(before, stop)
        framed = rows[before : 1 + stop + end]
        if not before:
            framed["mark"][0] = START
        if end:
            if stop + 2 < len(rows):
                framed.view(self.row)[-1:] = self.steps(1).view(self.row)
            framed["mark"][-1] = END
        return framed

    def active(self, field: Field, given: Any) -> Any:  # noqa: ANN401 - numpy or torch columns
        """Return for each row whether `field` has a value; `given` holds the fields before it.

        `given` is a structured array, or a dict of arrays or tensors by field name. A derived field
        has a value in every row.
        """
        if field.name == MARK.name or field.derived:
            return given["mark"] == given["mark"]
        active = given["mark"] == STEP
        for name, values in self._conditions[field.name]:
            active = active & _among(given[name], values)
        return active

    @cached_property
    def _conditions(self) -> dict[str, tuple[tuple[str, Sequence[int]], ...]]:
        """For each field, the conditions for it to be decided: (column, its values)."""
        conditions: dict[str, tuple[tuple[str, Sequence[int]], ...]] = {}
        for field in self.fields:
            conditions[field.name] = ()
            if field.when is not None:
                name, values = field.when
                conditions[field.name] = (*conditions[name], (name, _as_range(values)))
        return conditions

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


def _as_range(values: tuple[int, ...]) -> Sequence[int]:
    """Return values as a range if they have no gaps, since a field may have hundreds."""
    every = range(min(values), max(values) + 1)
    return every if len(set(values)) == len(every) else values


def _among(column: Any, values: Sequence[int]) -> Any:  # noqa: ANN401 - numpy or torch
    """Return where `column` has one of `values`."""
    if isinstance(values, range) and len(values) > 1:
        return (column >= values[0]) & (column <= values[-1])
    found = column == values[0]
    for value in values[1:]:
        found = found | (column == value)
    return found
