"""The function by which candidates are ranked: found by its name, and what it returns looked at."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from howlkit.errors import HowlkitError, OptionError
from howlkit.music.piece import Piece

__all__ = ["LIKELIHOOD", "function_of", "score_of"]

LIKELIHOOD = "likelihood"


def function_of(by: str | Callable[[Piece], float]) -> Callable[[Piece], float] | None:
    """Return the function that `by` is or names, as MODULE:FUNCTION; None for "likelihood".

    A module may lie in the current folder. Importing it runs its code, which the user asks for by
    naming it. Raises OptionError if there is no such module or function.

    >>> function_of("likelihood") is None, function_of("math:sqrt")(9)
    (True, 3.0)
    """
    if not isinstance(by, str):
        return by
    if by == LIKELIHOOD:
        return None
    module, colon, name = by.partition(":")
    if not (module and colon and name):
        raise OptionError(
            f"best-of.by is {by!r}; {LIKELIHOOD}, or a function as my_module:my_function is needed"
        )
    with _current_folder():
        try:
            found: Any = importlib.import_module(module)
        except Exception as error:
            raise OptionError(
                f"best-of.by is {by!r}, and {module} cannot be imported: {error}. It must be "
                "installed, or lie in the current folder"
            ) from error
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise OptionError(f"best-of.by is {by!r}, and {module} has no function {name!r}")
    function: Callable[[Piece], float] = found
    return function


@contextlib.contextmanager
def _current_folder() -> Iterator[None]:
    """Let modules be imported from the current folder too, after all installed ones."""
    folder = os.getcwd()
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def score_of(function: Callable[[Piece], float], piece: Piece) -> float:
    """Return what the function says of a piece; HowlkitError if it fails or says no number."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    what = f"the function {name}, by which best-of ranks,"
    try:
        said: Any = function(piece)
    except Exception as error:
        raise HowlkitError(f"{what} failed for a piece of {len(piece)} notes: {error}") from error
    try:
        score = float(said)
    except (TypeError, ValueError):
        score = math.nan
    if math.isnan(score):
        raise HowlkitError(
            f"{what} returned {said!r} for a piece of {len(piece)} notes; a number is needed, the "
            "higher the better"
        )
    return score
