"""A model with a compiled step: a memory that fades at a rate of its own in each unit."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from howlkit.hookspecs import hookimpl
from howlkit.options import option


@dataclass(frozen=True)
class Memory:
    """A memory that fades at a rate of its own in each unit."""

    width: int = option(128, "units", low=1, high=8192)
    name: ClassVar[str] = "memory"

    def build(self, schema, heads):
        import torch
        from torch import nn

        from howlkit.network import Network

        class Fading(nn.Module):
            def __init__(self, width_in, width):
                super().__init__()
                self.width = width
                self.enter = nn.Linear(width_in, width)
                self.keep = nn.Parameter(torch.rand(width))

            def forward(self, x, state, lengths=None):
                h = x.new_zeros(len(x), self.width) if state is None else state["h"]
                y = []
                for t, entered in enumerate(self.enter(x).unbind(1)):
                    after = self.keep * h + entered
                    h = after if lengths is None else torch.where((lengths > t)[:, None], after, h)
                    y.append(h)
                return torch.stack(y, 1), {"h": h}

        return Network(schema, heads, Fading(heads.width_in(schema), self.width))

    def compiled_runner(self, stored):
        from howlkit.sampling import CompiledRunner, NamedWeights

        weights = NamedWeights(stored.weights)
        width_in = stored.heads.width_in(stored.schema)
        return CompiledRunner(stored, weights, CompiledMemory(weights, width_in, self.width))


class CompiledMemory:
    def __init__(self, weights, width_in, width):
        self.entry, self.entry_bias = weights.linear("backbone.enter", width, width_in)
        self.keep, self.width = weights.take("backbone.keep", width), width

    def start(self, rows):
        return {"h": np.zeros((rows, self.width), np.float32)}

    def step(self, x, state, going):
        h = np.where(going[:, None], self.keep * state["h"] + x, state["h"])
        return {"h": h}, h


@hookimpl
def register_models(register):
    register(Memory)
