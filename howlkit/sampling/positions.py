"""Which steps of a session stand before a position, in beats or in seconds.

Shapes: B rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.errors import HowlkitError
from howlkit.plugins.checked_grammar import CheckedGrammar
from howlkit.sampling.history import History
from howlkit.sampling.limits import Timeline
from howlkit.sampling.state import RowState
from howlkit.schema import Steps

__all__ = ["Target"]


class Target:
    """A position for each row to go back to, in beats or in seconds from the piece's start.

    beats, seconds: a number, or one a row; one of the two is given. Raises HowlkitError otherwise,
    and for what is not a number above 0.
    """

    def __init__(
        self, rows: int, timeline: Timeline, *, beats: ArrayLike | None, seconds: ArrayLike | None
    ) -> None:
        if (beats is None) == (seconds is None):
            raise HowlkitError("rewind_to takes beats or seconds, one of the two")
        self._timeline = timeline
        self.unit = "beats" if seconds is None else "seconds"
        given = np.asarray(beats if seconds is None else seconds)
        wrong = given.dtype.kind not in "iuf" or given.shape not in ((), (1,), (rows,))
        if wrong or not (given > 0).all():  # NaN is not
            raise HowlkitError(
                f"cannot rewind to {self.unit}={given.tolist()!r}; a number above 0 is needed, or "
                f"{rows}, one a row. rewind(1) takes back every step"
            )
        self._positions = np.broadcast_to(given.astype(np.float64), (rows,))

    def lengths(self, at: RowState, steps: Steps, history: History) -> NDArray[np.int64]:
        """Return (B,): how many steps of each row stand before the target, up to the first after.

        at: the present state of the rows, whose steps (B, T) they are; what was fed is kept. Raises
        HowlkitError if the target lies before the end of what was fed.
        """
        ends = self._of(np.where(np.isnan(at.origin), 0.0, at.origin), at.grammar)
        inside = np.flatnonzero((at.fed > 1) & (ends > self._positions))
        if len(inside):
            row = int(inside[0])
            raise HowlkitError(
                f"cannot rewind row {row} to {self._positions[row]:g} {self.unit}: what was fed to "
                f"it, its prompt, reaches to {ends[row]:g}. rewind(lengths), in steps, goes into it"
            )
        return np.maximum(self._first_beyond(at, steps, history), at.fed)

    def _first_beyond(self, at: RowState, steps: Steps, history: History) -> NDArray[np.int64]:
        """Return (B,): the index of each row's first step that reaches the target, or its length.

        The grammar takes in steps again, from the last kept state in which no row had reached it.
        """
        begin = history.last_where(
            lambda state: bool((self._of_state(state) < self._positions).all())
        )
        grammar, lengths = begin.grammar.select(np.arange(len(at.lengths))), begin.lengths.copy()
        rows = lengths < at.lengths
        while rows.any():
            step = steps[np.arange(len(rows)), np.minimum(lengths, steps.shape[1] - 1)]
            grammar.push(step, rows)
            rows &= self._of(grammar.now + at.moved, grammar) < self._positions
            lengths += rows
            rows &= lengths < at.lengths
        return lengths

    def _of_state(self, state: RowState) -> NDArray[np.float64]:
        return self._of(state.now, state.grammar)

    def _of(self, now: NDArray[np.float64], grammar: CheckedGrammar) -> NDArray[np.float64]:
        """Return positions (B,) of the encoder's clock in the target's unit."""
        if self.unit == "beats":
            return self._timeline.beats(now)
        return self._timeline.seconds(now, grammar)
