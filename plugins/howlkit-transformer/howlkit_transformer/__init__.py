"""Model `transformer`: its options and sizes. network.py has the network and is imported late."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from howlkit.errors import OptionError
from howlkit.hookspecs import hookimpl
from howlkit.options import option
from howlkit.protocols import Model
from howlkit.schema import Schema
from howlkit_transformer.shape import HEAD, RATES, SIZES, Shape

if TYPE_CHECKING:
    from howlkit.head_options import HeadOptions
    from howlkit.network import Network
    from howlkit.sampling import Runner, StoredNetwork

__all__ = ["SIZES", "Shape", "Transformer"]


@dataclass(frozen=True)
class Transformer:
    """Attention over the last notes (Vaswani et al. 2017) in its present form, with a cache."""

    size: Literal["tiny", "small", "medium", "large"] = option(
        "tiny", "1, 5, 25 or 99 million parameters; other options override it"
    )
    window: int = option(
        256, "the number of steps that each layer looks back, and that are kept", low=1, high=32768
    )
    dropout: float = option(0.1, "of the input, and of what each layer adds", low=0.0, high=0.95)
    width: int | None = option(None, "units of each layer; none: of the size", low=8, high=16384)
    layers: int | None = option(None, "blocks; none: of the size", low=1, high=128)
    heads: int | None = option(None, "heads of attention; none: 64 units each", low=1, high=256)
    kv_heads: int | None = option(
        None, "heads of keys and values, shared among the heads; none: of the size", low=1, high=256
    )
    taps: int = option(
        4, "steps that a convolution mixes before the blocks; 1: none", low=1, high=64, before=1
    )

    name: ClassVar[str] = "transformer"

    def __post_init__(self) -> None:
        """Raise OptionError for a width and heads that do not fit each other."""
        width, _, heads, kv_heads = self.shape
        if width % (2 * heads):
            raise OptionError(
                f"transformer: a width of {width} cannot be shared out among {heads} heads, each "
                f"of an even width; take transformer.width={2 * heads * round(width / 2 / heads)}, "
                "or give transformer.heads"
            )
        if heads % kv_heads:
            raise OptionError(
                f"transformer: {heads} heads cannot share {kv_heads} heads of keys and values "
                "evenly; transformer.kv_heads must divide transformer.heads"
            )

    @property
    def shape(self) -> Shape:
        """The shape that the options give: that of `size`, with given options in its place.

        >>> Transformer(width=128).shape
        Shape(width=128, layers=3, heads=2, kv_heads=1)
        """
        size = SIZES[self.size]
        width = self.width or size.width
        heads = self.heads or (size.heads if width == size.width else max(1, width // HEAD))
        kv_heads = self.kv_heads or math.gcd(heads, size.kv_heads)
        return Shape(width, self.layers or size.layers, heads, kv_heads)

    @property
    def training_defaults(self) -> dict[str, object]:
        """What it is best trained with (`howlkit.protocols.TunedModel`)."""
        return {"optimizer": "muon", "rate": RATES[self.size]}

    def build(self, schema: Schema, heads: HeadOptions) -> Network:
        """Return a new network with random weights."""
        from howlkit.network import Network
        from howlkit_transformer.network import Decoder

        backbone = Decoder(
            heads.width_in(schema),
            self.shape,
            window=self.window,
            taps=self.taps,
            dropout=self.dropout,
        )
        return Network(schema, heads, backbone)

    def compiled_runner(self, stored: StoredNetwork) -> Runner:
        """Return a runner of a network in compiled code (`howlkit.sampling.CompilableModel`)."""
        from howlkit.sampling import CompiledRunner, NamedWeights
        from howlkit_transformer.compiled import CompiledDecoder

        weights = NamedWeights(stored.weights)
        backbone = CompiledDecoder(weights, stored, self.shape, window=self.window, taps=self.taps)
        return CompiledRunner(stored, weights, backbone)


@hookimpl
def register_models(register: Callable[[type[Model]], None]) -> None:
    """Register the model."""
    register(Transformer)
