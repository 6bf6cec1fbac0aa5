"""Random walks through a grammar: steps that it allows, with many extreme and rare values.

B rows, T steps.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.protocols import DerivingGrammar, Encoder, Grammar
from howlkit.schema import END, START, STEP, Field, Schema, Steps
from howlkit.testing.checks import require
from howlkit.testing.note_columns import note_columns

__all__ = [
    "STYLES",
    "StepChooser",
    "Walk",
    "answers",
    "derive",
    "first_difference",
    "step_text",
    "walk",
]

STYLES = ("even", "extreme", "small", "rare")
"""How to choose among the allowed values.

even: all alike. extreme: the least or the greatest more often. small: one of the least three. rare:
values that are seldom allowed more often.
"""


@dataclass
class StepChooser:
    """Draws random steps that a grammar allows.

    style: one of STYLES. seen: how often each value was allowed, by field.
    """

    schema: Schema
    rng: np.random.Generator
    style: str
    seen: dict[str, Any] = field(default_factory=lambda: defaultdict(int))

    def step(self, grammar: Grammar, alive: NDArray[np.bool_]) -> tuple[Steps, NDArray[np.bool_]]:
        """Return a step (B,), and (B,) in which rows the piece could end instead.

        alive: (B,) the rows to draw for. A row ends only if nothing else is allowed.
        """
        step = self.schema.steps(len(alive))
        may_end = np.zeros(len(alive), bool)
        for decided in self.schema.decisions:
            active = alive & self.schema.active(decided, step)
            if not active.any():
                continue
            if decided.kind == "bits":
                self._bits(grammar, decided, step, active)
                continue
            allowed = checked_mask(grammar, decided, step, active)
            if decided.name == "mark":
                may_end = alive & allowed[:, END]
                allowed = np.where(allowed[:, [STEP]], np.arange(3) == STEP, allowed)
            for row in np.flatnonzero(active):
                step[decided.name][row] = self._draw(decided, allowed[row])
        return step, may_end

    def _bits(
        self, grammar: Grammar, decided: Field, step: Steps, going: NDArray[np.bool_]
    ) -> None:
        for _ in range(decided.n + 1):
            if not going.any():
                return
            values = step[decided.name]
            on = np.arange(decided.n)[None] * (values > 0) + (values > 0) - 1  # -1 where off
            above = np.arange(decided.choices) > on.max(axis=1)[:, None]
            allowed = checked_mask(grammar, decided, step, going, among=above)
            for row in np.flatnonzero(going):
                enough = allowed[row, -1] and self.rng.random() < 0.4
                value = decided.n if enough else self._draw(decided, allowed[row])
                if value < decided.n:
                    step[decided.name][row, value] = 1
                else:
                    going = going & (np.arange(len(going)) != row)

    def _draw(self, decided: Field, allowed: NDArray[np.bool_]) -> int:
        there = np.flatnonzero(allowed)
        self.seen[decided.name] = self.seen[decided.name] + allowed
        if self.style == "extreme":
            there = self.rng.choice([there[:1], there[-1:], there][self.rng.integers(3)], 1)
        elif self.style == "small":
            there = there[:3]
        elif self.style == "rare":
            weights = 1.0 / self.seen[decided.name][there] ** 2.0
            return int(self.rng.choice(there, p=weights / weights.sum()))
        return int(self.rng.choice(there))


def checked_mask(
    grammar: Grammar,
    decided: Field,
    step: Steps,
    active: NDArray[np.bool_],
    *,
    among: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Return the mask `allowed` (B, field.choices).

    Raises CheckFailed if its shape is wrong, or if it allows nothing in an active row.
    among: for bits, the choices that are left.
    """
    allowed = np.asarray(grammar.allowed(decided, step.copy()))
    wanted = (len(step), decided.choices)
    require(
        allowed.shape == wanted and allowed.dtype == bool,
        expected=f"`allowed` of {decided.name!r} to be bool of shape {wanted}",
        got=f"{allowed.dtype} of shape {allowed.shape}",
        look="`grammar(...).allowed`",
    )
    if decided.name == "mark":
        allowed = allowed & (np.arange(3) != START)
    if among is not None:
        allowed = allowed & among
    stuck = np.flatnonzero(active & ~allowed.any(axis=1))
    require(
        not len(stuck),
        expected=f"a value for {decided.name!r} that is allowed, in every row",
        got=f"none in row {stuck[0] if len(stuck) else 0}, given {first_row_text(step, stuck)}",
        look="whether the fields before it were allowed values that leave nothing for this one",
    )
    return allowed


@dataclass(frozen=True)
class Walk:
    """The pieces that a walk made.

    rows: at most B arrays of steps, each a whole piece: start, steps, end, with derived fields.
    seed, style: how they were made.
    """

    seed: int
    style: str
    rows: list[Steps]

    def __str__(self) -> str:
        """Return the seed and the style, with which it can be made again."""
        return f"walk of seed {self.seed}, style {self.style!r}"


