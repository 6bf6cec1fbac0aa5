"""Recipes of networks that were trained by a loop of one's own, checked before they are kept."""

from __future__ import annotations

from howlkit import plugins
from howlkit.errors import ArgumentError
from howlkit.head_options import HeadOptions
from howlkit.network.build import build_shapes, first_difference
from howlkit.network.network import Network
from howlkit.protocols import Encoder, Model
from howlkit.training.recipe import Recipe

__all__ = ["recipe_of"]


def recipe_of(network: Network, encoder: str | Encoder, model: str | Model) -> Recipe:
    """Return the recipe that makes such a network: encoder, model, and the heads of the network.

    encoder, model: names, or components that are made. Raises ArgumentError if the model does not
    build such a network for the encoder, OptionError for a component of a name that another has.
    """
    maker: Encoder = plugins.create("encoder", encoder) if isinstance(encoder, str) else encoder
    builder: Model = plugins.create("model", model) if isinstance(model, str) else model
    if not hasattr(network, "state_dict") or not hasattr(network, "advance"):
        raise ArgumentError(
            f"network is a {type(network).__name__}; a howlkit.network.Network is needed, as "
            "model.build(encoder.schema, HeadOptions()) returns it"
        )
    heads = getattr(network, "heads", None)  # a network that a plugin wrote whole has none
    heads = heads if isinstance(heads, HeadOptions) else HeadOptions()
    recipe = Recipe.made(maker, builder, heads)
    schema = recipe.encoder.schema
    if getattr(network, "schema", schema) != schema:
        raise ArgumentError(
            f"the network was built for other fields than those of encoder {maker.name!r}: give "
            "the encoder, with its options, whose schema it was built for"
        )
    shapes = build_shapes(recipe.model, schema, recipe.heads)
    if difference := first_difference(shapes, network.state_dict()):
        raise ArgumentError(
            f"model {builder.name!r} builds another network than the one given: {difference}. Give "
            "the model, with its options, that built it"
        )
    return recipe
