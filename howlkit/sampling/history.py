"""The history of a session: some of the states that its rows were in, to go back to.

They are bounded in number and in bytes, so that memory does not grow with the length of a piece.
Where rules send rows back a few steps, again and again, the latest states lie close together.
B is the number of rows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from howlkit.sampling.state import RowState

__all__ = ["KEEP_AT_MOST", "KEEP_BYTES", "KEEP_EVERY", "NEAR_EVERY", "History"]

KEEP_EVERY = 256
"""Steps between states that are kept; the network reads the steps in between again."""

KEEP_AT_MOST = 64
"""The largest number of states; beyond it every other one is dropped, and the spacing doubles."""

KEEP_BYTES = 256 * 2**20
"""The memory that they may take, without the first; beyond it every other one is dropped too."""


NEAR_EVERY = 8
"""Steps between the latest states while rows go back often."""

NEAR_AT_MOST = 10
"""The largest number of those: rules send a row back by at most 64 steps."""


class History:
    """States of the same rows, one every few hundred steps; the first of all is always kept.

    near: the latest ones, while rows go back often, rising.
    """

    def __init__(self, start: RowState) -> None:
        self.states = [start.copy()]
        self.every = KEEP_EVERY
        self._next = start.longest + self.every  # the number of steps at which one is due
        self.near: list[RowState] = []
        self._near_until = 0  # steps, up to which they are kept

    def keep(self, state: RowState, *, now: bool = False) -> None:
        """Keep a copy of a state, if one is due, or now."""
        if self._near_until:
            self._keep_near(state)
        if now or state.longest >= self._next:
            if self._has_room_for(state.nbytes):
                self.states.append(state.copy())
            self._next = state.longest + self.every

    def last_where(self, holds: Callable[[RowState], bool]) -> RowState:
        """Return the last state of which something holds, not to be changed; the first, if none."""
        return next((state for state in reversed(self.states) if holds(state)), self.states[0])

    def _keep_near(self, state: RowState) -> None:
        """Keep a copy of a state among the latest ones, if one is due; none once that is over."""
        if state.longest > self._near_until or state.nbytes * NEAR_AT_MOST > KEEP_BYTES:
            self.near, self._near_until = [], 0
        elif not self.near or state.longest >= self.near[-1].longest + NEAR_EVERY:
            self.near = [*self.near[1 - NEAR_AT_MOST :], state.copy()]

    def back_to(self, lengths: NDArray[np.int64], *, often: bool = False) -> RowState:
        """Return a copy of the last state in which no row has more than lengths (B,) steps.

        Later states are dropped. lengths: at least 1 each, as in the first state. often: keep the
        states of the next steps close together.
        """
        for states in (self.states, self.near):
            while states and (states[-1].lengths > lengths).any():
                states.pop()
        self._next = self.states[-1].longest + self.every
        if often:
            self._near_until = int(lengths.max()) + KEEP_EVERY
        return max(self.states[-1:] + self.near[-1:], key=lambda state: state.longest).copy()

    def select(self, index: NDArray[np.intp]) -> History:
        """Return an independent history of the rows `index`, in this order."""
        chosen = copy.copy(self)
        chosen.states = [state.select(index) for state in self.states]
        chosen.near = [state.select(index) for state in self.near]
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
