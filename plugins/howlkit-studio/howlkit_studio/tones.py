"""Single notes of howlkit's own bank, for a page that plays them, as WAV."""

from __future__ import annotations

import functools
import io
import wave

import numpy as np

import howlkit
from howlkit import Piece

__all__ = ["RATE", "tone"]

RATE = 32_000
"""Samples a second: the recordings have no more."""

HELD, RINGING = 3.0, 1.0
"""Seconds that a note is held, and that it may ring on at most."""

VELOCITY = 100

SILENCE = 1e-4
"""Of full scale: what is quieter at the end is left out."""


@functools.lru_cache(maxsize=512)
def tone(program: int, pitch: int) -> bytes:
    """Return one note as a WAV file: mono, 16 bits, `RATE`."""
    piece = Piece.of([(0, round(HELD * 480), pitch, VELOCITY, program)], bpm=60)
    blocks = howlkit.renderer("bank").render(piece, RATE)
    sound = np.concatenate([block.mean(axis=1) for block in blocks])
    sound = sound[: round((HELD + RINGING) * RATE)]
    loud = np.flatnonzero(np.abs(sound) > SILENCE)
    samples = np.rint(sound[: loud[-1] + 1 if len(loud) else 1].clip(-1, 1) * 32767)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()
