"""The network: a decoder in which each step attends to a bounded number of steps before it.

Blocks are as in most decoders now (Llama, Touvron et al. 2023): RMSNorm before each part (Zhang and
Sennrich 2019), rotary positions (Su et al. 2021), heads in groups that share keys and values
(Ainslie et al. 2023), SwiGLU (Shazeer 2020), no biases; and queries and keys of norm 1 (Henry et
al. 2020), with which it trains at higher rates. Attention is over a sliding window in every layer,
in training too, so that a step costs the same however long a piece is, and L layers look back L
windows. Keys and values of the last window are the carried state (Transformer-XL, Dai et al. 2019).

Shapes: B rows, T steps, D width, H heads, K heads of keys and values, each shared by G heads (H = G
K), A the width of a head, S steps that are kept (at most `window`). The state has the keys and
values of each layer, (B, S, 2 K, A), the newest last, and `seen` (B,), the number of steps that
each row has read: if they are fewer than S, the entries before them mean nothing. With a
convolution before the blocks it also has `past`, the last inputs of that, (B, taps - 1, D).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from howlkit_transformer.positions import PERIOD, turns

if TYPE_CHECKING:
    from howlkit_transformer.shape import Shape

__all__ = ["Decoder"]

State = dict[str, Tensor]


class Decoder(nn.Module):
    """Blocks of attention and SwiGLU; a `howlkit.protocols.Backbone`."""

    turns: Tensor

    def __init__(
        self, width_in: int, shape: Shape, *, window: int, taps: int, dropout: float
    ) -> None:
        super().__init__()
        self.width, self.window, self.dropout = shape.width, window, dropout
        self.group = shape.heads // shape.kv_heads
        self.kept_shape = (0, 2 * shape.kv_heads, shape.width // shape.heads)
        self.enter = nn.Linear(width_in, shape.width, bias=False)
        self.mix = Mix(shape.width, taps) if taps > 1 else None
        self.blocks = nn.ModuleList(Block(shape, dropout) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width)
        self.register_buffer(
            "turns", torch.from_numpy(turns(shape.width // shape.heads)), persistent=False
        )
        self.names = [str(number) for number in range(shape.layers)]  # of the layers' state
        heads = shape.width // shape.heads * shape.kv_heads  # rows of all keys, or all values
        self.row_blocks = {  # queries, keys and values; gates and what they let through
            f"blocks.{name}.{part}.weight": rows
            for name in self.names
            for part, rows in (
                ("into", (shape.width, heads, heads)),
                ("gated", (shape.hidden, shape.hidden)),
            )
        }

    def forward(
        self, x: Tensor, state: State | None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Take in x (B, T, width in) after `state`; return (B, T, D) and the state after it.

        lengths (B,): the steps that count in each row; None: all. A row of length 0 keeps its
        state.
        """
        if state is None:
            empty = x.new_zeros(len(x), *self.kept_shape)
            state = {name: empty for name in self.names}
            state["seen"] = torch.zeros(len(x), dtype=torch.int64, device=x.device)
            if self.mix is not None:
                state["past"] = x.new_zeros(len(x), len(self.mix.taps), self.width)
        return self.run_blocks(self.enter(x), state, lengths)

    def run_blocks(self, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
        """Run the blocks on x (B, T, D), the output of `enter`; the rest as `forward`."""
        steps, seen = x.shape[1], state["seen"]
        cos, sin = self._rotation(seen[:, None] + torch.arange(steps, device=x.device))
        kept = state["0"].shape[1]
        mask, keep = self._mask(seen, kept, steps), self._kept(kept, steps, lengths)
        after = {"seen": seen + (steps if lengths is None else lengths)}
        # The sum that blocks add to stays in float32, even if autocast computes blocks in bfloat16.
        x = x.float()
        if self.mix is not None:
            x, after["past"] = self.mix(x, state["past"], lengths)
        x = F.dropout(x, self.dropout, self.training)
        for name, block in zip(self.names, self.blocks, strict=True):
            x, buffer = block(x, state[name], cos, sin, mask)  # (B, S + T, 2 K, A)
            after[name] = _take(buffer, keep)
        return self.norm(x), after

    def _rotation(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cosine and the sine of each angle at positions (B, T): (B, T, 1, A).

        Turns are counted in whole 1/65536, so angles are as exact after a million steps as at the
        first. The sine is that of the first half negated, as `_rotate` wants it.
        """
        turns = (positions[..., None, None] * self.turns) % PERIOD
        angle = turns * (2 * math.pi / PERIOD)  # (B, T, 1, A / 2)
        cos, sin = angle.cos(), angle.sin()
        return torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)

    def _mask(self, seen: Tensor, kept: int, steps: int) -> Tensor | None:
        """Return which of S + T keys each query sees, (B or 1, 1, G T, S + T); None: all of them.

        A query sees itself and the `window` steps before it.
        """
        full = bool((seen >= kept).all())
        if full and steps == 1:
            return None
        time = torch.arange(-kept, steps, device=seen.device)  # of keys; of queries 0 .. T - 1
        back = torch.arange(steps, device=seen.device)[:, None] - time  # (T, S + T)
        sees = ((back >= 0) & (back <= self.window))[None]
        if not full:
            sees = sees & (time >= -seen[:, None])[:, None]
        return sees[:, None].repeat(1, 1, self.group, 1)

    def _kept(self, kept: int, steps: int, lengths: Tensor | None) -> Tensor | slice:
        """Return which of S + T keys are kept: a slice if rows are alike, or else (B, new S)."""
        keep = min(self.window, kept + steps)
        if lengths is None:
            return slice(kept + steps - keep, None)
        last = kept + lengths[:, None]
        # An index below 0 is an entry that means nothing, as `seen` says.
        return (last - keep + torch.arange(keep, device=lengths.device)).clamp(min=0)


class Mix(nn.Module):
    """Adds to each step a weighted sum of the `taps` - 1 steps before it, unit by unit.

    Attention needs a layer to find the step before. So the first layer can look for passages that
    began alike, as layers do after one that shifts (Fu et al. 2023, "Hungry hungry hippos").
    """

    def __init__(self, width: int, taps: int) -> None:
        super().__init__()
        self.taps = nn.Parameter(torch.empty(taps - 1, width))  # the furthest step first
        nn.init.uniform_(self.taps, -(taps**-0.5), taps**-0.5)

    def forward(self, x: Tensor, past: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return x (B, T, D) mixed, and the inputs to keep, as `past`: (B, taps - 1, D)."""
        count, steps = len(self.taps), x.shape[1]
        longer = torch.cat((past.to(x.dtype), x), 1)
        for tap in range(count):
            x = x + longer[:, tap : tap + steps] * self.taps[tap]
        if lengths is None:
            return x, longer[:, steps:]
        last = lengths[:, None] + torch.arange(count, device=x.device)
        return x, longer.gather(1, last[..., None].expand(-1, -1, x.shape[2]))


class Block(nn.Module):
    """Attention, then SwiGLU; the result of each is added to its input."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        width, self.heads, self.kv_heads = shape.width, shape.heads, shape.kv_heads
        self.head = width // self.heads
        hidden = shape.hidden
        self.dropout = dropout
        self.norm = nn.RMSNorm(width)
        self.into = nn.Linear(width, (self.heads + 2 * self.kv_heads) * self.head, bias=False)
        self.sharpness = nn.Parameter(torch.ones(self.heads))
        self.out = nn.Linear(width, width, bias=False)
        self.norm_gated = nn.RMSNorm(width)
        self.gated = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)
        for linear in (self.out, self.down):  # a block begins as the identity
            nn.init.zeros_(linear.weight)

    def forward(
        self, x: Tensor, kept: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return x (B, T, D) after the block, and all keys and values, (B, S + T, 2 K, A)."""
        y, buffer = self._attend(self.norm(x), kept, cos, sin, mask)
        x = x + F.dropout(y, self.dropout, self.training)
        gate, value = self.gated(self.norm_gated(x)).chunk(2, -1)
        y = self.down(F.silu(gate) * value)
        return x + F.dropout(y, self.dropout, self.training), buffer

    def _attend(
        self, x: Tensor, kept: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        rows, steps, width = x.shape
        parts = self.into(x).view(rows, steps, -1, self.head)
        turned, values = torch.split(parts, [self.heads + self.kv_heads, self.kv_heads], 2)
        turned = _rotate(F.rms_norm(turned, (self.head,)), cos, sin).to(values.dtype)
        queries, keys = torch.split(turned, [self.heads, self.kv_heads], 2)
        new = torch.cat((keys, values), 2)
        buffer = torch.cat((kept.to(new.dtype), new), 1)
        keys, values = buffer.transpose(1, 2).chunk(2, 1)  # (B, K, S + T, A)
        # The heads of a group become rows of one query, so that their keys need no copies.
        queries = queries * self.sharpness[:, None].to(queries.dtype)
        queries = queries.transpose(1, 2).reshape(rows, self.kv_heads, -1, self.head)
        y = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)  # (B, K, G T, A)
        y = y.view(rows, self.heads, steps, self.head).transpose(1, 2)  # (B, T, H, A)
        return self.out(y.reshape(rows, steps, width)), buffer


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return x (B, T, H, A) with the pairs (i, i + A / 2) rotated."""
    return x * cos + x.roll(x.shape[-1] // 2, -1) * sin


def _take(buffer: Tensor, keep: Tensor | slice) -> Tensor:
    """Return the steps `keep` of the keys and values in buffer (B, S + T, 2 K, A)."""
    if isinstance(keep, slice):
        return buffer[:, keep]
    return buffer.gather(1, keep[:, :, None, None].expand(-1, -1, *buffer.shape[2:]))
