"""A time signature as an option: 3/4."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["TimeSignature"]


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
        from howlkit.errors import ArgumentError
        from howlkit.sampling.arguments import time_signature_of

        try:
            return time_signature_of(value)
        except ArgumentError as error:
            self.fail(str(error), param, ctx)
