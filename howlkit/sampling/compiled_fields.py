"""The fields of a schema as arrays, for compiled code.

Letters: C columns of a step, K decisions.
"""

from __future__ import annotations

import numpy as np

from howlkit.schema import MARK, STEP, Schema

__all__ = ["FieldArrays"]


class FieldArrays:
    """The fields of a schema as arrays, for the kernels.

    column: (K,) of each decision. begin: (K + 1,) the index of a decision's first choice among the
    choices of all. control: (C,) the column on which a column depends, -1 for none; when: (C, .)
    for which of its values. start: (C,) the first row of a column in the tables, which have a row
    for each value and each bit, `rows` in all with row 0, which is zero;
    first_row: the same by name. place, wide: (C,) where
    the value of a column lies in a row of bytes, and whether it takes two bytes. bits: (C,) the
    number of its bits, which take a byte each; 0 if it has none.
    """

    def __init__(self, schema: Schema) -> None:
        columns, decisions = schema.columns, schema.decisions
        names = [field.name for field in columns]
        self.column = np.array([names.index(field.name) for field in decisions])
        self.begin = np.cumsum([0, *(field.choices for field in decisions)])
        self.control = np.full(len(columns), -1)
        self.when = np.zeros((len(columns), max(field.n for field in columns)), np.bool_)
        for c, field in enumerate(columns):
            if field.name == MARK.name or field.derived:
                continue
            name, values = field.when or (MARK.name, (STEP,))
            self.control[c] = names.index(name)
            self.when[c, list(values)] = True
        *begins, self.rows = np.cumsum([1, *(field.n for field in columns)]).tolist()
        self.start = np.array(begins)
        self.first_row = dict(zip(names, begins, strict=True))
        self.bits = np.array([field.n if field.kind == "bits" else 0 for field in columns])
        sizes = np.array([schema.dtype[name].itemsize for name in names])
        self.place, self.wide = np.cumsum(sizes) - sizes, (sizes == 2) & (self.bits == 0)
        self.reading = self.place, self.wide, self.bits, self.control, self.when, self.start
        self.deciding = self.column, self.control, self.when, self.start
        self.writing = self.place, self.wide
