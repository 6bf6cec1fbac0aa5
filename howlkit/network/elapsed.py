"""How far a piece has gone: an input from the number of steps since its start, so that pieces end.

With n(t) the number of ordinary steps (`mark` is STEP) of a piece up to row t, row t included, and
the edges e_j = 4 * 2^(j / 4), rounded up, j = 0 .. EDGES - 1, the backbone's input at row t gets

    a times the sum of w_j over all j with e_j <= n(t),

where w (EDGES, D in) is learnt and begins at 0, and a is `heads.elapsed_scale`. An update of Adam
moves each weight equally far, so a sum of forty would move forty times as far as any other weight
of the network: a is there to make up for that. A class of lengths is a quarter of an octave
wide, and music longer than any that was trained on gets what the longest piece got: the w_j beyond
it are still 0. The whole state is n, one number a row.

Shapes: B rows, T steps, D in the width of the backbone's input.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from howlkit.network.input_state import EDGES, EDGES_AT, ELAPSED
from howlkit.schema import STEP

__all__ = ["Elapsed", "class_of"]

Columns = dict[str, Tensor]
State = dict[str, Tensor]


def class_of(steps: Tensor) -> Tensor:
    """Return the number of edges that are not above each of `steps`, in 0 .. EDGES.

    >>> class_of(torch.tensor([0, 3, 4, 8, 16, 10**9])).tolist()
    [0, 0, 1, 5, 9, 72]
    """
    edges = torch.tensor(EDGES_AT, dtype=steps.dtype, device=steps.device)
    return torch.bucketize(steps, edges, right=True)


class Elapsed(nn.Module):
    """What is added to a backbone's input; `width`: D in, `scale`: a."""

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self._scale = scale
        self.weight = nn.Parameter(torch.zeros(EDGES, width))

    def forward(
        self, steps: Columns, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        """Return (B, T, D in) for steps (B, T) after `state`, and the new state.

        state: of the network; without n, the rows begin their pieces. lengths: (B,) how many steps
        of each row count; None: all.
        """
        count = torch.cumsum(steps["mark"] == STEP, 1)  # (B, T)
        before = count.new_zeros(len(count)) if state is None else state.get(ELAPSED)
        before = count.new_zeros(len(count)) if before is None else before
        count = count + before[:, None]
        added = F.embedding(class_of(count), self.sums())
        ends = (
            count.new_full((len(count), 1), count.shape[1]) if lengths is None else lengths[:, None]
        )
        after = torch.cat((before[:, None], count), 1).gather(1, ends)[:, 0]
        return added, {ELAPSED: after}

    def sums(self) -> Tensor:
        """Return (EDGES + 1, D in): what each class gets."""
        return F.pad(self.weight.cumsum(0) * self._scale, (0, 0, 1, 0))
