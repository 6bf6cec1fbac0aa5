"""Renderer `stencil`: a plucked string plays the notes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.hookspecs import hookimpl
from howlkit.music import DRUMS, Piece
from howlkit.options import option
from howlkit.protocols import Renderer

Samples = NDArray[np.float32]

BLOCK = 2**18
RELEASE = 0.05  # seconds


@dataclass(frozen=True)
class Stencil:
    """A plucked string plays the notes, and drums are short beats."""

    brightness: float = option(0.5, "how loud the upper partials are", low=0.0, high=1.0)
    longest: float = option(4.0, "seconds until a string is silent", low=0.1, high=30.0)
    name: ClassVar[str] = "stencil"

    def render(self, piece: Piece, rate: int) -> Iterator[Samples]:
        """Yield the sound of a piece in blocks (T, 2)."""
        begins = np.rint(piece.seconds(piece.notes["start"]) * rate).astype(int)
        ends = piece.seconds(piece.held)
        lengths = np.minimum(ends - begins / rate, self.longest)
        lengths[piece.notes["program"] == DRUMS] = 0.1
        after = begins + ((lengths + RELEASE) * rate).astype(int)
        count = int(max(after.max(initial=0), piece.seconds_long * rate)) + rate // 10
        for first in range(0, count, BLOCK):
            block = np.zeros((min(BLOCK, count - first), 2), np.float32)
            for i in np.flatnonzero((begins < first + len(block)) & (after > first)):
                note = piece.notes[i]
                tone = self.plucked(int(note["pitch"]), float(lengths[i]), rate)
                tone *= 0.3 * (int(note["velocity"]) / 127) ** 2
                low, high = max(begins[i], first), min(begins[i] + len(tone), first + len(block))
                block[low - first : high - first] += tone[low - begins[i] : high - begins[i], None]
            yield np.tanh(block)  # never beyond full scale, however many notes there are

    def plucked(self, pitch: int, seconds: float, rate: int) -> Samples:
        """Return the samples (T,) of one note: partials, of which the higher die away sooner."""
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        time = np.arange(int((seconds + RELEASE) * rate)) / rate
        tone = np.zeros(len(time))
        for k in range(1, 7):
            if k * hertz < rate / 2:
                level = self.brightness ** (k - 1) / k
                tone += level * np.sin(2 * np.pi * k * hertz * time) * np.exp(-k * time)
        release = np.clip((seconds + RELEASE - time) / RELEASE, 0, 1)  # an end without a click
        return np.asarray(tone * release, np.float32)


@hookimpl
def register_renderers(register: Callable[[type[Renderer]], None]) -> None:
    """Register the component."""
    register(Stencil)
