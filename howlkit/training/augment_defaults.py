"""Which augmenters change the music of a run where nobody said: transposition, where it is little.

A small folder is seen so often within minutes that a network learns it by heart. Transposed at
random it says the same in other keys. Decided once, when a run begins, and part of its recipe from
then on; docs/training.md has figures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from howlkit import plugins
from howlkit.dataset import Dataset
from howlkit.training.recipe import Recipe

__all__ = ["SMALL", "with_augmenters"]

SMALL = 100_000
"""Training parts of fewer notes are transposed: ten minutes go through them a hundred times."""

TRANSPOSE = "transpose"


def with_augmenters(recipe: Recipe, data: Dataset, *, tell: Callable[[str], None]) -> Recipe:
    """Return a recipe that transposes its music if there is little of it.

    tell: gets a line that says so. A recipe stays as it is if no package brings `transpose`.
    """
    notes = int(np.asarray(data.note_counts)[data.indices("train")].sum())
    installed = {each.name for each in plugins.components("augmenter")}
    if notes >= SMALL or TRANSPOSE not in installed:
        return recipe
    tell(
        f"Only {notes:,} notes to train on, so each window is transposed at random "
        f"(--augment {TRANSPOSE}). --augment none leaves the music as it is"
    )
    return replace(recipe, augmenters=(plugins.create("augmenter", TRANSPOSE),))
