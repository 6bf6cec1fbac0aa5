"""Tables as text: aligned columns, and numbers with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["columns", "interval", "plain"]


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> Iterator[str]:
    r"""Yield lines of aligned columns: the first `left` flush left, the others flush right.

    >>> print(*columns(["", "nats"], [["lstm", "7.1"], ["gru", "10.2"]]), sep="\n")
          nats
    lstm   7.1
    gru   10.2
    """
    table = [heads, *rows]
    widths = [max(len(row[k]) for row in table) for k in range(len(heads))]
    for row in table:
        sides = ("<" if k < left else ">" for k in range(len(row)))
        cells = [
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ]
        yield "  ".join(cells).rstrip()


def plain(value: float | None, digits: int = 3) -> str:
    """Return a number with three digits after the point; "-" for None.

    >>> plain(7.12), plain(None)
    ('7.120', '-')
    """
    return "-" if value is None else f"{value:.{digits}f}"


def interval(ends: Sequence[float] | None, *, sign: str = "", digits: int = 3) -> str:
    """Return the two ends of an interval; "-" for None.

    >>> interval((7.1, 7.25)), interval((-0.2, 0.1), sign="+", digits=1)
    ('7.100..7.250', '-0.2..+0.1')
    """
    return "-" if ends is None else f"{ends[0]:{sign}.{digits}f}..{ends[1]:{sign}.{digits}f}"
