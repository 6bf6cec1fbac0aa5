"""The past of a session: some of the places where it stood, to go back to.

They are bounded in number and in bytes, so that memory does not grow with the length of a piece.
B is the number of rows.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from howlkit.sampling.state import RowState

__all__ = ["KEEP_AT_MOST", "KEEP_BYTES", "KEEP_EVERY", "History"]

KEEP_EVERY = 256
"""Steps between the places that can be gone back to; the steps in between are replayed."""

KEEP_AT_MOST = 64
"""At most so many of them; then every other one is dropped, and they stand twice as far apart."""

KEEP_BYTES = 256 * 2**20
"""So much memory may they take, all but the first; then every other one is dropped as well."""


class History:
    """Places of the same rows, the first of all always among them, every so many steps."""

    def __init__(self, start: RowState) -> None:
        self.places = [start.copy()]
        self.every = KEEP_EVERY
        self._next = start.longest + self.every  # steps, when the next one is due

    def keep(self, now: RowState) -> None:
        """Take in a copy of where the rows stand, if one is due."""
        if now.longest >= self._next:
            if self._has_room_for(now.nbytes):
                self.places.append(now.copy())
            self._next = now.longest + self.every

    def back_to(self, lengths: NDArray[np.int64]) -> RowState:
        """Return a copy of the last place where no row was beyond lengths (B,); forget later ones.

        lengths: at least 1 each, as at the first place.
        """
        while (self.places[-1].lengths > lengths).any():
            self.places.pop()
        place = self.places[-1].copy()
        self._next = place.longest + self.every
        return place

    def select(self, index: NDArray[np.intp]) -> History:
        """Return an independent past of the rows `index`, in this order."""
        chosen = copy.copy(self)
        chosen.places = [place.select(index) for place in self.places]
        chosen._has_room_for(0)  # there may be more rows now
        chosen._next = chosen.places[-1].longest + chosen.every
        return chosen

    def _has_room_for(self, nbytes: int) -> bool:
        """Drop every other place, but never the first, until there is room for one of nbytes."""
        one = int(nbytes > 0)
        while len(self.places) + one > KEEP_AT_MOST or self._nbytes() + nbytes > KEEP_BYTES:
            self.every *= 2
            if len(self.places) == 1:
                return False
            self.places = self.places[::2]
        return True

    def _nbytes(self) -> int:
        return sum(place.nbytes for place in self.places[1:])
