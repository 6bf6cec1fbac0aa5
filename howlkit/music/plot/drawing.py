"""A drawing as values, and two back ends that render it alike: SVG text and PNG bytes.

Conventions. Positions and sizes are in CSS pixels from the top left corner, y growing downwards; a
text stands on its baseline. Colours are "#rrggbb". Later shapes cover earlier ones.
The SVG has no scripts and fetches nothing; the PNG uses the font inside Pillow, none of the system,
so that both look the same on every machine. Source: the SVG 1.1 specification, paths.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.errors import HowlkitError

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

__all__ = ["Boxes", "Curve", "Drawing", "Label", "Shape", "boxes", "text_width"]

FAMILY = "Helvetica, Arial, 'Liberation Sans', sans-serif"


@dataclass(frozen=True, eq=False)
class Boxes:
    """Filled rectangles of one colour: (N, 4) of x, y, width, height; corners may be rounded."""

    where: NDArray[np.float64]
    fill: str
    radius: float = 0.0


@dataclass(frozen=True, eq=False)
class Curve:
    """A line through points (N, 2) of x and y, in order."""

    points: NDArray[np.float64]
    colour: str
    width: float = 1.5


@dataclass(frozen=True)
class Label:
    """A line of text that starts, is centred or ends at x."""

    x: float
    y: float
    text: str
    size: float = 10.0
    fill: str = "#333333"
    anchor: Literal["start", "middle", "end"] = "start"


Shape = Boxes | Curve | Label


def boxes(where: ArrayLike, fill: str, *, radius: float = 0.0) -> Boxes:
    """Return the rectangles of any (N, 4) rows."""
    return Boxes(np.asarray(where, np.float64).reshape(-1, 4), fill, radius)


def text_width(text: str, size: float) -> float:
    """Return the approximate width of a text, good enough to place others next to it."""
    return 0.56 * size * len(text)


@dataclass(frozen=True, eq=False)
class Drawing:
    """Shapes on a plain background; a notebook shows it as SVG.

    dark: for colours, the ones that take their place in an SVG where people have dark screens.
    """

    width: int
    height: int
    shapes: Sequence[Shape]
    title: str = ""
    ground: str = "#ffffff"
    dark: Mapping[str, str] = field(default_factory=dict)

    def to_svg(self) -> str:
        """Return a whole SVG document."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" '
            f'font-family="{escape(FAMILY)}">'
        )
        ground = f'<rect width="{self.width}" height="{self.height}" fill="{self.ground}"/>'
        body = [_svg(shape) for shape in self.shapes]
        title = f"<title>{escape(legible(self.title))}</title>"
        return "\n".join([head, title, *self._dark_style(), ground, *body, "</svg>", ""])

    def _dark_style(self) -> list[str]:
        """Return the style that replaces colours on dark screens; it wins over attributes."""
        rules = "".join(
            f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}'
            for light, dark in self.dark.items()
        )
        return [f"<style>@media (prefers-color-scheme:dark){{{rules}}}</style>"] if rules else []

    def to_png(self, *, scale: float = 2.0) -> bytes:
        """Return a PNG of `scale` image pixels a CSS pixel; 2 is sharp on today's screens."""
        try:
            from PIL import Image, ImageDraw, PngImagePlugin
        except ImportError as error:
            raise HowlkitError(
                "PNG needs Pillow: pip install 'howlkit[png]'. SVG needs nothing more"
            ) from error

        size = (round(self.width * scale), round(self.height * scale))
        image = Image.new("RGB", size, self.ground)
        canvas = ImageDraw.Draw(image)
        for shape in self.shapes:
            if isinstance(shape, Boxes):
                _paint_boxes(canvas, shape, scale)
            elif isinstance(shape, Curve):
                _paint_curve(canvas, shape, scale)
            else:
                _paint_label(canvas, shape, scale)
        stream = io.BytesIO()
        facts = PngImagePlugin.PngInfo()
        facts.add_text("Title", legible(self.title))
        image.save(stream, "PNG", optimize=True, pnginfo=facts)
        return stream.getvalue()

    def _repr_svg_(self) -> str:
        return self.to_svg()


