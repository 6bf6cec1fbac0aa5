"""Model `ssm`: its options; `network.py` has the network, imported when one is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from howlkit.errors import OptionError
from howlkit.hookspecs import hookimpl
from howlkit.options import option
from howlkit.protocols import Model
from howlkit.schema import Schema

if TYPE_CHECKING:
    from howlkit.head_options import HeadOptions
    from howlkit.network import Network

__all__ = ["Ssm"]


@dataclass(frozen=True)
class Ssm:
    """State spaces as in Mamba-2 (Dao and Gu 2024): parallel in training, constant in memory."""

    width: int = option(256, "units between the layers", low=1, high=16384)
    layers: int = option(2, "layers", low=1, high=128)
    inner: int = option(384, "units within a layer", low=1, high=32768)
    heads: int = option(6, "parts of the inner units, each with its memory", low=1, high=1024)
    states: int = option(64, "numbers kept for each inner unit", low=1, high=1024)
    dropout: float = option(0.1, "of the input, and of what each layer adds", low=0.0, high=0.95)

    name: ClassVar[str] = "ssm"
    training_defaults: ClassVar[Mapping[str, object]] = MappingProxyType({"optimizer": "muon"})
    """What it is best trained with (`howlkit.protocols.TunedModel`)."""

    def __post_init__(self) -> None:
        """Refuse a number of heads that does not divide the inner units."""
        if self.inner % self.heads:
            nearest = self.heads * max(1, round(self.inner / self.heads))
            raise OptionError(
                f"ssm: {self.inner} inner units cannot be shared out among {self.heads} heads; "
                f"take ssm.inner={nearest}, or give ssm.heads"
            )

    def build(self, schema: Schema, heads: HeadOptions) -> Network:
        """Return a new network with random weights."""
        from howlkit.network import Network
        from howlkit_ssm.network import StateSpace

        backbone = StateSpace(
            heads.width_in(schema),
            width=self.width,
            layers=self.layers,
            inner=self.inner,
            heads=self.heads,
            states=self.states,
            dropout=self.dropout,
        )
        return Network(schema, heads, backbone)


@hookimpl
def register_models(register: Callable[[type[Model]], None]) -> None:
    """Register the model."""
    register(Ssm)
