"""A page that plays a piece: its piano-roll, a player, and the sound, all in one file.

Nothing is fetched. The sound stands in the page as text and is given to the player as a file of
its own, since browsers limit how long an address may be; so the player can jump to any place.
"""

from __future__ import annotations

import base64
from html import escape

from howlkit.music.piece import Piece
from howlkit.music.plot.saving import to_svg

__all__ = ["html"]

SCRIPT = """
const text = atob(document.getElementById('sound').textContent.trim());
const bytes = Uint8Array.from(text, letter => letter.charCodeAt(0));
document.querySelector('audio').src = URL.createObjectURL(new Blob([bytes], {type: 'audio/wav'}));
"""

STYLE = """
:root { color-scheme: light dark; }
body { font-family: system-ui, sans-serif; margin: 1.5rem; }
main { max-width: 70rem; margin: auto; }
figure { margin: 0; overflow-x: auto; background: #fff; border-radius: 6px; }
audio { width: 100%; margin-top: 1rem; }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{notes} notes, {seconds} seconds</p>
<figure tabindex="0" aria-label="Piano-roll">{picture}</figure>
<audio controls aria-label="Sound of {title}"></audio>
</main>
<script type="text/plain" id="sound">{sound}</script>
<script>{script}</script>
</body>
</html>
"""


def html(piece: Piece, sound: bytes, *, title: str) -> str:
    """Return a page with the piano-roll of a piece and a player of its sound.

    sound: the bytes of a .wav file.
    """
    return PAGE.format(
        title=escape(title),
        style=STYLE,
        notes=f"{len(piece):,}",
        seconds=f"{piece.seconds_long:.0f}",
        picture=to_svg(piece),
        sound=base64.b64encode(sound).decode("ascii"),
        script=SCRIPT,
    )
