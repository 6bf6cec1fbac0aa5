"""The last step of a session, kept until somebody asks what it cost.

Shapes: B rows, D width of the hidden vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LastStep"]


@dataclass(frozen=True)
class LastStep:
    """What the costs of the last step of B rows follow from.

    hidden: (B, D), from which the network predicted it. going: (B,), the rows that were not done
    before it. chances: (B, decisions), the probability with which each value was drawn in rows that
    were going.
    """

    hidden: Any
    going: NDArray[np.bool_]
    chances: NDArray[np.float64]

    def select(self, index: NDArray[np.intp]) -> LastStep:
        """Return the last step of the rows `index`, in this order."""
        return LastStep(self.hidden[index], self.going[index], self.chances[index])

    @property
    def drawn_nats(self) -> NDArray[np.float64]:
        """(B,): the nats of the step under the distributions that its values were drawn from."""
        chances = np.where(self.going[:, None], self.chances, 1.0)
        return np.asarray(
            np.abs(np.log(chances).sum(axis=1))
        )  # abs: 0, not -0, where all was forced
