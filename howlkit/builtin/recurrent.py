"""The network of the models `lstm` and `gru`; `rnn.py` has their options and imports this late.

Dropout is where state does not pass: before, between and after the layers (Zaremba et al. 2014).

Shapes: B rows, T steps, D width, L layers, H hidden units. The state is a dict of (B, L, H).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

__all__ = ["Recurrent"]

State = dict[str, Tensor]


class Recurrent(nn.Module):
    """Recurrent layers and a processing block; a `howlkit.protocols.Backbone`."""

    def __init__(
        self,
        cell: str,
        width_in: int,
        hidden: int,
        *,
        layers: int,
        dropout: float,
        block: tuple[int, ...],
        block_dropout: float,
    ) -> None:
        super().__init__()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.parts = {"lstm": ("h", "c"), "gru": ("h",)}[cell]
        between = dropout if layers > 1 else 0.0  # torch warns of dropout with nothing to drop
        self.rnn = kind(width_in, hidden, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        widths = (hidden, *block)
        stages: list[nn.Module] = []
        for before, after in zip(widths, widths[1:], strict=False):
            stages += [_linear(before, after), nn.SELU(), nn.AlphaDropout(block_dropout)]
        self.block = nn.Sequential(*stages)
        self.width = hidden + (block[-1] if block else 0)
        if cell == "lstm":
            self._open_forget_gates(hidden)

    def _open_forget_gates(self, hidden: int) -> None:
        """Start with forget gates open, so that memory is long from the first step on.

        Bias 1, as Jozefowicz et al. 2015 (section 2.2) advise; torch's gates are in the order
        input, forget, cell, output, and it has two biases, of which one gets it.
        """
        with torch.no_grad():
            for layer in range(self.rnn.num_layers):
                getattr(self.rnn, f"bias_hh_l{layer}")[hidden : 2 * hidden] = 1.0

    def forward(
        self, x: Tensor, state: State | None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Take in x (B, T, D) after `state`; return (B, T, width) and the state after it.

        lengths (B,): the steps that count in each row; None: all. A row of length 0 keeps its
        state.
        """
        if state is None:
            shape = (x.shape[0], self.rnn.num_layers, self.rnn.hidden_size)
            state = {part: x.new_zeros(shape) for part in self.parts}
        x = self.dropout(x)
        if lengths is None or bool((lengths == x.shape[1]).all()):
            y, state = self._run(x, state)
        else:
            y, state = self._run_ragged(x, state, lengths)
        y = self.dropout(y)
        if len(self.block):
            y = torch.cat((y, self.block(y)), -1)
        return y, state

    def _run(self, x: Any, state: State) -> tuple[Any, State]:  # noqa: ANN401 - tensor or packed
        inner = tuple(state[part].transpose(0, 1).contiguous() for part in self.parts)  # (L, B, H)
        y, after = self.rnn(x, inner if len(inner) > 1 else inner[0])
        after = after if isinstance(after, tuple) else (after,)
        return y, {
            part: value.transpose(0, 1) for part, value in zip(self.parts, after, strict=True)
        }

    def _run_ragged(self, x: Tensor, state: State, lengths: Tensor) -> tuple[Tensor, State]:
        """Run the rows that have steps, each only as far as it goes."""
        rows = lengths.nonzero()[:, 0]
        y = x.new_zeros(x.shape[0], x.shape[1], self.rnn.hidden_size)
        if not len(rows):
            return y, state
        packed = pack_padded_sequence(
            x[rows], lengths[rows].cpu(), batch_first=True, enforce_sorted=False
        )
        some, after = self._run(packed, {part: value[rows] for part, value in state.items()})
        some, _ = pad_packed_sequence(some, batch_first=True, total_length=x.shape[1])
        y = y.index_copy(0, rows, some)
        merged = {p: state[p].index_copy(0, rows, after[p].to(state[p].dtype)) for p in self.parts}
        return y, merged


def _linear(width_in: int, width: int) -> nn.Linear:
    """Return a linear layer with the initial weights that SELU needs (variance 1 / width in)."""
    layer = nn.Linear(width_in, width)
    nn.init.normal_(layer.weight, std=width_in**-0.5)
    nn.init.zeros_(layer.bias)
    return layer
