"""What compiled heads need to count votes, as arrays (head_kernels.py); see lag_votes.py.

Shapes: C columns of a step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.network.note_places import LAGS
from howlkit.network.repeat_scores import SCORES, class_of_scores
from howlkit.network.vote_fields import VoteFields
from howlkit.sampling.stored_network import NamedWeights
from howlkit.schema import Schema

__all__ = ["vote_rows", "vote_weights"]


def vote_rows(schema: Schema, voted: VoteFields | None) -> NDArray[np.int64]:
    """Return (C, 3), of each column: what votes for its values are found by.

    They are whether there are votes for it; its number among the details, -1 for a field that ranks
    notes; and what one more adds to the rank. voted: None: there are no votes.
    """
    rows = np.zeros((len(schema.columns), 3), np.int64)
    if voted is None:
        return rows
    for row, column in zip(rows, schema.columns, strict=True):
        row[0] = voted.has(column.name)
        row[1] = voted.details.index(column.name) if column.name in voted.details else -1
        row[2] = voted.places.ranked.get(column.name, 0)
    return rows


def vote_weights(weights: NamedWeights, voted: VoteFields | None, lag: int) -> NDArray[Any]:
    """Return (2, .): what votes weigh by the floor of the score of their lag, and then by the lag.

    Their product counts; the first row is for fields that rank notes, the second for details. lag:
    nearer ones weigh nothing. Without votes there are no columns.
    """
    if voted is None:
        return np.zeros((2, 0), np.float32)
    by_score = weights.take("hints.votes.by_score", 2, len(SCORES["beats"]) + 1)
    by_lag = np.exp(weights.take("hints.votes.by_lag", 2, LAGS))
    by_lag[:, : min(lag, LAGS) - 1] = 0
    return np.concatenate((np.exp(by_score)[:, class_of_scores("beats")], by_lag), 1)
