"""The numbers of a comparison as a table of a page: the run's music, a strip, and each piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from howlkit.evaluation.statistics import Spread
from howlkit.music.page import shown
from howlkit.reports.comparison import Comparison, Row

__all__ = ["statistics_table"]

MOST_COLUMNS = 6
"""The most pieces that have a column each; of more, the table shows the median."""

_STRIP, _HIGH = 200, 22  # px of a strip
_SIDES = {-1: ("below", "▼"), 1: ("above", "▲")}


def statistics_table(comparison: Comparison, names: Sequence[str]) -> str:
    """Return the table as HTML; names: of the pieces, any text."""
    each = len(names) <= MOST_COLUMNS
    heads = [*(names if each else [f"median of {len(names)}"])]
    beside = any(row.reference for row in comparison.rows)
    columns = ["", *(["10 %", "median", "90 %", "where"] if beside else []), *heads]
    head = "".join(f'<th scope="col">{shown(name) or "statistic"}</th>' for name in columns)
    body = "".join(
        f"<tr>{''.join(_cells(row, each=each, beside=beside))}</tr>" for row in comparison.rows
    )
    return (
        '<div class="table" tabindex="0" role="region" aria-label="Statistics"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(row: Row, *, each: bool, beside: bool) -> Iterator[str]:
    yield f'<th scope="row">{shown(row.name.replace("_", " "))}</th>'
    if beside:
        own = row.reference
        if own is not None and not own.pieces:
            own = None
        for value in (None,) * 3 if own is None else (own.low, own.median, own.high):
            yield f"<td>{_number(value)}</td>"
        strip = "" if own is None else _strip(own, row.values)
        yield f'<td class="strip">{strip}</td>'
    if each:
        yield from (_value(row, value) for value in row.values)
    else:
        defined = [value for value in row.values if value is not None]
        yield _value(row, float(np.median(defined)) if defined else None)


def _value(row: Row, value: float | None) -> str:
    """Return the cell of a value; what lies outside the run's music is marked, not by colour."""
    side = row.side(value)
    if not side:
        return f"<td>{_number(value)}</td>"
    word, sign = _SIDES[side]
    mark = f'<span role="img" aria-label="{word} the range">{sign}</span>'
    return f'<td class="outside">{mark} {_number(value)}</td>'


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:,.3g}"


def _strip(own: Spread, values: Sequence[float | None]) -> str:
    """Return a strip: the range of the run's music, its median, and a dot for each piece."""
    dots = [value for value in values if value is not None]
    low, high = min(own.low, *dots, own.high), max(own.high, *dots, own.low)
    wide = max(high - low, 1e-9)

    def x(value: float) -> float:
        return 8 + (_STRIP - 16) * ((value - low) / wide if high > low else 0.5)

    middle = _HIGH / 2
    circles = "".join(
        f'<circle class="dot" cx="{x(value):.1f}" cy="{middle}" r="4.5"/>' for value in dots
    )
    return (
        f'<svg viewBox="0 0 {_STRIP} {_HIGH}" width="{_STRIP}" height="{_HIGH}" aria-hidden="true">'
        f'<rect class="range" x="{x(own.low):.1f}" y="{middle - 5}" height="10" rx="3" '
        f'width="{max(x(own.high) - x(own.low), 2):.1f}"/>'
        f'<rect class="median" x="{x(own.median) - 1:.1f}" y="{middle - 8}" width="2" height="16"/>'
        f"{circles}</svg>"
    )
