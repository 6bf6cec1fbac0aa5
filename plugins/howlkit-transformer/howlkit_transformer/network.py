"""The network: a decoder whose layers attend to a bounded number of steps before each.

A block is what most decoders have now (Llama, Touvron et al. 2023): RMSNorm before each part (Zhang
and Sennrich 2019), rotary positions (Su et al. 2021), heads in groups that share keys and values
(Ainslie et al. 2023), SwiGLU (Shazeer 2020), no biases; and queries and keys of norm 1 (Henry et
al. 2020), with which it trains at higher rates. Attention is over a sliding window in every layer,
in training too, so that a step costs the same however long a piece is, and L layers look back L
windows. Keys and values of the last window are the carried state (Transformer-XL, Dai et al. 2019).

Shapes: B rows, T steps, D width, H heads, G of which share one of the K heads of keys and values
(H = G K), A the width of a head, S steps that are kept (at most `window`). The state has the keys
and values of each layer, (B, S, 2 K, A), the newest last, and `seen` (B,), how many steps there
were: where a row has seen fewer than S, what stands before them means nothing.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from howlkit_transformer import Shape

__all__ = ["Decoder"]

PERIOD = 65536
"""Every rotary wave comes round in so many steps, so positions can be counted for ever."""

State = dict[str, Tensor]


class Decoder(nn.Module):
    """Blocks of attention and SwiGLU; a `howlkit.protocols.Backbone`.

    is_compiled: whether single steps of one row are computed by compiled.py, where they can be.
    """

    turns: Tensor

    def __init__(self, width_in: int, shape: Shape, *, window: int, dropout: float) -> None:
        super().__init__()
        self.width, self.window, self.dropout = shape.width, window, dropout
        self.group = shape.heads // shape.kv_heads
        self.kept_shape = (0, 2 * shape.kv_heads, shape.width // shape.heads)
        self.enter = nn.Linear(width_in, shape.width, bias=False)
        self.blocks = nn.ModuleList(Block(shape, dropout) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width)
        self.register_buffer("turns", _turns(shape.width // shape.heads), persistent=False)
        self.names = [str(number) for number in range(shape.layers)]  # of the layers' state
        self.is_compiled = find_spec("numba") is not None
        self._places = [place for block in self.blocks for place in _places(block)]
        self._views: tuple[list[int], Any] = [], ()  # where the weights are, and arrays of them

    def forward(
        self, x: Tensor, state: State | None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Take in x (B, T, width in) after `state`; return (B, T, D) and the state after it.

        lengths (B,): the steps that count in each row; None: all. A row of length 0 keeps its
        state.
        """
        rows, steps = x.shape[:2]
        if state is None:
            empty = x.new_zeros(rows, *self.kept_shape)
            state = {name: empty for name in self.names}
            state["seen"] = torch.zeros(rows, dtype=torch.int64, device=x.device)
        seen = state["seen"]
        cos, sin = self._rotation(seen[:, None] + torch.arange(steps, device=x.device))
        # What blocks add to stays in whole precision, whatever autocast makes of the parts.
        x = F.dropout(self.enter(x).float(), self.dropout, self.training)
        if rows == steps == 1 and lengths is None and self._can_be_compiled(state):
            x, after = self._step(x, state, cos, sin)
            return self.norm(x), after
        kept = state["0"].shape[1]
        mask, keep = self._mask(seen, kept, steps), self._kept(kept, steps, lengths)
        after = {"seen": seen + (steps if lengths is None else lengths)}
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
        """Return which of S + T keys each query sees, (B or 1, 1, G T, S + T); None: all.

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
        """Return which of S + T keys are kept: the same of each row, or (B, S after)."""
        keep = min(self.window, kept + steps)
        if lengths is None:
            return slice(kept + steps - keep, None)
        last = kept + lengths[:, None]
        # Below 0 there is nothing, and `seen` says so.
        return (last - keep + torch.arange(keep, device=lengths.device)).clamp(min=0)

    def _can_be_compiled(self, state: State) -> bool:
        plain = self.training or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu")
        kept = state["0"]
        return (
            self.is_compiled
            and not plain
            and kept.device.type == "cpu"
            and kept.dtype == torch.float32
        )

    def _step(self, x: Tensor, state: State, cos: Tensor, sin: Tensor) -> tuple[Tensor, State]:
        """Return what the blocks make of x (1, 1, D), by machine code, and the state after it."""
        from howlkit_transformer.compiled import advance

        kept = tuple(np.ascontiguousarray(state[name].numpy()[0]) for name in self.names)
        steps, *rest = kept[0].shape
        buffers = np.empty((len(kept), steps + 1, *rest), np.float32)
        y = x.numpy().reshape(-1).copy()
        first = max(0, steps - int(state["seen"]))
        turned = cos.numpy().reshape(-1), sin.numpy().reshape(-1)
        advance(y, self._weights(), kept, buffers, *turned, first)
        dropped = max(0, steps + 1 - self.window)
        after = {"seen": state["seen"] + 1}
        for number, name in enumerate(self.names):
            after[name] = torch.from_numpy(buffers[number : number + 1, dropped:])
        return torch.from_numpy(y).view_as(x), after

    def _weights(self) -> Any:  # noqa: ANN401 - a tuple for each block, as compiled.py has them
        """Return the weights as arrays: views, made again where a weight has moved."""
        weights = [parameters[name] for parameters, name in self._places]
        where = [weight.data_ptr() for weight in weights]
        if self._views[0] != where:
            arrays = [weight.detach().numpy() for weight in weights]
            each = len(arrays) // len(self.blocks)
            blocks = (arrays[i : i + each] for i in range(0, len(arrays), each))
            self._views = where, tuple(map(tuple, blocks))
        return self._views[1]


class Block(nn.Module):
    """Attention, then SwiGLU, each added to what it was given."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        width, _, self.heads, self.kv_heads = shape
        self.head = width // self.heads
        hidden = 32 * math.ceil(width / 12)  # 8/3 of the width: as many weights as without a gate
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
        """Return x (B, T, D) after the block, and the keys and values (B, S + T, 2 K, A) it saw."""
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
        # The heads of a group are rows of one query, so that their keys need no copies.
        queries = queries * self.sharpness[:, None].to(queries.dtype)
        queries = queries.transpose(1, 2).reshape(rows, self.kv_heads, -1, self.head)
        y = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)  # (B, K, G T, A)
        y = y.view(rows, self.heads, steps, self.head).transpose(1, 2)  # (B, T, H, A)
        return self.out(y.reshape(rows, steps, width)), buffer


