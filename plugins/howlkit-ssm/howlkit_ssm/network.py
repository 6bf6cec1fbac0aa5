"""The network: layers of selective state spaces, as in Mamba-2.

A layer keeps a matrix S for each head. At each step t (Dao and Gu 2024, "Transformers are SSMs",
section 2; a, dt, b, c and x are made from the step itself):

    S_t = a_t S_(t-1) + dt_t b_t x_t^T        a_t = exp(-dt_t e^A), between 0 and 1
    y_t = S_t^T c_t + skip x_t

Training computes many steps at once, without a loop over them: within a chunk all pairs of steps
are one masked matrix product, y_t = sum over s <= t of (a_(s+1) .. a_t) (c_t . b_s) dt_s x_s, and
only S passes from chunk to chunk (their section 6). A causal convolution over the last four steps
comes first. Where we differ: no biases, and decays that begin evenly spread between 3 and 1000
steps, since a phrase is some ten notes long and a piece some thousand.

Shapes: B rows, T steps, D width, I inner units, H heads of P = I / H units, N states. The state has
for each layer its matrices (B, H, N, P) and the last inputs of the convolution, (B, 3, I + 2 N).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["StateSpace"]

CHUNK = 64  # steps in a product: its cost is quadratic in them, but more chunks are more calls
TAPS = 4  # of the convolution
SHORTEST, LONGEST = 3, 1000  # steps in which a memory falls to 1 / e, before training

State = dict[str, Tensor]


class StateSpace(nn.Module):
    """A stack of layers; a `howlkit.protocols.Backbone`."""

    def __init__(
        self,
        width_in: int,
        *,
        width: int,
        layers: int,
        inner: int,
        heads: int,
        states: int,
        dropout: float,
    ) -> None:
        """Make a network of random weights; `howlkit_ssm.Ssm` explains the numbers."""
        super().__init__()
        self.width, self.dropout = width, dropout
        self.enter = nn.Linear(width_in, width, bias=False)
        self.layers = nn.ModuleList(
            Layer(width, inner=inner, heads=heads, states=states) for _ in range(layers)
        )
        self.norm = nn.RMSNorm(width)
        # The gate; x; b; c; dt: matrices of their own for Muon.
        rows = (inner, inner, states, states, heads)
        self.row_blocks = {f"layers.{number}.into.weight": rows for number in range(layers)}

    def forward(
        self, x: Tensor, state: State | None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Read x (B, T, width in) after `state`; return (B, T, D) and the state after it.

        lengths: (B,), the number of steps that count in each row; None: all. A row of length 0
        keeps its state.
        """
        if lengths is None:
            lengths = x.new_full((len(x),), x.shape[1], dtype=torch.int64)
        # The sum that layers add to stays in full precision, whatever autocast does to the parts.
        x = F.dropout(self.enter(x).float(), self.dropout, self.training)
        after: State = {}
        for number, layer in enumerate(self.layers):
            names = f"{number}.matrices", f"{number}.past"
            before = None if state is None else tuple(state[name] for name in names)
            y, *parts = layer(x, before, lengths)
            x = x + F.dropout(y, self.dropout, self.training)
            after.update(zip(names, parts, strict=True))
        return self.norm(x), after


class Layer(nn.Module):
    """A layer: normalise, convolve, remember, gate."""

    def __init__(self, width: int, *, inner: int, heads: int, states: int) -> None:
        super().__init__()
        self.heads = heads
        self.parts = [inner, inner + 2 * states, self.heads]  # gate; x, b and c; dt
        self.inner = [inner, states, states]
        self.norm = nn.RMSNorm(width)
        self.into = nn.Linear(width, sum(self.parts), bias=False)
        self.taps = nn.Parameter(torch.empty(TAPS, self.parts[1]))
        nn.init.uniform_(self.taps, -(TAPS**-0.5), TAPS**-0.5)
        waits = torch.linspace(math.log(SHORTEST), math.log(LONGEST), self.heads).exp()
        # Such that its softplus is 1 / waits.
        self.delta = nn.Parameter(torch.log(torch.expm1(1 / waits)))
        self.decay = nn.Parameter(torch.zeros(self.heads))
        self.skip = nn.Parameter(torch.ones(self.heads))
        self.norm_inner = nn.RMSNorm(inner)
        self.out = nn.Linear(inner, width, bias=False)
        nn.init.zeros_(self.out.weight)  # a layer begins as the identity

    def forward(
        self, x: Tensor, before: tuple[Tensor, Tensor] | None, lengths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is added to x (B, T, D), the matrices after x, and the last three inputs."""
        if before is None:
            inner, states, _ = self.inner
            matrices = x.new_zeros(len(x), self.heads, states, inner // self.heads)
            past = x.new_zeros(len(x), TAPS - 1, self.parts[1])
        else:
            matrices, past = before
        gate, mixed, delta = torch.split(self.into(self.norm(x)), self.parts, -1)
        mixed, past = self._convolve(mixed, past, lengths)
        values, b, c = torch.split(mixed, self.inner, -1)
        values = values.reshape(*x.shape[:2], self.heads, -1)  # (B, T, H, P)
        # With delta 0 a step leaves the matrices as they are: padding must not count.
        counts = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        delta = F.softplus(delta.float() + self.delta).where(counts[..., None], 0)  # (B, T, H)
        logs = -delta * self.decay.exp()
        made, added = [], values * delta[..., None]
        for begin in range(0, x.shape[1], CHUNK):
            at = slice(begin, begin + CHUNK)
            y, matrices = _remember(logs[:, at], added[:, at], b[:, at], c[:, at], matrices)
            made.append(y)
        y = torch.cat(made, 1) + self.skip[:, None] * values
        y = self.norm_inner(y.flatten(2) * F.silu(gate).float())
        return self.out(y), matrices, past

    def _convolve(self, x: Tensor, past: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return x (B, T, C) convolved with the steps before it, and the last three inputs."""
        steps = x.shape[1]
        x = torch.cat((past, x.to(past.dtype)), 1)  # (B, 3 + T, C)
        y = x[:, :steps] * self.taps[0]
        for tap in range(1, TAPS):
            y = y + x[:, tap : tap + steps] * self.taps[tap]
        last = lengths[:, None] + torch.arange(TAPS - 1, device=x.device)  # (B, 3)
        return F.silu(y), x.gather(1, last[..., None].expand(-1, -1, x.shape[2]))


def _remember(
    logs: Tensor, x: Tensor, b: Tensor, c: Tensor, matrices: Tensor
) -> tuple[Tensor, Tensor]:
    """Return y (B, T, H, P) of a chunk, and its matrices after it.

    logs: (B, T, H), ln a. x: (B, T, H, P), times dt. b, c: (B, T, N). matrices: (B, H, N, P).
    """
    steps = logs.shape[1]
    since = logs.cumsum(1).transpose(1, 2)  # (B, H, T), ln of a_1 .. a_t
    later = torch.ones(steps, steps, dtype=torch.bool, device=logs.device).triu(1)
    between = (since[..., :, None] - since[..., None, :]).masked_fill(later, -torch.inf).exp()
    x, b = x.transpose(1, 2), b.transpose(1, 2)[:, None]  # (B, H, T, P), (B, 1, N, T)
    weights = (c[:, None] @ b) * between  # (B, H, T, T)
    y = weights @ x + since.exp()[..., None] * (c[:, None] @ matrices)
    left = (since[..., -1:] - since).exp()[..., None]  # (B, H, T, 1), of each at the end
    after = since[..., -1].exp()[..., None, None] * matrices + b @ (left * x)
    return y.transpose(1, 2), after
