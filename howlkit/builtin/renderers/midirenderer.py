"""Renderer `midirenderer`: a soundfont, by the Python package of that name."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.renderers.soundfonts import fault_of, sound_in
from howlkit.errors import DataError, HowlkitError, printable
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.music.sound.audio_files import check_length
from howlkit.music.sound.resampling import resampled
from howlkit.options import option

__all__ = ["MidiRenderer"]

PACKAGE = "midirenderer"
INSTALL = "the package midirenderer is not installed: howlkit plugins install midirenderer"


@dataclass(frozen=True)
class MidiRenderer:
    """A soundfont (.sf2), played by the package midirenderer."""

    soundfont: str = option("", "the path of the soundfont")
    name: ClassVar[str] = "midirenderer"

    @property
    def missing(self) -> str:
        """What it lacks to play here; "" if nothing."""
        if self.soundfont.lower().endswith(".sf3"):
            return f"it reads .sf2 files only, and {printable(self.soundfont)} is none"
        installed = importlib.util.find_spec(PACKAGE) is not None
        return fault_of(self.soundfont) or ("" if installed else INSTALL)

    def render(self, piece: Piece, rate: int) -> Iterator[NDArray[np.float32]]:
        """Yield the sound of a piece in blocks (T, 2)."""
        if self.missing:
            raise HowlkitError(self.missing)
        check_length(piece.seconds_long, rate)
        import midirenderer

        font, music = Path(self.soundfont).read_bytes(), midi.to_bytes(piece)
        try:
            made = midirenderer.render_wave_from(font, music)
        except (ValueError, RuntimeError, OSError) as error:
            raise DataError(
                f"{printable(self.soundfont)} cannot be played by midirenderer: {error}"
            ) from error
        own_rate, blocks = sound_in(io.BytesIO(made))
        yield from resampled(blocks, own_rate, rate)
