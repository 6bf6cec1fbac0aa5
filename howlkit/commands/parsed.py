"""Options whose text a function reads: 3/4, 8-12, a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["Checked", "Parsed"]


class Parsed(click.types.StringParamType):
    """A text that a function reads; the value is what it returns.

    metavar: what help calls the text. read: raises HowlkitError for a text that it cannot read,
    which is a usage error in its words.
    """

    def __init__(self, metavar: str, read: Callable[[str], object]) -> None:
        self.name, self._read = metavar, read

    def convert(
        self,
        value: Any,  # noqa: ANN401 - text, or a value that was converted
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - click expects text of a type of text
        """Return what was read."""
        from howlkit.errors import HowlkitError

        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except HowlkitError as error:
            self.fail(str(error), param, ctx)


class Checked(Parsed):
    """A text that a function can read; the value is the text."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as `Parsed`
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - as `Parsed`
        """Return the text, once it has been read."""
        super().convert(value, param, ctx)
        return value
