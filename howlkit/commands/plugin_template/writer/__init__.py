"""Writer `stencil`: sound files (WAV) in which a plucked string plays the notes."""

import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError
from howlkit.hookspecs import hookimpl
from howlkit.music import DRUMS, Piece
from howlkit.options import option
from howlkit.protocols import Writer

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Stencil:
    """Sound files, mono: a plucked string plays the notes, and drums are short beats."""

    rate: int = option(22050, "samples a second", low=8000, high=96000)
    longest: int = option(1200, "seconds of music; longer music is refused", low=1, high=7200)
    name: ClassVar[str] = "stencil"
    suffixes: ClassVar[tuple[str, ...]] = (".wav",)

    def write(self, piece: Piece, path: Path) -> None:
        """Write the piece to a new file."""
        if piece.seconds_long > self.longest:
            raise DataError(
                f"it lasts {piece.seconds_long:.0f} seconds, and at most {self.longest} are "
                f"written: -o {self.name}.longest=SECONDS"
            )
        samples = self.played(piece)
        loudest = max(float(np.abs(samples).max()), 1e-9)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(np.rint(samples / loudest * 32000).astype("<i2").tobytes())

    def played(self, piece: Piece) -> Samples:
        """Return the samples of a piece, with a second after its last note."""
        samples = np.zeros(int((piece.seconds_long + 1) * self.rate), np.float32)
        begins, ends = piece.seconds(piece.notes["start"]), piece.seconds(piece.held)
        for note, begin, end in zip(piece.notes, begins, ends, strict=True):
            seconds = 0.1 if note["program"] == DRUMS else min(end - begin, 4.0)
            tone = plucked(int(note["pitch"]), seconds, self.rate)
            first = int(begin * self.rate)
            tone = tone[: len(samples) - first]
            samples[first : first + len(tone)] += tone * (note["velocity"] / 127)
        return samples


def plucked(pitch: int, seconds: float, rate: int) -> Samples:
    """Return the samples of one note: partials, of which the higher ones die away sooner."""
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    time = np.arange(int((seconds + 0.05) * rate)) / rate
    partials = [k for k in range(1, 7) if k * hertz < rate / 2]
    tone = sum(np.sin(2 * np.pi * k * hertz * time) * np.exp(-k * time) / k for k in partials)
    release = np.clip((seconds + 0.05 - time) / 0.05, 0, 1)  # an end without a click
    return np.asarray(tone * release, np.float32)


@hookimpl
def register_writers(register: Callable[[type[Writer]], None]) -> None:
    """Register the component."""
    register(Stencil)
