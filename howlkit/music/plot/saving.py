"""A piano-roll as SVG text, as PNG bytes, and as a file."""

from __future__ import annotations

from pathlib import Path

from howlkit.atomic_files import write_file
from howlkit.errors import HowlkitError
from howlkit.music.piece import Piece
from howlkit.music.plot.drawing import Drawing
from howlkit.music.plot.roll import Unit, draw

__all__ = ["check_suffix", "save", "save_drawing", "to_png", "to_svg"]


def to_svg(
    piece: Piece, *, unit: Unit = "auto", width: float | None = None, title: str | None = None
) -> str:
    """Return the piano-roll as an SVG document; for the options see `draw`."""
    return draw(piece, unit=unit, width=width, title=title).to_svg()


def to_png(
    piece: Piece,
    *,
    unit: Unit = "auto",
    width: float | None = None,
    title: str | None = None,
    scale: float = 2.0,
) -> bytes:
    """Return the piano-roll as a PNG, `scale` image pixels a pixel; for the rest see `draw`."""
    return draw(piece, unit=unit, width=width, title=title).to_png(scale=scale)


def save(
    piece: Piece,
    path: str | Path,
    *,
    unit: Unit = "auto",
    width: float | None = None,
    title: str | None = None,
) -> None:
    """Write the piano-roll to a file whose name ends in .svg or .png; an old file is replaced.

    Raises HowlkitError for another ending or a place that cannot be written.
    """
    path = Path(path)
    check_suffix(path)
    save_drawing(draw(piece, unit=unit, width=width, title=title), path)


def check_suffix(path: Path) -> None:
    """Raise HowlkitError unless a file's name ends in .svg or .png."""
    if path.suffix.lower() not in (".svg", ".png"):
        raise HowlkitError(f"cannot draw to {str(path)!r}: the name must end in .svg or .png")


def save_drawing(drawing: Drawing, path: Path) -> None:
    """Write a drawing as `save` does."""
    check_suffix(path)
    data = drawing.to_png() if path.suffix.lower() == ".png" else drawing.to_svg().encode()
    try:
        write_file(path, data)
    except OSError as error:
        raise HowlkitError(f"cannot write {str(path)!r}: {error.strerror}") from error
