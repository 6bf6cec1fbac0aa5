"""The arrays of a compiled runner: the fields, and the weights around a backbone.

A value reaches a backbone and the heads after its own only through matrices, so what it gives to
them is a row of a table that is made once. At each step only the weights that hidden vectors are
multiplied by are read as a whole.

Letters as in step_kernels.py: G width of what enters a backbone, D of the hidden vector, K
decisions, W width of a head, R rows of the tables.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.head_options import HeadOptions
from howlkit.sampling.stored_network import NamedWeights, StoredNetwork, UnsuitedError
from howlkit.schema import MARK, STEP, Field, Schema

__all__ = ["FieldArrays", "OuterWeights", "check_suited"]

LARGEST_TABLES = 2**27  # bytes

Array = NDArray[np.float32]


def check_suited(schema: Schema, heads: HeadOptions) -> None:
    """Raise UnsuitedError unless compiled code can decide such fields by such heads.

    It can decide classes by softmax, without the options `repeats`, `relative`, `skip`,
    `elapsed`, `pitch_classes` and `intervals`.
    """
    if any(field.kind != "class" for field in schema.columns):
        raise UnsuitedError("it has fields that are bits or real numbers")
    if any(heads.kind(field) != "softmax" for field in schema.decisions):
        raise UnsuitedError("it has heads that are no softmax")
    for name in ("repeats", "relative", "skip", "elapsed", "pitch_classes", "intervals"):
        if getattr(heads, name):
            raise UnsuitedError(f"it has heads.{name}")


class FieldArrays:
    """The fields of a schema as arrays, for the kernels.

    column: (K,) of each decision. begin: (K + 1,) the index of a decision's first choice among the
    choices of all. control: (C,) the column on which a column depends, -1 for none; when: (C, .)
    for which of its values. start: (C,) the first row of a column in the tables. place, wide: (C,)
    where the value of a column lies in a row of bytes, and whether it takes two bytes.
    """

    def __init__(self, schema: Schema) -> None:
        columns, decisions = schema.columns, schema.decisions
        names = [field.name for field in columns]
        self.column = np.array([names.index(field.name) for field in decisions])
        self.begin = np.cumsum([0, *(field.n for field in decisions)])
        self.control = np.full(len(columns), -1)
        self.when = np.zeros((len(columns), max(field.n for field in columns)), np.bool_)
        for c, field in enumerate(columns):
            if field.name == MARK.name or field.derived:
                continue
            name, values = field.when or (MARK.name, (STEP,))
            self.control[c] = names.index(name)
            self.when[c, list(values)] = True
        self.start = np.cumsum([1, *(field.n for field in columns)])[:-1]
        sizes = np.array([schema.dtype[name].itemsize for name in names])
        self.place, self.wide = np.cumsum(sizes) - sizes, sizes == 2
        self.reading = self.place, self.wide, self.control, self.when, self.start
        self.deciding = self.column, self.control, self.when, self.start
        self.writing = self.place, self.wide


class OuterWeights:
    """The weights of embedding and heads, with the first matrix of a backbone multiplied in.

    tables: (R, G) what each value gives to the backbone. entry_bias: (G,). added: (R, K W) what a
    decided value gives to the heads after it; empty if heads are independent. from_hidden: (K W, D)
    and from_hidden_bias, the linear map from the hidden vector to the inputs of all heads. out:
    (N, W) and out_bias, the last layers of all heads.
    """

    def __init__(
        self,
        stored: StoredNetwork,
        weights: NamedWeights,
        entry: Array,
        entry_bias: Array,
        width: int,
    ) -> None:
        """Take the weights that are not the backbone's.

        entry, entry_bias: (G, D in), (G,), the first linear map of the backbone. width: D.
        """
        schema, heads = stored.schema, stored.heads
        fields, arrays, embedded_width = schema.decisions, FieldArrays(schema), heads.embedding
        rows = 1 + sum(field.n for field in schema.columns)
        self.head_width, heads_in = heads.width, len(fields) * heads.width
        if 4 * rows * (len(entry) + heads_in) > LARGEST_TABLES:
            raise UnsuitedError("its tables would be too large")
        embedded = weights.take("embed.table.weight", rows, embedded_width)
        self.entry_bias = entry_bias
        if heads.input:
            narrow, bias = weights.linear("narrow", heads.input, heads.width_of_step(schema))
            self.entry_bias = entry_bias + entry @ bias
            entry = entry @ narrow
        self.tables = np.zeros((rows, len(entry)), np.float32)
        self.added = np.zeros((0, 0), np.float32)
        if heads.chained:
            from_fields = weights.take("from_fields", heads_in, heads.width_of_step(schema))
            self.added = np.zeros((rows, heads_in), np.float32)
        for c, (field, begin) in enumerate(zip(schema.columns, arrays.start, strict=True)):
            here = slice(begin, begin + field.n)
            part = slice(c * embedded_width, (c + 1) * embedded_width)
            self.tables[here] = embedded[here] @ entry[:, part].T
            if heads.chained and not field.derived:  # given to the heads behind its own
                behind = slice((fields.index(field) + 1) * heads.width, None)
                self.added[here, behind] = embedded[here] @ from_fields[behind, part].T
        self.from_hidden, self.from_hidden_bias = weights.linear("from_hidden", heads_in, width)
        heads_out = [weights.linear(_head(field), field.n, heads.width) for field in fields]
        self.out = np.concatenate([weight for weight, _ in heads_out])
        self.out_bias = np.concatenate([bias for _, bias in heads_out])


def _head(field: Field) -> str:
    """Return the name of the last layer of a field's head (`embedding.key_of`)."""
    return f"out.of_{field.name}.out"
