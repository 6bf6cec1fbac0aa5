"""The element in which a piece is seen and heard; script/piece_view.js makes it work."""

from __future__ import annotations

from howlkit.music.page.document import shown
from howlkit.music.page.piece_data import part_names
from howlkit.music.piece import Piece

__all__ = ["COLOURS", "piece_section"]

COLOURS = 8
"""The parts that have a colour of their own in style/page.css."""

_SECTION = """<section class="piece card" aria-labelledby="piece-{number}">
<div class="head">
<button type="button" class="play" aria-label="Play {name}" disabled></button>
<div>
<h{level} id="piece-{number}"><bdi>{name}</bdi></h{level}>
<p class="facts">{facts}</p>
</div>
<span class="clock">0:00</span>
</div>
<div class="timeline roll" aria-label="Position in {name}">
<canvas aria-hidden="true"></canvas><div class="cursor"></div><div class="spacer"></div>
</div>
{legend}</section>"""


def piece_section(number: int, piece: Piece, *, name: str, facts: str, level: int = 3) -> str:
    """Return the element of a piece.

    number: of the piece on its page. name, facts: any text. level: of the heading.
    """
    return _SECTION.format(
        number=number, name=shown(name), facts=shown(facts), level=level, legend=_legend(piece)
    )


def _legend(piece: Piece) -> str:
    """Return the names of the parts, if there are several."""
    names = part_names(piece)
    if len(names) < 2:
        return ""
    items = "".join(
        f'<li class="{_class(number, name)}">{shown(name)}</li>'
        for number, name in enumerate(names)
    )
    return f'<ul class="legend">{items}</ul>\n'


def _class(number: int, name: str) -> str:
    if name == "Drums":
        return "part-drums"
    return f"part-{number}" if number < COLOURS else "part-other"
