"""The state of a session's rows: everything but the steps that led to it.

A session has one such value as its present and keeps some of the past ones, to rewind to. B is the
number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints.heard import Heard
from howlkit.plugins.checked_grammar import CheckedGrammar

__all__ = ["RowState"]


@dataclass
class RowState:
    """Everything that the next steps of B rows depend on.

    lengths: (B,) steps so far, the start row counted. notes: (B,) notes made, not fed. fed: (B,)
    the length up to which a row was fed. ended: (B,) whether the piece is over. origin: (B,) where
    a row's own music begins, in the encoder's clock; NaN before it has begun. origin_seconds: (B,)
    the same in seconds. bar: (B,) the beats of a bar where it begins. settled: whether it has begun
    in every row.
    moved: (B,) how much later than in its steps a row's music stands on the time line of its
    prompt, in the encoder's clock. waiting: (B,) whether the first note may have to be moved on.
    returns, furthest: (B,) how often a row went back since it got furthest, as rules left nothing,
    and its length then.
    heard: what sounds in the rows, where the session has rules about notes.
    grammar: of the rows. state: the network's, each tensor or array (B, ...). hidden: (B, D), from
    which the next step is predicted.
    """

    lengths: NDArray[np.int64]
    notes: NDArray[np.int64]
    fed: NDArray[np.int64]
    ended: NDArray[np.bool_]
    origin: NDArray[np.float64]
    origin_seconds: NDArray[np.float64]
    bar: NDArray[np.float64]
    settled: bool
    moved: NDArray[np.float64]
    waiting: NDArray[np.bool_]
    returns: NDArray[np.int64]
    furthest: NDArray[np.int64]
    heard: Heard | None
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
        *,
        bar: float = 4.0,
        heard: Heard | None = None,
    ) -> RowState:
        """Return the state of rows that have read their start row and nothing else.

        bar: the beats of a bar, as far as is known.
        """
        one, none = np.ones(rows, np.int64), np.zeros(rows, np.int64)
        ended, origin = np.zeros(rows, bool), np.full(rows, np.nan)
        moved, waiting = np.zeros(rows), np.zeros(rows, bool)
        return cls(
            lengths=one,
            notes=none,
            fed=one.copy(),
            ended=ended,
            origin=origin,
            origin_seconds=origin.copy(),
            bar=np.full(rows, bar),
            settled=False,
            moved=moved,
            waiting=waiting,
            returns=none.copy(),
            furthest=none.copy(),
            heard=heard,
            grammar=grammar,
            state=state,
            hidden=hidden,
        )

    @property
    def now(self) -> NDArray[np.float64]:
        """(B,): where each row stands on the time line of its prompt, in the encoder's clock."""
        return self.grammar.now + self.moved

    @property
    def longest(self) -> int:
        """The number of steps of the longest row."""
        return int(max(self.lengths.tolist()))

    @property
    def nbytes(self) -> int:
        """The bytes of the network's part; the rest is small."""
        return int(sum(part.nbytes for part in (*self.state.values(), self.hidden)))

    def take_network(self, other: RowState, rows: NDArray[np.bool_]) -> None:
        """Take the network's part of some rows (B,) from another state of the same rows."""
        self.state = {
            name: _mixed(part, other.state[name], rows) for name, part in self.state.items()
        }
        self.hidden = _mixed(self.hidden, other.hidden, rows)

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
            self.bar[index],
            self.settled,
            self.moved[index],
            self.waiting[index],
            self.returns[index],
            self.furthest[index],
            None if self.heard is None else self.heard.select(index),
            self.grammar.select(index),
            {name: part[index] for name, part in self.state.items()},
            self.hidden[index],
        )


def _mixed(part: Any, other: Any, rows: NDArray[np.bool_]) -> Any:  # noqa: ANN401 - as `state`
    """Return a part (B, ...) with some rows (B,) of another; arrays or tensors."""
    index = np.flatnonzero(rows)
    mixed = part.copy() if isinstance(part, np.ndarray) else part.clone()
    mixed[index] = other[index]
    return mixed