def legible(text: str) -> str:
    """Return text with a blank in place of each character that cannot be printed."""
    return "".join(c if c.isprintable() else " " for c in text)


def _svg(shape: Shape) -> str:
    if isinstance(shape, Boxes):
        return _svg_boxes(shape)
    return _svg_curve(shape) if isinstance(shape, Curve) else _svg_label(shape)


def _svg_curve(shape: Curve) -> str:
    points = " ".join(f"{x:g},{y:g}" for x, y in np.round(shape.points, 1).tolist())
    return (
        f'<polyline points="{points}" fill="none" stroke="{shape.colour}" '
        f'stroke-width="{shape.width:g}" stroke-linejoin="round"/>'
    )


def _svg_boxes(shape: Boxes) -> str:
    style = f'fill="{shape.fill}"'
    rows = np.round(shape.where, 1).tolist()
    if not shape.radius:
        path = "".join(f"M{x:g} {y:g}h{w:g}v{h:g}h{-w:g}z" for x, y, w, h in rows)
        return f'<path {style} d="{path}"/>'
    rects = "".join(
        f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{shape.radius:g}"/>'
        for x, y, w, h in rows
    )
    return f"<g {style}>{rects}</g>"


def _svg_label(shape: Label) -> str:
    anchor = "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
    return (
        f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" font-size="{shape.size:g}" '
        f'fill="{shape.fill}"{anchor}>{escape(legible(shape.text))}</text>'
    )


def _paint_boxes(canvas: ImageDraw.ImageDraw, shape: Boxes, scale: float) -> None:
    """Fill each rectangle on whole image pixels, at least one, so that every edge is sharp."""
    corners = np.rint(shape.where[:, :2] * scale).astype(int)
    # Pillow's second corner belongs to the rectangle.
    opposite = np.rint((shape.where[:, :2] + shape.where[:, 2:]) * scale).astype(int) - 1
    opposite = np.maximum(opposite, corners)
    radius = shape.radius * scale
    for row in np.concatenate((corners, opposite), axis=1).tolist():
        short = min(row[2] - row[0], row[3] - row[1])
        if radius and short >= 3:
            canvas.rounded_rectangle(row, min(radius, short / 2), fill=shape.fill)
        else:
            canvas.rectangle(row, fill=shape.fill)


def _paint_curve(canvas: ImageDraw.ImageDraw, shape: Curve, scale: float) -> None:
    points = [(x, y) for x, y in (shape.points * scale).tolist()]
    canvas.line(points, fill=shape.colour, width=max(round(shape.width * scale), 1), joint="curve")


ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}  # Pillow: left, middle, right; s: baseline


def _paint_label(canvas: ImageDraw.ImageDraw, shape: Label, scale: float) -> None:
    font = _font(shape.size * scale)
    canvas.text(
        (shape.x * scale, shape.y * scale),
        _in_font(legible(shape.text), font),
        fill=shape.fill,
        font=font,
        anchor=ANCHORS[shape.anchor],
    )


@cache
def _font(size: float) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    font = ImageFont.load_default(size=size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow was built without FreeType, which every wheel of it has")
    return font


def _in_font(text: str, font: ImageFont.FreeTypeFont) -> str:
    """Return text in characters that Pillow's small font has: o for ö, ss for ß, else ?."""
    missing = _glyph("\uffff", font)

    def spelt(character: str) -> str:
        if character == " " or _glyph(character, font) != missing:
            return character
        plain = unicodedata.normalize("NFKD", character.replace("ß", "ss"))
        kept = [c for c in plain if c.isascii() and c.isprintable()]
        return "".join(kept) or "?"

    return "".join(map(spelt, unicodedata.normalize("NFC", text)))


def _glyph(character: str, font: ImageFont.FreeTypeFont) -> Any:  # noqa: ANN401 - bytes and a size
    mask = font.getmask(character)
    return mask.size, bytes(mask)
