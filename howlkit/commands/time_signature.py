"""A time signature as an option: 3/4."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["TimeSignature"]

DENOMINATORS = tuple(2**power for power in range(8))


class TimeSignature(click.types.StringParamType):
    """A time signature such as 3/4; the value is (numerator, denominator)."""

    name = "N/M"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - text, or a value that was converted
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - click expects text of a type of text
        """Return the numbers; a usage error if MIDI has no such time signature."""
        if isinstance(value, tuple):
            return value
        above, _, below = str(value).partition("/")
        if above.isdecimal() and below.isdecimal():
            numerator, denominator = int(above), int(below)
            if 1 <= numerator <= 255 and denominator in DENOMINATORS:
                return numerator, denominator
        self.fail(
            f"{value!r} is no time signature; give one such as 3/4: 1 to 255 notes of a length "
            f"of 1/1, 1/2, 1/4 .. 1/{DENOMINATORS[-1]}",
            param,
            ctx,
        )
