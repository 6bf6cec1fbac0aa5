"""A model whose numbers stop being finite, as those of a plugin may: for a long piece, or at once.

way: "loss": what the network computes is NaN from step 60 of a piece on, since a state doubles at
every step. "gradients": they alone are, from there on, by the slope of a square root at zero.
"rate": everything is fine until weights move by as much as 1.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn

from howlkit import options
from howlkit.network.network import Network

AT = 60
"""The first step of a piece that is too late."""


@dataclass(frozen=True)
class Diverging:
    way: Literal["loss", "gradients", "rate"] = options.option("loss", "how it diverges")

    name: ClassVar[str] = "diverging"

    def build(self, schema, heads):
        return Network(schema, heads, Backbone(heads.width_in(schema), self.way))


class Backbone(nn.Module):
    width = 16

    def __init__(self, width_in, way):
        super().__init__()
        self.way, self.linear = way, nn.Linear(width_in, self.width)
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, x, state, lengths):
        begin = x.new_zeros((len(x), 1)) if state is None else state["count"]
        count = begin + torch.arange(x.shape[1])
        hidden = self.linear(x)  # (B, T, width)
        if self.way == "loss":
            doubled = 2.0 ** (count + 128 - AT)[..., None]
            hidden = hidden + (doubled - doubled)
        elif self.way == "gradients":
            hidden = hidden + torch.where(count < AT, 1.0, 0 * self.scale).sqrt()[..., None]
        else:
            hidden = hidden * torch.cosh(100 * self.scale + 1)
        steps = x.shape[1] if lengths is None else lengths[:, None]
        return hidden, {"count": begin + steps}
