"""The network of the models `lstm` and `gru`; __init__.py has their options.

Dropout is before, between and after the layers, never on the way of the state (Zaremba et al.
2014). Its mask is drawn anew for each step or, if `locked`, once for all steps of a window (Gal and
Ghahramani 2016). `weight_drop` is dropout of the recurrent matrices themselves (Merity et al. 2018,
AWD-LSTM).

Shapes: B rows, T steps, D width, L layers, H hidden units. The state is a dict of (B, L, H).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

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
        locked: bool,
        weight_drop: float,
        block: tuple[int, ...],
        block_dropout: float,
    ) -> None:
        super().__init__()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.parts = {"lstm": ("h", "c"), "gru": ("h",)}[cell]
        self.hidden = hidden
        self.layers = nn.ModuleList(
            kind(width, hidden, batch_first=True) for width in (width_in, *[hidden] * (layers - 1))
        )
        self.dropout, self.locked, self.weight_drop = dropout, locked, weight_drop
        widths = (hidden, *block)
        stages: list[nn.Module] = []
        for before, after in zip(widths, widths[1:], strict=False):
            stages += [_linear(before, after), nn.SELU(), nn.AlphaDropout(block_dropout)]
        self.block = nn.Sequential(*stages)
        self.width = hidden + (block[-1] if block else 0)
        if cell == "lstm":
            self._open_forget_gates()

    def _open_forget_gates(self) -> None:
        """Start with open forget gates, so that memory is long from the beginning of training.

        Bias 1, as Jozefowicz et al. 2015 (section 2.2) advise; torch's gates are in the order
        input, forget, cell, output, and it has two biases, of which only one is set to 1.
        """
        with torch.no_grad():
            for layer in self.layers:
                layer.get_parameter("bias_hh_l0")[self.hidden : 2 * self.hidden] = 1.0

    def forward(
        self, x: Tensor, state: State | None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Take in x (B, T, D) after `state`; return (B, T, width) and the state after it.

        lengths: (B,) the number of steps that count in each row; None: all. A row of length 0 keeps
        its state.
        """
        if state is None:
            shape = (x.shape[0], len(self.layers), self.hidden)
            state = {part: x.new_zeros(shape) for part in self.parts}
        if lengths is not None and bool((lengths == x.shape[1]).all()):
            lengths = None
        y, after = x, []
        for number, layer in enumerate(self.layers):
            inner = tuple(state[part][:, number] for part in self.parts)  # each (B, H)
            y = self._drop(y)
            if lengths is None:
                y, inner = self._run(layer, y, inner)
            else:
                y, inner = self._run_ragged(layer, y, inner, lengths)
            after.append(inner)
        y = self._drop(y)
        if len(self.block):
            y = torch.cat((y, self.block(y)), -1)
        states = [torch.stack(parts, 1) for parts in zip(*after, strict=True)]
        return y, dict(zip(self.parts, states, strict=True))

    def _drop(self, x: Tensor) -> Tensor:
        """Return x (B, T, D) after dropout, which there is in training only."""
        if not self.training or not self.dropout:
            return x
        if not self.locked:
            return F.dropout(x, self.dropout)
        return x * F.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), self.dropout)

    def _run_ragged(
        self, layer: nn.Module, x: Tensor, inner: tuple[Tensor, ...], lengths: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run one layer over the rows that have steps, over each row's own steps only."""
        rows = lengths.nonzero()[:, 0]
        y = x.new_zeros(x.shape[0], x.shape[1], self.hidden)
        if not len(rows):
            return y, inner
        packed = pack_padded_sequence(
            x[rows], lengths[rows].cpu(), batch_first=True, enforce_sorted=False
        )
        some, after = self._run(layer, packed, tuple(part[rows] for part in inner))
        some, _ = pad_packed_sequence(some, batch_first=True, total_length=x.shape[1])
        pairs = zip(inner, after, strict=True)
        merged = (old.index_copy(0, rows, new.to(old.dtype)) for old, new in pairs)
        return y.index_copy(0, rows, some), tuple(merged)

    def _run(
        self,
        layer: nn.Module,
        x: Any,  # noqa: ANN401 - a tensor, or a packed one
        inner: tuple[Tensor, ...],
    ) -> tuple[Any, tuple[Tensor, ...]]:
        """Run one layer over all steps of x; inner: the layer's state before, parts of (B, H)."""
        state = tuple(part.unsqueeze(0).contiguous() for part in inner)  # (1, B, H)
        arguments = x, state if len(state) > 1 else state[0]
        if self.training and self.weight_drop:
            matrix = F.dropout(layer.get_parameter("weight_hh_l0"), self.weight_drop)
            y, after = functional_call(layer, {"weight_hh_l0": matrix}, arguments)
        elif _lacks_bfloat16(x):
            with torch.autocast("cpu", enabled=False):
                wide = tuple(part.float() for part in state)
                y, after = layer(x.float(), wide if len(wide) > 1 else wide[0])
        else:
            y, after = layer(*arguments)
        after = after if isinstance(after, tuple) else (after,)
        return y, tuple(part[0] for part in after)


def _lacks_bfloat16(x: Any) -> bool:  # noqa: ANN401 - a tensor, or a packed one
    """Return whether a layer would run in bfloat16 on a CPU for which oneDNN has no such LSTM.

    torch asks oneDNN for it all the same, and fails.
    """
    here = x.data if isinstance(x, PackedSequence) else x
    on_cpu = here.device.type == "cpu" and torch.is_autocast_enabled("cpu")
    return on_cpu and not torch.ops.mkldnn._is_mkldnn_bf16_supported()


def _linear(width_in: int, width: int) -> nn.Linear:
    """Return a linear layer with the initial weights that SELU needs (variance 1 / width in)."""
    layer = nn.Linear(width_in, width)
    nn.init.normal_(layer.weight, std=width_in**-0.5)
    nn.init.zeros_(layer.bias)
    return layer
