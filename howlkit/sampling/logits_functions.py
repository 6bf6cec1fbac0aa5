"""Calling functions on logits: each sees what is allowed, and what it returns is looked at.

Shapes: B rows, n values of a field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.protocols import LogitsFunction
from howlkit.schema import Field, Steps

__all__ = ["apply"]

MOST_NAMED = 8  # values in a message


def apply(
    functions: Sequence[LogitsFunction],
    field: Field,
    logits: NDArray[np.float64],
    given: Steps,
    *,
    active: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return logits (B, n) as the functions leave them, one after the other.

    Each is given an array of its own, with -inf where a value is not allowed (B, n). What it
    returns for such a value, and for rows that are not active (B,), is not used. Raises
    HowlkitError, naming function and field, if it returns anything but floating-point numbers
    (B, n); and naming the row too, if a logit is NaN, or all values that were allowed are -inf.
    """
    logits = np.where(allowed, logits, -np.inf)
    for function in functions:
        changed = function(field, logits.copy(), given)
        wanted = f"floating-point numbers of shape {logits.shape} are needed"
        if not isinstance(changed, np.ndarray):
            raise _error(function, field, f"returned {_described(changed)}; {wanted}")
        if changed.shape != logits.shape or changed.dtype.kind != "f":
            got = f"an array of shape {changed.shape} and dtype {changed.dtype}"
            raise _error(function, field, f"returned {got}; {wanted}")
        changed = np.where(allowed & active[:, None], changed, logits)
        if np.isnan(changed).any():
            row, value = np.argwhere(np.isnan(changed))[0].tolist()
            raise _error(function, field, f"returned NaN in row {row}, for value {value}")
        nothing = (changed.max(axis=1) == -np.inf) & (logits.max(axis=1) > -np.inf)
        if nothing.any():
            raise _error(function, field, _forbidden(int(nothing.argmax()), logits))
        logits = changed
    return logits


def _forbidden(row: int, logits: NDArray[np.float64]) -> str:
    """Return what is said of a row in which a function forbids all that was allowed."""
    values = np.flatnonzero(logits[row] > -np.inf).tolist()
    shown = ", ".join(map(str, values[:MOST_NAMED])) + ", ..." * (len(values) > MOST_NAMED)
    return (
        f"forbids all that is allowed in row {row}: it returned -inf for {shown}. Leave one of "
        "them above -inf; -30 in place of -inf makes a value unlikely, and does not forbid it"
    )


def _error(function: LogitsFunction, field: Field, what: str) -> HowlkitError:
    return HowlkitError(f"the function on logits {_name(function)}, at {field.name!r}, {what}")


def _name(function: Any) -> str:  # noqa: ANN401 - any callable
    """Return the name of a function, and where it is written; or the name of an object's class."""
    function = getattr(function, "func", function)  # of functools.partial
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code else name


def _described(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
