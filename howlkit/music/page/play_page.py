"""The page of one piece: its piano-roll, which plays."""

from __future__ import annotations

from howlkit.music.page.document import Document
from howlkit.music.page.page_sound import PageSound, Playing
from howlkit.music.page.piece_data import roll_data
from howlkit.music.page.piece_section import piece_section
from howlkit.music.piece import Piece

__all__ = ["play_page"]

_KEYS = (
    "<p class='note'>Space plays and pauses, the arrow keys go back and forth; a click on the "
    "picture goes there.</p>"
)


def play_page(piece: Piece, *, title: str, playing: Playing = Playing()) -> str:
    """Return a page with the piano-roll of a piece, which plays, as HTML in one file.

    >>> "Content-Security-Policy" in play_page(Piece.of([(0, 480, 60)]), title="one note")
    True
    """
    sound = PageSound(playing)
    data = {**sound.of(piece), "roll": roll_data(piece)}
    facts = f"{len(piece):,} notes, {piece.seconds_long:.0f} seconds"
    section = piece_section(0, piece, name=title, facts=facts, level=1)
    return Document(
        title=title,
        body=f"<div class='wide'>{section}</div>\n{_KEYS}",
        script="pieces_page",
        data={"pieces": [data], "recordings": sound.recordings()},
    ).html()
