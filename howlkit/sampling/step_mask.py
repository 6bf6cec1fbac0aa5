"""What a grammar says of a whole step at once, so that nobody need ask it field by field.

Shapes: B rows, K decisions a step, N all their choices side by side.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from howlkit.protocols import Grammar, StepMask, StepMaskGrammar
from howlkit.schema import END, STEP, Schema

__all__ = ["foresee", "without_end"]


def foresee(grammar: Grammar, schema: Schema, rows: int) -> StepMask | None:
    """Return what `grammar` allows in the next step of each of B rows; None if it cannot say so.

    Where there is one field beside `mark`, any grammar can.
    """
    if hasattr(grammar, "step_mask"):
        return cast(StepMaskGrammar, grammar).step_mask()
    if len(schema.decisions) != 2 or schema.decisions[1].kind != "class":
        return None
    given = np.zeros(rows, schema.dtype)
    parts = [grammar.allowed(field, given) for field in schema.decisions]
    parts[1][~parts[0][:, STEP]] = True  # never asked for
    return StepMask(np.concatenate(parts, axis=1), np.zeros((rows, 2), np.int64))


def without_end(mark: NDArray[np.bool_]) -> None:
    """Take from what `mark` may be, (B, 3), an end where there may be a step.

    Not to end is an extra wish: where the grammar wants an end, it gets one.
    """
    mark[:, END] &= ~mark[:, STEP]
