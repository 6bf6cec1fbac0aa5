"""Models `lstm` and `gru`: recurrent networks that carry a state from note to note.

The backbone is n recurrent layers (torch's own), then Howl's processing block: linear layers with
SELU and alpha dropout (Klambauer et al. 2017). The output is the input of that block and its
result, concatenated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from howlkit.hookspecs import hookimpl
from howlkit.options import option
from howlkit.protocols import Model
from howlkit.schema import Schema

if TYPE_CHECKING:
    from howlkit.head_options import HeadOptions
    from howlkit.network.network import Network
    from howlkit.sampling.runner import Runner
    from howlkit.sampling.stored_network import StoredNetwork

__all__ = ["Gru", "Lstm"]


@dataclass(frozen=True)
class _Recurrent:
    hidden: int = option(320, "units of each recurrent layer", low=1, high=16384)
    layers: int = option(1, "recurrent layers", low=1, high=16)
    dropout: float = option(0.2, "before, between and after the layers", low=0.0, high=0.95)
    locked: bool = option(False, "one dropout mask for all steps of a window")
    weight_drop: float = option(0.0, "dropout of the recurrent matrices", low=0.0, high=0.95)
    block: int = option(0, "linear layers of the processing block (Howl: 3)", low=0, high=16)
    block_width: int = option(256, "units of each of them", low=1, high=16384)
    block_dropout: float = option(0.01, "alpha dropout in the block", low=0.0, high=0.95)

    name: ClassVar[str]

    def build(self, schema: Schema, heads: HeadOptions) -> Network:
        """Return a new network with random weights."""
        from howlkit.builtin.models.lstm_gru.network import Recurrent
        from howlkit.network.network import Network

        backbone = Recurrent(
            self.name,
            heads.width_in(schema),
            self.hidden,
            layers=self.layers,
            dropout=self.dropout,
            locked=self.locked,
            weight_drop=self.weight_drop,
            block=(self.block_width,) * self.block,
            block_dropout=self.block_dropout,
        )
        return Network(schema, heads, backbone)

    def compiled_runner(self, stored: StoredNetwork) -> Runner:
        """Return a runner of a network in compiled code (`howlkit.sampling.CompilableModel`)."""
        from howlkit.builtin.models.lstm_gru.compiled import CompiledRecurrent
        from howlkit.sampling.compiled_runner import CompiledRunner
        from howlkit.sampling.stored_network import NamedWeights, UnsuitedError

        if type(self) not in (Lstm, Gru):
            raise UnsuitedError(f"{self.name} is a subclass, which may build another network")
        weights = NamedWeights(stored.weights)
        backbone = CompiledRecurrent(
            weights,
            self.name,
            stored.heads.width_in(stored.schema),
            self.hidden,
            layers=self.layers,
            block=self.block,
            block_width=self.block_width,
        )
        return CompiledRunner(stored, weights, backbone)


@dataclass(frozen=True)
class Lstm(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997)."""

    name: ClassVar[str] = "lstm"


@dataclass(frozen=True)
class Gru(_Recurrent):
    """Gated recurrent units (Cho et al. 2014): a quarter smaller than lstm."""

    name: ClassVar[str] = "gru"


@hookimpl
def register_models(register: Callable[[type[Model]], None]) -> None:
    """Register both models."""
    register(Lstm)
    register(Gru)
