"""A piece in a notebook: its piano-roll above a player of its sound, as HTML.

Nothing is fetched or installed: the sound, by the recorded instruments that ship, is part of the
HTML. A notebook keeps what it shows, so the sound has half the usual sampling rate, and of a long
piece only the beginning; `howlkit play` has all of it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from howlkit.music import sound
from howlkit.music.piece import Piece
from howlkit.music.plot.saving import to_svg
from howlkit.music.sound import audio_files

__all__ = ["RATE", "SECONDS", "html"]

RATE = 22050

SECONDS = 120
"""How much of a piece sounds in a notebook: some 14 MB of it."""


def html(piece: Piece) -> str:
    """Return the piano-roll of `piece` above a player of its sound, as HTML to put in a page."""
    data = base64.b64encode(audio_files.to_wav(_cut(sound.render(piece, RATE)), RATE))
    player = f'<audio controls preload="none" src="data:audio/wav;base64,{data.decode()}"></audio>'
    note = ""
    if piece.seconds_long > SECONDS:
        note = f"<small>The first {SECONDS} seconds; howlkit play has all of it.</small>"
    return f"<div>{to_svg(piece)}<div>{player}{note}</div></div>"


def _cut(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Yield blocks up to `SECONDS` of sound, and a second in which it fades."""
    left, fade = (SECONDS + 1) * RATE, RATE
    for block in blocks:
        if left <= 0:
            return
        block = block[:left]
        after = left - np.arange(len(block))  # samples until the end
        if left - len(block) < fade:
            block = block * np.minimum(after / fade, 1).astype(np.float32)[:, None]
        left -= len(block)
        yield block
