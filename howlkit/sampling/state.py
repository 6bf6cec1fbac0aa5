"""Where the rows of a session stand: all of its state but the steps that led there.

A session keeps one such value as its present and some of its past, to rewind to. B is the number of
rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.plugins.checked_grammar import CheckedGrammar

__all__ = ["RowState"]


@dataclass
class RowState:
    """What goes on from here depends on: the network's state, the grammar, and some counts.

    lengths: (B,) steps so far, the start row among them. notes: (B,) notes made, not fed. fed: (B,)
    up to which step a row was fed. ended: (B,) whether the piece is over. origin: (B,) where a
    row's own music begins, in the encoder's clock; NaN before it has. origin_seconds: (B,) that in
    seconds. settled: it has in every row.
    state: the network's, each tensor or array (B, ...). hidden: (B, D), what the next step is
    predicted from.
    """

    lengths: NDArray[np.int64]
    notes: NDArray[np.int64]
    fed: NDArray[np.int64]
    ended: NDArray[np.bool_]
    origin: NDArray[np.float64]
    origin_seconds: NDArray[np.float64]
    settled: bool
    grammar: CheckedGrammar
    state: dict[str, Any]
    hidden: Any

    @classmethod
    def start(
        cls,
        grammar: CheckedGrammar,
        rows: int,
        state: dict[str, Any],
        hidden: Any,  # noqa: ANN401
    ) -> RowState:
        """Return the place of rows that have read their start row and nothing else."""
        one, none = np.ones(rows, np.int64), np.zeros(rows, np.int64)
        ended, origin = np.zeros(rows, bool), np.full(rows, np.nan)
        return cls(
            one, none, one.copy(), ended, origin, origin.copy(), False, grammar, state, hidden
        )

    @property
    def longest(self) -> int:
        """How many steps the longest row has."""
        return int(max(self.lengths.tolist()))

    @property
    def nbytes(self) -> int:
        """The memory that the network's part takes; the rest is little."""
        return int(sum(part.nbytes for part in (*self.state.values(), self.hidden)))

    def copy(self) -> RowState:
        """Return an independent copy."""
        return self.select(np.arange(len(self.lengths)))

    def select(self, index: NDArray[np.intp]) -> RowState:
        """Return an independent copy that holds the rows `index`, in this order."""
        return RowState(
            self.lengths[index],
            self.notes[index],
            self.fed[index],
            self.ended[index],
            self.origin[index],
            self.origin_seconds[index],
            self.settled,
            self.grammar.select(index),
            {name: part[index] for name, part in self.state.items()},
            self.hidden[index],
        )
