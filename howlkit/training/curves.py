"""A run as a picture: its training loss, its validation, and what each field cost, over steps.

Lengths are CSS pixels. Colours change on dark screens (SVG); a PNG is light.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from howlkit.errors import DataError, printable
from howlkit.music.plot.colours import INK, PALE_INK, PALETTE, round_step
from howlkit.music.plot.drawing import Boxes, Curve, Drawing, Label, Shape, boxes, text_width
from howlkit.training.progress import Metrics, Progress

__all__ = ["draw", "read"]

WIDTH, HIGH, LEFT, RIGHT, TOP, BETWEEN, FOOT = 1000, 240, 64, 24, 64, 62, 40
NARROW = 640  # of a notebook
TICKS = 5  # parts of an axis, about
GRID = "#e4e4e0"
DARK = {
    "#ffffff": "#1c1c1f",
    INK: "#e6e6e3",
    PALE_INK: "#a5a5a5",
    GRID: "#3a3a3d",
    "#332288": "#9f90ee",
    "#882255": "#d873a5",
    "#117733": "#4fb672",
}

Points = Sequence[tuple[float, float]]


def read(run: Path) -> list[Progress]:
    """Return what a run has logged; DataError if it has logged nothing yet."""
    found = Metrics(run / "metrics.jsonl").read()
    if not found:
        raise DataError(
            f"{printable(run)} has no metrics.jsonl with anything in it: name a run's folder, or a "
            "file of music"
        )
    return found


def draw(logged: Sequence[Progress], *, title: str, width: int = WIDTH) -> Drawing:
    """Return the curves of a run: loss and validation, and below them the fields, if logged.

    logged: at least one. width: in pixels. Values that are no numbers are left out.
    """
    losses = {
        "training": _points((p.step, p.nats_per_note) for p in logged),
        "validation": _points((p.step, p.validation) for p in logged if p.validated),
    }
    names = dict.fromkeys(name for p in logged for name in p.fields or ())
    fields = {
        name: _points((p.step, p.fields.get(name)) for p in logged if p.fields) for name in names
    }
    panels = {"nats a note": losses, "validation, nats a note by field": fields}
    shapes: list[Shape] = [Label(LEFT, 28, title, 17, INK), *_facts(logged, width)]
    bottom = float(TOP)
    for heading, curves in panels.items():
        if any(curves.values()):
            shapes += _panel(heading, curves, bottom, max(p.step for p in logged), width)
            bottom += HIGH + BETWEEN
    return Drawing(width, math.ceil(bottom - BETWEEN + FOOT), shapes, title, dark=DARK)


def _points(values: object) -> Points:
    """Return the pairs of step and value in which the value is a finite number."""
    return [(x, y) for x, y in values if y is not None and math.isfinite(y)]  # type: ignore[attr-defined]


def _facts(logged: Sequence[Progress], width: int) -> Iterator[Shape]:
    last = logged[-1]
    facts = [f"{last.step:,} steps", f"{last.seconds / 60:,.1f} minutes"]
    if last.best is not None:
        facts.append(f"best validation {last.best:.3f}")
    yield Label(width - RIGHT, 28, "  ·  ".join(facts), 11, PALE_INK, "end")


@dataclass(frozen=True)
class _Axis:
    """A linear axis: `low` lies at `begin`, `high` at `end`."""

    low: float
    high: float
    begin: float
    end: float
    step: float

    @classmethod
    def of(cls, values: Sequence[float], begin: float, end: float) -> _Axis:
        low, high = min(values), max(values)
        step = round_step(((high - low) or abs(high) or 1.0) / TICKS)
        low, high = step * math.floor(low / step), step * math.ceil(high / step)
        return cls(low, high if high > low else low + step, begin, end, step)

    def at(self, value: float) -> float:
        return self.begin + (self.end - self.begin) * (value - self.low) / (self.high - self.low)

    def ticks(self) -> Iterator[tuple[float, str]]:
        digits = max(0, -math.floor(math.log10(self.step)))
        for number in range(round((self.high - self.low) / self.step) + 1):
            value = self.low + number * self.step
            yield self.at(value), f"{value:,.{digits}f}"


def _panel(
    heading: str, curves: Mapping[str, Points], top: float, steps: int, width: int
) -> Iterator[Shape]:
    """Draw curves with their axes and names, from `top` down."""
    across = _Axis.of([0, max(steps, 1)], LEFT, width - RIGHT)
    # A loss falls from a height of which nobody needs the detail: most of its values fill the axis.
    values = np.array([y for points in curves.values() for _, y in points])
    ceiling = float(np.quantile(values, 0.98))
    up = _Axis.of([*values[values <= ceiling], ceiling], top + HIGH, top + 8)
    yield Label(LEFT, top - 8, heading, 12, INK)
    for y, text in up.ticks():
        yield boxes((LEFT, y - 0.5, width - LEFT - RIGHT, 1), GRID)
        yield Label(LEFT - 8, y + 4, text, 10, PALE_INK, "end")
    for x, text in across.ticks():
        if x <= width - RIGHT + 1:
            yield Label(x, top + HIGH + 16, text, 10, PALE_INK, "middle")
    yield Label(width - RIGHT, top + HIGH + 32, "steps", 10, PALE_INK, "end")
    x = LEFT + text_width(heading, 12) + 24
    for number, (name, points) in enumerate(curves.items()):
        if not points:
            continue
        fill = PALETTE[number % len(PALETTE)]
        yield boxes((x, top - 14, 14, 3), fill)
        yield Label(x + 19, top - 9, name, 11, INK)
        x += 19 + text_width(name, 11) + 20
        yield from _line(points, across, up, fill)


def _line(points: Points, across: _Axis, up: _Axis, fill: str) -> Iterator[Curve | Boxes]:
    """Draw a curve, cut at the top of its panel; a dot where there is one point only."""
    where = np.array([(across.at(x), max(up.at(y), up.end)) for x, y in points])
    if len(where) > 1:
        yield Curve(where, fill, 1.8)
    if len(where) <= 60:
        yield boxes([(x - 2.5, y - 2.5, 5, 5) for x, y in where.tolist()], fill, radius=2.5)
