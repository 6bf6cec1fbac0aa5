"""The course of a training as a picture: nats a note over steps, as SVG that the page colours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from howlkit.training.progress import Progress

__all__ = ["curves"]

WIDTH, HEIGHT = 900, 300
LEFT, RIGHT, TOP, FOOT = 46, 96, 12, 34  # px around the panel; names of curves stand at the right
_LINES = 5  # of the grid, about
_APART = 15.0  # px between two names

Points = list[tuple[float, float]]


def curves(log: Sequence[Progress], *, baseline: float | None) -> str:
    """Return the picture of a run's log with its caption; "" if nothing was measured.

    baseline: nats a note of a unigram model; None: not known.
    """
    training = [(p.step, p.nats_per_note) for p in log if math.isfinite(p.nats_per_note)]
    validation = [(p.step, p.validation) for p in log if p.validated and p.validation is not None]
    if len(training) < 2:
        return ""
    panel = _Panel(training, validation, baseline)
    words = _words(training, validation)
    return (
        '<figure class="curves"><div tabindex="0" role="region" aria-label="Curves">'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{words}">{"".join(panel.elements())}</svg></div>'
        f"<figcaption>{words} Training is measured with dropout and augmentation, so it may lie "
        "above validation.</figcaption></figure>"
    )


def _words(training: Points, validation: Points) -> str:
    steps = f"Nats a note over {training[-1][0]:,.0f} steps."
    if not validation:
        return steps
    step, best = min(validation, key=lambda point: point[1])
    return f"{steps} The best validation is {best:.3f}, at step {step:,.0f}."


class _Panel:
    """The axes and what is drawn in them."""

    def __init__(self, training: Points, validation: Points, baseline: float | None) -> None:
        self.training, self.validation = training, validation
        self.steps = max(point[0] for point in training)
        # The first steps of a training would leave the rest flat: they go beyond the top.
        usual = float(np.quantile([value for _, value in training], 0.97))
        highest = max(usual, *(value for _, value in validation), baseline or 0.0)
        lowest = min(value for _, value in (*training, *validation))
        margin = 0.05 * max(highest - lowest, 1e-3)
        self.low, self.high = lowest - margin, highest + margin
        self.baseline = baseline

    def x(self, step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / self.steps

    def y(self, nats: float) -> float:
        part = (min(nats, self.high) - self.low) / (self.high - self.low)
        return TOP + (HEIGHT - TOP - FOOT) * (1 - part)

    def elements(self) -> Iterator[str]:
        """Yield the grid, the curves, and their names at the right."""
        yield from self._grid()
        names = [("training", self.training[-1][1])]
        if self.baseline is not None:
            level = self.y(self.baseline)
            yield f'<path class="curve baseline" d="M{LEFT} {level:.1f}H{WIDTH - RIGHT}"/>'
            names.append(("unigram", self.baseline))
        yield self._curve("training", self.training)
        if self.validation:
            yield self._curve("validation", self.validation)
            step, best = min(self.validation, key=lambda point: point[1])
            yield f'<circle class="best" cx="{self.x(step):.1f}" cy="{self.y(best):.1f}" r="4"/>'
            names.append(("validation", self.validation[-1][1]))
        yield from self._names(names)

    def _curve(self, name: str, points: Points) -> str:
        path = "L".join(f"{self.x(step):.1f} {self.y(nats):.1f}" for step, nats in points)
        return f'<path class="curve {name}" d="M{path}"/>'

    def _names(self, names: list[tuple[str, float]]) -> Iterator[str]:
        lowest = -math.inf
        for name, nats in sorted(names, key=lambda each: -each[1]):
            lowest = max(self.y(nats) + 4, lowest + _APART)
            yield f'<text x="{WIDTH - RIGHT + 8}" y="{lowest:.1f}">{name}</text>'

    def _grid(self) -> Iterator[str]:
        for nats in _round(self.low, self.high):
            y = self.y(nats)
            yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{nats:g}</text>'
        for step in _round(0, self.steps):
            label = f"{step:,.0f}" if step else "step 0"
            x = self.x(step)
            yield f'<text x="{x:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{label}</text>'


def _round(low: float, high: float) -> list[float]:
    """Return round numbers from low to high, about `_LINES` of them."""
    rough = (high - low) / _LINES
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]
