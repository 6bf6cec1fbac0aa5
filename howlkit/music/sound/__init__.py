"""The sound of a Piece, by instruments that ship: recordings, played in numpy alone.

Conventions. Sound comes in blocks (T, 2) of float32, left and right; full scale is 1. A rate is
samples a second. The sample of an onset is the nearest one.

    bank, coding, instruments: the recordings that ship, and what they play
    voices: which recording plays each note, how loud and where; waves: recordings at a pitch
    mixing: the sum of all voices; limiter: nothing beyond full scale
    audio_files, ogg: .wav, .flac and .ogg; resampling: another rate

>>> from howlkit.music import Piece
>>> blocks = list(render(Piece.of([(0, 480, 60)]), rate=22050))
>>> blocks[0].shape[1], blocks[0].dtype.name
(2, 'float32')
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.music.piece import Piece
from howlkit.music.sound.limiter import limited
from howlkit.music.sound.mixing import mixed
from howlkit.music.sound.voices import Voices

__all__ = ["RATES", "render"]

RATES = range(8000, 192_001)
"""The sampling rates that are allowed."""

_AFTER = 0.05  # seconds of silence after the last sound


def render(piece: Piece, rate: int = 44100, *, gain: float = 0.0) -> Iterator[NDArray[np.float32]]:
    """Return the sound of a piece in blocks (T, 2), to the end of the last note's release.

    gain: decibels to add, before loud moments are limited. Memory is that of a few blocks of six
    seconds. Raises HowlkitError for a rate that is not
    allowed, and DataError if the recordings cannot be read.
    """
    if rate not in RATES:
        raise HowlkitError(
            f"{rate} samples a second are not allowed: {RATES[0]}..{RATES[-1]} are; 44100 is usual"
        )
    return _blocks(piece, rate, gain)


def _blocks(piece: Piece, rate: int, gain: float) -> Iterator[NDArray[np.float32]]:
    voices = Voices.of(piece, rate, gain=gain)
    last = int(voices.table["end"].max(initial=0))
    count = max(last, round(piece.seconds_long * rate)) + round(_AFTER * rate)
    for block in limited(mixed(voices, rate, count)):
        yield np.ascontiguousarray(block.T)
