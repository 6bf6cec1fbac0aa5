"""The weights around a backbone as a compiled runner has them.

A value reaches a backbone and the heads after its own only through matrices, so what it gives to
them is a row of a table that is made once. At each step only the weights that hidden vectors are
multiplied by are read as a whole.

Letters: G width of what enters a backbone, D of the hidden vector, K decisions, W width of a head,
R rows of the tables.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.sampling.compiled_embedding import EmbeddedValues
from howlkit.sampling.compiled_fields import FieldArrays
from howlkit.sampling.compiled_heads import HeadArrays
from howlkit.sampling.compiled_inputs import InputTables
from howlkit.sampling.stored_network import NamedWeights, StoredNetwork, UnsuitedError

__all__ = ["OuterWeights"]

LARGEST_TABLES = 2**27  # bytes

Array = NDArray[np.float32]


class OuterWeights:
    """The weights of embedding and heads, with the first matrix of a backbone multiplied in."""

    def __init__(
        self,
        stored: StoredNetwork,
        weights: NamedWeights,
        fields: FieldArrays,
        entry: Array,
        entry_bias: Array,
        width: int,
    ) -> None:
        """Take the weights that are not the backbone's.

        entry, entry_bias: (G, D in), (G,), the first linear map of the backbone. width: D.
        Raises UnsuitedError if they do not fit, or tables would be too large.
        """
        schema, heads = stored.schema, stored.heads
        heads_in = len(schema.decisions) * heads.width
        rows = fields.rows * (2 if heads.repeats else 1)
        if 4 * (rows * (len(entry) + heads_in) + fields.rows * heads_in) > LARGEST_TABLES:
            raise UnsuitedError("its tables would be too large")
        embedded = EmbeddedValues(schema, heads, weights)
        self.heads = HeadArrays(schema, heads, weights, fields, embedded, width)
        self.inputs = InputTables(
            schema, heads, weights, fields, embedded, entry, entry_bias,
            self.heads.skip, self.heads.bias,
        )  # fmt: skip