def walk(
    encoder: Encoder,
    seed: int,
    *,
    rows: int = 3,
    length: int = 40,
    like: Piece | None = None,
) -> Walk:
    """Return whole pieces that the grammar allows; half way, rows are reordered and repeated.

    They are about `length` steps long, or longer (at most three times) if they cannot end there.
    """
    schema, style = encoder.schema, STYLES[seed % len(STYLES)]
    chooser = StepChooser(schema, np.random.default_rng([seed, 77]), style)
    grammar = encoder.grammar(rows, like=like)
    first = schema.steps(rows)
    first["mark"] = START
    derive(schema, grammar, first, np.ones(rows, bool))
    made, alive, whole = [first], np.ones(rows, bool), np.zeros(rows, np.int64)
    for number in range(3 * length):
        if number == length // 2:
            order = chooser.rng.integers(0, rows, rows)
            grammar = grammar.select(order)
            made = [step[order] for step in made]
            alive, whole = alive[order], whole[order]
        if number == length:
            chooser.style = "rare"  # a way to an end
        step, may_end = chooser.step(grammar, alive)
        whole = np.where(may_end, len(made), whole)
        alive = alive & (step["mark"] == STEP)
        if not alive.any() or (number > length and (whole > length).all()):
            break
        grammar.push(step, alive)
        derive(schema, grammar, step, alive)
        made.append(step)
    table = np.stack(made, axis=1)
    pieces = []
    for row, stop in zip(table, whole.tolist(), strict=True):
        if not stop:  # nowhere could it end
            continue
        framed = schema.steps(stop + 1)
        framed[:stop] = row[:stop]
        framed["mark"][stop] = END
        pieces.append(framed)
    return Walk(seed, style, pieces)


def derive(schema: Schema, grammar: Grammar, step: Steps, rows: NDArray[np.bool_]) -> None:
    """Write the derived fields into these rows of `step` (B,), the step that was pushed last."""
    for derived in schema.derived:
        step[derived.name][rows] = cast(DerivingGrammar, grammar).derived(derived)[rows]


def answers(schema: Schema, grammar: Grammar, step: Steps) -> dict[str, NDArray[Any]]:
    """Return the answers of a grammar to all questions up to `step` (B,): arrays (B, ...) by name.

    Masks are all False where a field is not active; note choices 0 where they are not allowed.
    """
    said: dict[str, NDArray[Any]] = {"now": np.array(grammar.now, copy=True)}
    for derived in schema.derived:
        said[f"derived {derived.name!r}"] = np.array(
            cast(DerivingGrammar, grammar).derived(derived)
        )
    so_far = step.copy()
    for decided in schema.decisions:
        if decided.kind == "bits":
            so_far[decided.name] = 0
    for decided in schema.decisions:
        active = schema.active(decided, step)
        mask = np.array(grammar.allowed(decided, so_far.copy()))
        mask &= active[:, None]
        said[f"allowed of {decided.name!r}"] = mask
        if hasattr(grammar, "note_choices"):
            columns = note_columns(grammar, decided, so_far.copy())
            if columns is not None:
                said[f"note choices of {decided.name!r}"] = columns * mask[:, :, None]
        so_far[decided.name] = step[decided.name]
    return said


def step_text(schema: Schema, row: Any) -> str:  # noqa: ANN401 - one row of steps
    """Return a step in words, such as "step shift=3 pitch=60 keys={1, 5}"."""
    parts = [("step", "end", "start")[min(int(row["mark"]), 2)]]
    for column in schema.fields:
        value = row[column.name]
        if column.kind == "bits":
            parts.append(f"{column.name}={{{', '.join(map(str, np.flatnonzero(value)))}}}")
        elif column.derived or schema.active(column, row):
            parts.append(f"{column.name}={value}")
    return " ".join(parts)


def first_row_text(step: Steps, rows: NDArray[np.intp]) -> str:
    """Return all columns of a step (B,) in the first of `rows`; "" if `rows` is empty."""
    if not len(rows):
        return ""
    row = step[rows[0]]
    return ", ".join(f"{name}={np.asarray(row[name]).tolist()}" for name in step.dtype.names or ())


def first_difference(schema: Schema, expected: Steps, got: Steps) -> tuple[str, str] | None:
    """Return the first different row, as (expected, got) for people; None if all are equal.

    Derived fields of an end row are ignored, because an end row is never input.
    """
    for number in range(max(len(expected), len(got))):
        here, there = (_row(schema, steps, number) for steps in (expected, got))
        if here is None or there is None or here != there:
            sizes = (len(expected), len(got))
            texts = [
                f"only {size} rows" if row is None else f"row {number}: {step_text(schema, row)}"
                for row, size in zip((here, there), sizes, strict=True)
            ]
            return texts[0], texts[1]
    return None


def _row(schema: Schema, steps: Steps, number: int) -> Any:  # noqa: ANN401 - one row of steps
    """Return a row, with derived fields 0 if it is an end; None if there are not so many rows."""
    if number >= len(steps):
        return None
    row = steps[number].copy()
    if row["mark"] == END:
        for derived in schema.derived:
            row[derived.name] = 0
    return row
