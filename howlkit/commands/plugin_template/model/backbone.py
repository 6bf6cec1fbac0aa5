"""The network of model `stencil`; the embedding and the heads around it are the core's."""

import torch
from torch import Tensor, nn

State = dict[str, Tensor]


class Stack(nn.Module):
    """Layers of two taps, in each layer twice as far apart; a `howlkit.protocols.Backbone`."""

    def __init__(self, width_in: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.enter = nn.Linear(width_in, width)
        self.layers = nn.ModuleList(Gated(width, 2**k) for k in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.leave = nn.LayerNorm(width)

    def forward(
        self, x: Tensor, state: State | None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Take in x (B, T, width in) after `state`; return (B, T, width) and the state after it.

        lengths (B,): the steps that count in each row; None: all.
        """
        if lengths is None:
            lengths = x.new_full((len(x),), x.shape[1], dtype=torch.long)
        y: Tensor = self.enter(x)
        after: State = {}
        for k, layer in enumerate(self.layers):
            past = None if state is None else state[f"past{k}"]
            more, after[f"past{k}"] = layer(self.dropout(y), past, lengths)
            y = y + more
        return self.leave(y), after


class Gated(nn.Module):
    """One layer: tanh times sigmoid of each step and the step `back` steps before it."""

    def __init__(self, width: int, back: int) -> None:
        super().__init__()
        self.back = back
        self.taps = nn.Linear(2 * width, 2 * width)
        self.mix = nn.Linear(width, width)

    def forward(self, x: Tensor, past: Tensor | None, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Take in x (B, T, D) after past (B, back, D); return (B, T, D) and the past after it."""
        if past is None:
            past = x.new_zeros(x.shape[0], self.back, x.shape[2])
        seen = torch.cat((past.to(x.dtype), x), 1)  # (B, back + T, D)
        both = torch.cat((seen[:, : x.shape[1]], x), -1)  # (B, T, 2 D)
        value, gate = self.taps(both).chunk(2, -1)
        # Each row keeps the last `back` steps of those that count in it.
        kept = lengths[:, None] + torch.arange(self.back, device=x.device)  # (B, back)
        index = kept[:, :, None].expand(-1, -1, x.shape[2])
        return self.mix(torch.tanh(value) * torch.sigmoid(gate)), seen.gather(1, index)
