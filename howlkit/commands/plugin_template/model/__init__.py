"""Model `stencil`: gated causal convolutions, each looking twice as far back as the one before.

The layers of WaveNet (van den Oord et al. 2016), over steps instead of samples. The state that it
carries is the past that its convolutions still see: 2 ** layers steps in all.

Shapes: B rows, T steps, D width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from howlkit.hookspecs import hookimpl
from howlkit.options import option
from howlkit.protocols import Model
from howlkit.schema import Schema

if TYPE_CHECKING:
    from howlkit.head_options import HeadOptions
    from howlkit.network import Network


@dataclass(frozen=True)
class Stencil:
    """Gated causal convolutions that see 2 ** layers steps back."""

    width: int = option(192, "channels of each layer", low=1, high=8192)
    layers: int = option(7, "convolutions; one more sees twice as far back", low=1, high=12)
    dropout: float = option(0.1, "between the layers", low=0.0, high=0.95)
    name: ClassVar[str] = "stencil"

    def build(self, schema: Schema, heads: "HeadOptions") -> "Network":
        """Return a new network with random weights."""
        # Imported here, so that `howlkit --help` and `howlkit plugins list` do not import torch.
        from howlkit.network import Network
        from howlkit.commands.plugin_template.model.backbone import Stack

        backbone = Stack(heads.width_in(schema), self.width, self.layers, self.dropout)
        return Network(schema, heads, backbone)


@hookimpl
def register_models(register: Callable[[type[Model]], None]) -> None:
    """Register the component."""
    register(Stencil)
