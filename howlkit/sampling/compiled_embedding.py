"""The embedding of steps as arrays: what each value of each column is as a vector.

The same as howlkit.network.embedding, without torch. E is the width of an embedded step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.head_options import OCTAVES, HeadOptions
from howlkit.sampling.stored_network import NamedWeights
from howlkit.schema import Field, Schema

__all__ = ["EmbeddedValues"]

Array = NDArray[np.float32]


class EmbeddedValues:
    """The embedding of every value of every column; of bits, of every bit.

    values: by column, (n, width). slices: by column, where it stands in an embedded step: classes
    come first. width: E.
    """

    def __init__(self, schema: Schema, heads: HeadOptions, weights: NamedWeights) -> None:
        """Take the weights of the embedding; UnsuitedError if they do not fit."""
        classes = [field for field in schema.columns if field.kind == "class"]
        others = [field for field in schema.columns if field.kind != "class"]
        rows = 1 + sum(field.n for field in classes)
        table = weights.take("embed.table.weight", rows, heads.embedding)
        self.values: dict[str, Array] = {}
        self.slices: dict[str, slice] = {}
        self.width, begin = 0, 1
        for field in (*classes, *others):
            width = heads.width_of(field)
            self.slices[field.name] = slice(self.width, self.width + width)
            self.width += width
            if field.kind == "class":
                self.values[field.name] = table[begin : begin + field.n]
                begin += field.n
                continue
            features = _features(field)
            name = f"embed.linear.of_{field.name}.weight"  # `embedding.key_of`
            self.values[field.name] = features @ weights.take(name, width, features.shape[1]).T


def _features(field: Field) -> Array:
    """Return (n, .): what a field that is no class is embedded by, for each value or bit."""
    if field.kind == "bits":
        return np.eye(field.n, dtype=np.float32)
    number = np.arange(field.n, dtype=np.float32) / np.float32(max(field.n - 1, 1))  # 0..1
    angles = number[:, None] * (np.float32(np.pi) * 2.0 ** np.arange(OCTAVES, dtype=np.float32))
    return np.concatenate((number[:, None], np.sin(angles), np.cos(angles)), 1)
