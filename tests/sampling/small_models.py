"""A small model with random weights, that begins with how often values occur in a tune."""

import functools

import torch

from howlkit.network.likelihood import unigram
from howlkit.sampling.trained import Trained
from howlkit.training.recipe import Recipe
from tests.conftest import tune


@functools.cache
def small_model(encoder):
    torch.manual_seed(0)
    recipe = Recipe.choose(encoder, "lstm", values={"lstm": {"hidden": 8, "layers": 1}})
    # Much music, so that a long rest, which never occurs in it, is as rare as it is after training.
    counts = unigram(recipe.encoder, [tune(seed, bars=400) for seed in range(3)])
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    network.start_at(counts)
    seen = {field: count.tolist() for field, count in counts.items()}
    return Trained(recipe, network, {"unigram": seen, "tempo": 500_000}, "plain")
