"""Renderer `bank`: the recorded instruments that come with howlkit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.options import option

__all__ = ["Bank"]


@dataclass(frozen=True)
class Bank:
    """The recorded instruments that come with howlkit; needs nothing else."""

    gain: float = option(0.0, "decibels to add; loud moments are limited", low=-60.0, high=30.0)
    name: ClassVar[str] = "bank"

    def render(self, piece: Piece, rate: int) -> Iterator[NDArray[np.float32]]:
        """Yield the sound of a piece in blocks (T, 2)."""
        from howlkit.music import sound

        yield from sound.render(piece, rate, gain=self.gain)
