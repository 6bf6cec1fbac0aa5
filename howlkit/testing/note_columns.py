"""The answers of `note_choices` as one array, checked.

B rows, n choices of a field.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from howlkit.note_choices import NoteChoices, NoteGrammar
from howlkit.protocols import Grammar
from howlkit.schema import Field, Steps
from howlkit.testing.checks import require

__all__ = ["COLUMNS", "note_columns", "stacked"]

COLUMNS = ("role", "onset", "pitch", "program", "track", "end")
"""The arrays of a `NoteChoices`, in the order in which they are stacked."""


def note_columns(grammar: Grammar, decided: Field, so_far: Steps) -> NDArray[np.int64] | None:
    """Return (B, n, 6): what `note_choices` says of a field, by COLUMNS; None for nothing.

    Raises CheckFailed if its arrays have another shape.
    """
    choices = cast(NoteGrammar, grammar).note_choices(decided, so_far)
    if choices is None:
        return None
    wanted = (len(so_far), decided.choices)
    for name in COLUMNS:
        column = np.asarray(getattr(choices, name))
        if column.shape != wanted or column.dtype.kind not in "iu":  # `require` formats always
            require(
                False,
                expected=f"{name} of the choices of {decided.name!r}: integers of shape {wanted}",
                got=f"{column.dtype} of shape {column.shape}",
                look="`note_choices`",
            )
    return stacked(choices)


def stacked(choices: NoteChoices) -> NDArray[np.int64]:
    """Return (B, n, 6): the arrays of choices side by side, by COLUMNS."""
    return np.stack([getattr(choices, name) for name in COLUMNS], axis=2).astype(np.int64)
