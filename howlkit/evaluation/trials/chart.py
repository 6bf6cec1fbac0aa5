"""The report of a comparison as a picture: nats a note and nats a second, with their intervals.

A row for each pair of encoder and model, a colour for each model; the pairs of an encoder stand
together. Lengths are CSS pixels. Colours change on dark screens (SVG); a PNG is light.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from howlkit.music.plot import saving
from howlkit.music.plot.colours import INK, PALE_INK, PALETTE, round_step
from howlkit.music.plot.drawing import Drawing, Label, Shape, boxes, text_width
from howlkit.training.progress import Budget

__all__ = ["MARKER", "check_name", "draw", "save"]

Report = Mapping[str, Any]

MARKER = b"howlkit compare: "
"""What a file begins its title with, by which it is known as drawn by this module."""

SIZE = 12.0  # of text
ROW, GAP = 26, 10  # a pair, and what is between two encoders
TOP, FOOT, EDGE = 66, 34, 16
PANEL, BETWEEN = 330, 30
TICKS = 5  # at least so many parts of an axis, about

PANELS = {"nats_per_note": "nats a note", "nats_per_second": "nats a second of music"}

GRID = "#e4e4e0"
DARK = {
    "#ffffff": "#1c1c1f",
    INK: "#e6e6e3",
    PALE_INK: "#a5a5a5",
    GRID: "#3a3a3d",
    "#332288": "#9f90ee",
    "#cc6677": "#e58a99",
    "#44aa99": "#5cc4b3",
    "#999933": "#c4c45c",
    "#882255": "#d873a5",
    "#117733": "#4fb672",
    "#aa4499": "#d57fc8",
}


def check_name(path: Path) -> None:
    """Raise HowlkitError unless the name of a file to draw into ends in .svg or .png."""
    saving.check_suffix(path)


def save(report: Report, path: Path) -> None:
    """Draw a report into a file; an old file is replaced. HowlkitError if it cannot be written."""
    saving.save_drawing(draw(report), path)


def draw(report: Report) -> Drawing:
    """Return the picture of a report."""
    pairs = report["pairs"]
    names = [f"{pair['encoder']} + {pair['model']}" for pair in pairs]
    gutter = EDGE + max(text_width(name, SIZE) for name in names) + 14
    lines = list(_lines(pairs))
    bottom = lines[-1] + ROW / 2
    models = list(dict.fromkeys(pair["model"] for pair in pairs))
    fills = [PALETTE[models.index(pair["model"]) % len(PALETTE)] for pair in pairs]
    title = MARKER.decode() + report["data"]["summary"]
    shapes: list[Shape] = [
        Label(EDGE, 24, f"{report['data']['summary']}, {report['part']} part", 14, INK),
        Label(EDGE, 42, _how(report), SIZE - 1, PALE_INK),
    ]
    shapes += [
        Label(gutter - 14, y + 4, name, SIZE, INK, "end")
        for name, y in zip(names, lines, strict=True)
    ]
    for number, (rate, heading) in enumerate(PANELS.items()):
        scale = _Scale.of(pairs, rate, gutter + number * (PANEL + BETWEEN))
        shapes += _panel(scale, heading, bottom)
        for pair, y, fill in zip(pairs, lines, fills, strict=True):
            shapes += _value(pair, rate, scale, y, fill)
    width = math.ceil(gutter + len(PANELS) * (PANEL + BETWEEN) - BETWEEN + EDGE)
    return Drawing(width, math.ceil(bottom + FOOT), shapes, title, dark=DARK)


def _how(report: Report) -> str:
    seeds = f", {report['seeds']} seeds" if report["seeds"] > 1 else ""
    bars = ", bars: 95 %" if report["bootstrap"]["groups"] > 1 else ""
    return f"trained for {Budget(**report['budget'])} each{seeds}; fewer nats are better{bars}"


def _lines(pairs: list[Report]) -> Iterator[float]:
    """Yield the height of each pair's row."""
    y, before = float(TOP + ROW / 2), pairs[0]["encoder"]
    for pair in pairs:
        y += GAP * (pair["encoder"] != before)
        yield y
        y, before = y + ROW, pair["encoder"]


@dataclass(frozen=True)
class _Scale:
    """An axis of a panel: `low` nats lie at `left`, `high` at the panel's end."""

    left: float
    low: float
    high: float
    step: float

    @classmethod
    def of(cls, pairs: list[Report], rate: str, left: float) -> _Scale:
        """Return an axis with whole steps around all values and intervals."""
        values = [pair[rate] for pair in pairs if pair[rate] is not None]
        values += [end for pair in pairs for end in pair["intervals"][rate] or ()]
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        wide = (high - low) or abs(high) or 1.0
        step = round_step(wide / TICKS)
        return cls(left, step * math.floor(low / step), step * math.ceil(high / step), step)

    def at(self, nats: float) -> float:
        """Return where a number lies."""
        return self.left + PANEL * (nats - self.low) / ((self.high - self.low) or 1.0)

    def ticks(self) -> Iterator[float]:
        """Yield the numbers to write below the axis."""
        for number in range(round((self.high - self.low) / self.step) + 1):
            yield self.low + number * self.step


def _panel(scale: _Scale, heading: str, bottom: float) -> Iterator[Shape]:
    digits = max(0, -math.floor(math.log10(scale.step)))
    yield Label(scale.left, TOP - 4, heading, SIZE, INK)
    for tick in scale.ticks():
        x = scale.at(tick)
        yield boxes((x - 0.5, TOP + 2, 1, bottom - TOP), GRID)
        yield Label(x, bottom + 16, f"{tick:.{digits}f}", SIZE - 2, PALE_INK, "middle")


def _value(pair: Report, rate: str, scale: _Scale, y: float, fill: str) -> Iterator[Shape]:
    """Yield the bar of an interval and the dot of its value."""
    if pair[rate] is None:
        yield Label(scale.left + 6, y + 4, "no likelihood", SIZE - 1, PALE_INK)
        return
    ends = pair["intervals"][rate]
    if ends is not None:
        low, high = (scale.at(end) for end in ends)
        yield boxes((low, y - 1.5, max(high - low, 1), 3), fill)
        yield boxes([(x - 1, y - 5, 2, 10) for x in (low, high)], fill)
    x = scale.at(pair[rate])
    yield boxes((x - 5, y - 5, 10, 10), fill, radius=5)
