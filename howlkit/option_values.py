"""Values of options: reads a value by its annotation, and names its type for people.

An option is a bool, int, float, str, Literal, a tuple of these (`tuple[int, ...]` or
`tuple[int, int]`), or a union (`int | None`, `str | Callable[[Piece], float]`). A value is text
from a command line, or a value of a TOML or JSON file; functions come from Python only. A reader
raises ValueError for a value that it refuses; its caller, who knows the option, writes the message.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

__all__ = ["ALLOWED", "literals", "read", "type_name"]

ALLOWED = "bool, int, float, str, Literal, tuples of these, and X | None or str | Callable"


def read(value: object, annotation: Any) -> object:  # noqa: ANN401 - any annotation
    """Return `value`, text or a TOML or JSON value, as a value of the annotated type.

    annotation: one that `type_name` names. Raises ValueError, or OverflowError for a number that no
    float holds.

    >>> read("1,2,3", tuple[int, ...])
    (1, 2, 3)
    """
    origin, members = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _read_literal(value, members)
    if origin in (Union, types.UnionType):
        return _read_union(value, members)
    if origin is tuple:
        return _read_tuple(value, members)
    if origin is Callable:
        return _read_function(value)
    return _READERS[annotation](value)


def _read_bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError(value)


def _read_int(value: object) -> int:
    # A bool is an int in Python, but `grid = true` in a file is a mistake.
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(value)
    return int(value)


def _read_float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    number = float(value)
    if not math.isfinite(number):  # JSON has neither infinity nor NaN, and no option needs them
        raise ValueError(value)
    return number


def _read_str(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value


def _read_function(value: object) -> object:
    # Never by name: options come from files too, and a file must not make us import a module.
    if not callable(value):
        raise ValueError(value)
    return value


def _read_none(value: object) -> None:
    if value is not None and not (isinstance(value, str) and value.strip().lower() == "none"):
        raise ValueError(value)


def _read_literal(value: object, choices: tuple[Any, ...]) -> object:
    for choice in choices:
        if type(value) is type(choice) and value == choice or value == str(choice):
            return choice
    raise ValueError(value)


def _read_union(value: object, members: tuple[Any, ...]) -> object:
    # None first: for `str | None` the word "none" means None.
    for member in sorted(members, key=lambda member: member is not types.NoneType):
        try:
            return read(value, member)
        except (ValueError, OverflowError):
            continue
    raise ValueError(value)


def _read_tuple(value: object, members: tuple[Any, ...]) -> tuple[object, ...]:
    if isinstance(value, str):
        value = value.split(",") if value.strip() else []
    if not isinstance(value, Sequence):
        raise ValueError(value)
    if members[-1] is Ellipsis:
        members = members[:1] * len(value)
    return tuple(read(part, member) for part, member in zip(value, members, strict=True))


_READERS: Mapping[Any, Callable[[object], object]] = types.MappingProxyType(
    {
        bool: _read_bool,
        int: _read_int,
        float: _read_float,
        str: _read_str,
        types.NoneType: _read_none,
    }
)


def type_name(annotation: Any) -> str | None:  # noqa: ANN401 - any annotation
    """Return the name of an option's type for people; None if no option can have this type."""
    if annotation in _READERS:
        return "none" if annotation is types.NoneType else str(annotation.__name__)
    origin, members = get_origin(annotation), get_args(annotation)
    if origin is Callable:
        return "function"
    if origin is Literal:
        names = [type(choice).__name__ for choice in members]
        return " or ".join(dict.fromkeys(names))
    names_or_none = [type_name(member) for member in members if member is not Ellipsis]
    names = [name for name in names_or_none if name is not None]
    if not names or len(names) < len(names_or_none):
        return None
    if origin in (Union, types.UnionType):
        return " or ".join(names)
    if origin is tuple:
        return f"list of {names[0]}" if members[-1] is Ellipsis else ",".join(names)
    return None


def literals(annotation: Any) -> tuple[Any, ...] | None:  # noqa: ANN401 - any annotation
    """Return the values of a Literal, also in `Literal[...] | None` or a tuple; else None."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    members = [m for m in get_args(annotation) if m not in (types.NoneType, Ellipsis)]
    return literals(members[0]) if len(members) == 1 else None
