"""Rows dealt like cards: to the processes of a training, and to the parts of a batch.

Row 0 goes to the first, row 1 to the second, and so on around. Rows of a segment lie in the order
of their lengths, so all get about as much.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

__all__ = ["dealt", "joined"]


def dealt(rows: int, hands: int) -> list[range]:
    """Return which of so many rows each of at most `hands` gets, without those that get none.

    >>> dealt(5, 2), dealt(1, 2)
    ([range(0, 5, 2), range(1, 5, 2)], [range(0, 1)])
    """
    hands = max(min(hands, rows), 1)
    return [range(hand, rows, hands) for hand in range(hands)]


def joined(hands: Sequence[Tensor]) -> Tensor:
    """Return the rows (B, ...) of all hands in the order that they had before they were dealt.

    >>> import torch
    >>> joined([torch.tensor([0, 2, 4]), torch.tensor([1, 3])])
    tensor([0, 1, 2, 3, 4])
    """
    if len(hands) == 1:
        return hands[0]
    first = hands[0]
    rows = first.new_empty((sum(map(len, hands)), *first.shape[1:]))
    for number, hand in enumerate(hands):
        rows[number :: len(hands)] = hand
    return rows
