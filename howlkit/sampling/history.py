"""The history of a session: some of the states that its rows were in, to go back to.

They are bounded in number and in bytes, so that memory does not grow with the length of a piece.
B is the number of rows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from howlkit.sampling.state import RowState

__all__ = ["KEEP_AT_MOST", "KEEP_BYTES", "KEEP_EVERY", "History"]

KEEP_EVERY = 256
"""Steps between states that are kept; the network reads the steps in between again."""

KEEP_AT_MOST = 64
"""The largest number of states; beyond it every other one is dropped, and the spacing doubles."""

KEEP_BYTES = 256 * 2**20
"""The memory that they may take, without the first; beyond it every other one is dropped too."""


class History:
    """States of the same rows, one every few hundred steps; the first of all is always kept."""

    def __init__(self, start: RowState) -> None:
        self.states = [start.copy()]
        self.every = KEEP_EVERY
        self._next = start.longest + self.every  # the number of steps at which one is due

    def keep(self, state: RowState, *, now: bool = False) -> None:
        """Keep a copy of a state, if one is due, or now."""
        if now or state.longest >= self._next:
            if self._has_room_for(state.nbytes):
                self.states.append(state.copy())
            self._next = state.longest + self.every

    def last_where(self, holds: Callable[[RowState], bool]) -> RowState:
        """Return the last state of which something holds, not to be changed; the first, if none."""
        return next((state for state in reversed(self.states) if holds(state)), self.states[0])

    def back_to(self, lengths: NDArray[np.int64]) -> RowState:
        """Return a copy of the last state in which no row has more than lengths (B,) steps.

        Later states are dropped. lengths: at least 1 each, as in the first state.
        """
        while (self.states[-1].lengths > lengths).any():
            self.states.pop()
        state = self.states[-1].copy()
        self._next = state.longest + self.every
        return state

    def select(self, index: NDArray[np.intp]) -> History:
        """Return an independent history of the rows `index`, in this order."""
        chosen = copy.copy(self)
        chosen.states = [state.select(index) for state in self.states]
        chosen._has_room_for(0)  # there may be more rows now
        chosen._next = chosen.states[-1].longest + chosen.every
        return chosen

    def _has_room_for(self, nbytes: int) -> bool:
        """Drop every other state, but never the first, until one of `nbytes` more fits in."""
        one = int(nbytes > 0)
        while len(self.states) + one > KEEP_AT_MOST or self._nbytes() + nbytes > KEEP_BYTES:
            self.every *= 2
            if len(self.states) == 1:
                return False
            self.states = self.states[::2]
        return True

    def _nbytes(self) -> int:
        return sum(state.nbytes for state in self.states[1:])
