"""Arguments that people give to the functions of `import howlkit`: read where plain, or refused."""

from __future__ import annotations

import functools
import inspect
import math
import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from howlkit.errors import ArgumentError, did_you_mean

__all__ = ["named", "path_of", "positive", "time_signature_of", "whole"]

A = ParamSpec("A")
R = TypeVar("R")

DENOMINATORS = tuple(2**power for power in range(8))


def named(function: Callable[A, R]) -> Callable[A, R]:
    """Return a function that refuses arguments which `function` does not have by ArgumentError.

    The error says which arguments there are, and the one that may be meant.

    >>> @named
    ... def play(path, *, tempo=120): ...
    >>> play("x.mid", tmepo=90)
    Traceback (most recent call last):
    howlkit.errors.ArgumentError: play has no argument 'tmepo'. Did you mean 'tempo'? It has: \
path, tempo
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args: A.args, **kwargs: A.kwargs) -> R:
        known = [name for name in signature.parameters if name != "self"]
        for name in kwargs:
            if name not in known:
                raise ArgumentError(
                    f"{function.__name__} has no argument {name!r}.{did_you_mean(name, known)} "
                    f"It has: {', '.join(known)}"
                )
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(
                f"{function.__name__}: {error}. Its arguments: {', '.join(known)}"
            ) from None
        return function(*args, **kwargs)

    return checked


def path_of(name: str, value: object) -> Path:
    """Return a path that was given as text or as a path; ArgumentError for anything else."""
    if isinstance(value, str | os.PathLike):
        return Path(value)
    raise ArgumentError(f"{name} is {value!r}, a {type(value).__name__}; a path is needed")


def whole(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return a whole number within limits; ArgumentError for anything else.

    >>> whole("n", 8, 1)
    8
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # what has no index raises
    except TypeError:
        number = low - 1
    if isinstance(value, bool) or number < low or (high is not None and number > high):
        allowed = f"{low} or more" if high is None else f"{low}..{high}"
        raise ArgumentError(f"{name} is {value!r}; a whole number is needed, {allowed}")
    return number


def positive(name: str, value: Any, low: float = 0.0, high: float = math.inf) -> float:  # noqa: ANN401
    """Return a finite number above `low` (from it on, if there is a `high`) up to `high`.

    Raises ArgumentError for anything else.
    """
    fits = isinstance(value, int | float) or hasattr(value, "__float__")
    number = float(value) if fits else math.nan
    if not (math.isfinite(number) and (low < number or low == number > 0) and number <= high):
        allowed = "above 0" if high == math.inf else f"{low:g}..{high:g}"
        raise ArgumentError(f"{name} is {value!r}; a number is needed, {allowed}")
    return number


def time_signature_of(value: object) -> tuple[int, int]:
    """Return (numerator, denominator) of "3/4" or (3, 4).

    Raises ArgumentError if MIDI has no such time signature.

    >>> time_signature_of("3/4")
    (3, 4)
    """
    parts = value.split("/") if isinstance(value, str) else value
    if isinstance(parts, list | tuple) and len(parts) == 2:
        above, below = map(str, parts)
        if above.isdecimal() and below.isdecimal():
            numerator, denominator = int(above), int(below)
            if 1 <= numerator <= 255 and denominator in DENOMINATORS:
                return numerator, denominator
    raise ArgumentError(
        f"{value!r} is no time signature; give one such as 3/4: 1 to 255 notes of a length "
        f"of 1/1, 1/2, 1/4 .. 1/{DENOMINATORS[-1]}"
    )
