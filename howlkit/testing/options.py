"""The laws for components of every kind: the texts that people read, and the options."""

from __future__ import annotations

import dataclasses
from typing import Any

from howlkit import options
from howlkit.errors import OptionError
from howlkit.testing.checks import require

__all__ = ["LAWS", "at_the_limits"]


def is_described(component: Any) -> None:  # noqa: ANN401 - of any kind
    """The first line of the class's docstring says what it is; every option has a help text."""
    cls = type(component)
    summary = (cls.__doc__ or "").strip().partition("\n")[0]
    # A dataclass without a docstring gets one that is its signature.
    require(
        summary and not summary.startswith(f"{cls.__name__}("),
        expected="a docstring whose first line `howlkit plugins list` can print",
        got=summary or "none",
        look=f"class {cls.__qualname__}",
    )
    for option in options.describe(cls):
        require(
            option.help,
            expected=f"a help text for option {option.name!r}",
            got="none",
            look="howlkit.options.option(default, help)",
        )


def options_are_stored(component: Any) -> None:  # noqa: ANN401 - of any kind
    """Options come back unchanged from JSON, and equal options make equal components."""
    stored = options.to_json(component)
    back = options.build(type(component), stored)
    require(
        options.to_json(back) == stored and back == component,
        expected=stored,
        got=options.to_json(back),
        look="`__post_init__`, and fields that compare unequal",
    )


def wrong_options_are_refused(component: Any) -> None:  # noqa: ANN401 - of any kind
    """A value outside an option's limits is refused, and every number has a least value."""
    cls = type(component)
    for option in options.describe(cls):
        if option.name == "NAME.*":
            continue
        if option.type in ("int", "float") and option.choices is None:
            require(
                option.low is not None,
                expected=f"a least value of {option.name!r}: people will try -1",
                got="no `low`",
                look=f"howlkit.options.option(..., low=...) of {cls.__qualname__}.{option.name}",
            )
        for value in _outside(option):
            try:
                options.build(cls, {option.name: value})
            except OptionError:
                continue
            require(
                False,
                expected=f"{option.name}={value} to be refused",
                got="a component",
                look="howlkit.options.option",
            )


def _outside(option: options.Option) -> list[object]:
    values: list[object] = ["no such choice"] if option.choices is not None else []
    if option.low is not None:
        values.append(option.low - 1)
    if option.high is not None:
        values.append(option.high + 1)
    return values


def at_the_limits(component: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - of any kind
    """Return pairs of "NAME=VALUE" and the component with this option at a limit or a choice.

    A value that the class refuses together with the other options is left out.
    """
    found = []
    for option in options.describe(type(component)):
        values: list[object] = [v for v in (option.low, option.high) if v is not None]
        values += list(option.choices or ())
        if option.type == "bool":
            values = [False, True]
        for value in values:
            if option.type == "int" and isinstance(value, float):
                value = int(value)
            try:
                made = dataclasses.replace(component, **{option.name: value})
                options.build(type(component), options.to_json(made))
            except OptionError:
                continue
            found.append((f"{option.name}={value}", made))
    return found


LAWS = (is_described, options_are_stored, wrong_options_are_refused)
