"""Several pictures as one: side by side where they are narrow, and takes of a piece alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from howlkit.errors import OptionError
from howlkit.music.piece import Piece
from howlkit.music.plot.drawing import Boxes, Curve, Drawing, Shape
from howlkit.music.plot.roll import WIDTH, Unit, draw

__all__ = ["beside", "draw_takes"]

MOST = 32
"""The most pieces that are drawn in one picture."""

_SHORT = 40.0  # seconds; longer pieces take the whole width


def draw_takes(
    pieces: Sequence[Piece],
    *,
    unit: Unit = "auto",
    width: float | None = None,
    titles: Sequence[str] | None = None,
    marks: Sequence[tuple[int, int] | None] | None = None,
) -> Drawing:
    """Return the piano-rolls of 1 to 32 pieces, with the same axes and colours.

    Pieces of up to 40 seconds stand in two columns. titles: the text above each; None: their names.
    marks: of each piece, the ticks (from, to) that are marked. The rest is as in `roll.draw`.

    >>> draw_takes([Piece.of([(0, 480, 60)]), Piece.of([(0, 480, 72)])]).width
    1200
    """
    if not 1 <= len(pieces) <= MOST:
        raise OptionError(f"one picture shows 1 to {MOST} pieces, and not {len(pieces)}")
    width = WIDTH if width is None else width
    columns = 2 if len(pieces) > 1 and max(p.seconds_long for p in pieces) <= _SHORT else 1
    drawings = [
        draw(
            piece,
            unit=unit,
            width=width / columns,
            title=None if titles is None else titles[number],
            mark=None if marks is None else marks[number],
            among=pieces,
        )
        for number, piece in enumerate(pieces)
    ]
    return beside(drawings, columns=columns)


def beside(drawings: Sequence[Drawing], *, columns: int = 2) -> Drawing:
    """Return pictures as one, row by row; it has the title of the first."""
    wide, high = (max(getattr(d, side) for d in drawings) for side in ("width", "height"))
    shapes: list[Shape] = []
    for number, drawing in enumerate(drawings):
        shapes += _moved(drawing.shapes, number % columns * wide, number // columns * high)
    rows = -(-len(drawings) // columns)
    return dataclasses.replace(drawings[0], width=columns * wide, height=rows * high, shapes=shapes)


def _moved(shapes: Sequence[Shape], right: float, down: float) -> Iterator[Shape]:
    """Yield shapes further to the right and further down."""
    for shape in shapes:
        if isinstance(shape, Boxes):
            yield dataclasses.replace(shape, where=shape.where + [right, down, 0, 0])
        elif isinstance(shape, Curve):
            yield dataclasses.replace(shape, points=shape.points + [right, down])
        else:
            yield dataclasses.replace(shape, x=shape.x + right, y=shape.y + down)
