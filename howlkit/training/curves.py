"""The curves of a run as SVG: nats a note in training and in validation, over the steps.

Lengths are CSS pixels. The colours are readable on light and on dark pages. The upper end of the
axis leaves out the first tenth of the validations, where a run falls from far above.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from howlkit.music.plot.colours import PALETTE
from howlkit.training.progress import Progress

__all__ = ["svg"]

WIDTH, HEIGHT = 560, 220
LEFT, RIGHT, TOP, FOOT = 48, 12, 28, 30

INK = "#7a7a7a"
COLOURS = {"training": PALETTE[7], "validation": PALETTE[1]}

Points = Sequence[tuple[int, float]]


def svg(reports: Sequence[Progress], *, title: str = "") -> str:
    """Return the picture of what a run has logged (`Metrics.read`); "" if there is no curve yet."""
    curves = {
        "training": _finite((each.step, each.nats_per_note) for each in reports),
        "validation": _finite((r.step, r.validation) for r in reports if r.validated),
    }
    last = max((points[-1][0] for points in curves.values() if points), default=0)
    values = [nats for points in curves.values() for _, nats in points[len(points) // 10 :]]
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    high = low + 1 if high == low else high

    def x(step: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(last, 1)

    def y(nats: float) -> float:
        return TOP + (HEIGHT - TOP - FOOT) * (high - min(nats, high)) / (high - low)

    parts = [_text(LEFT, 16, title, "start")]
    for part in range(5):
        nats, step = low + (high - low) * part / 4, round(last * part / 4)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(nats):.1f}" y2="{y(nats):.1f}" '
            f'stroke="{INK}" stroke-opacity="0.3"/>'
        )
        parts.append(_text(LEFT - 6, y(nats) + 4, f"{nats:.2f}", "end"))
        parts.append(_text(x(step), HEIGHT - 10, f"{step:,}", "middle" if part < 4 else "end"))
    for number, (name, points) in enumerate(curves.items()):
        line = " ".join(f"{x(step):.1f},{y(nats):.1f}" for step, nats in points)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
        )
        parts.append(_text(WIDTH - RIGHT - 90 * (1 - number), 16, name, "end", COLOURS[name]))
    label = f"Nats a note over {last:,} steps, in training and in validation"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-label="{label}" font-family="sans-serif" '
        f'font-size="11">{"".join(parts)}</svg>'
    )


def _finite(points: Iterable[tuple[int, float | None]]) -> Points:
    return [(step, nats) for step, nats in points if nats is not None and math.isfinite(nats)]


def _text(x: float, y: float, text: str, anchor: str, fill: str = INK) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}"'
    return f"<text {where}>{escape(text)}</text>"