def _places(block: nn.Module) -> list[tuple[dict[str, Any], str]]:
    """Return where a block's weights are to be found, in the order in which they are used.

    That is quicker to look through at every step than the modules, and true whatever replaces a
    weight.
    """
    order = (
        "norm.weight into.weight sharpness out.weight norm_gated.weight gated.weight down.weight"
    )
    split = [name.rpartition(".") for name in order.split()]
    return [(block.get_submodule(module)._parameters, name) for module, _, name in split]


def _turns(head: int) -> Tensor:
    """Return (A / 2,) how many of the 65536 parts of a turn each wave makes in a step.

    From one radian a step to a turn in 65536 steps, evenly in their logarithms: the usual waves
    (base 10000), each rounded to a whole number.
    """
    exponents = torch.linspace(1, 0, head // 2, dtype=torch.float64)
    return ((PERIOD / (2 * math.pi)) ** exponents).round().long()


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return x (B, T, H, A) with the pairs (i, i + A / 2) turned."""
    return x * cos + x.roll(x.shape[-1] // 2, -1) * sin


def _take(buffer: Tensor, keep: Tensor | slice) -> Tensor:
    """Return the steps `keep` of keys and values (B, S + T, 2 K, A)."""
    if isinstance(keep, slice):
        return buffer[:, keep]
    return buffer.gather(1, keep[:, :, None, None].expand(-1, -1, *buffer.shape[2:]))
