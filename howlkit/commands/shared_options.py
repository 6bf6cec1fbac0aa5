"""What several commands share: the form of help, options, and lines on stderr."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

from howlkit.errors import quoted

__all__ = [
    "POSITIVE",
    "ExamplesFirst",
    "ExamplesFirstGroup",
    "FiniteRange",
    "device_option",
    "force_option",
    "json_option",
    "quoted",
    "seed_option",
    "strict_option",
    "tell",
]

Command = TypeVar("Command", bound=Callable[..., Any])


class ExamplesFirst(click.Command):
    """A command whose help shows its examples (the epilog) before its options."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage, what the command does, the examples, and the options."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self.format_epilog(ctx, formatter)
        self.format_options(ctx, formatter)


class ExamplesFirstGroup(ExamplesFirst, click.Group):
    """A group of commands whose help shows its examples first, and so does each command's."""

    command_class = ExamplesFirst


class FiniteRange(click.FloatRange):
    """A finite real number within limits; FloatRange lets NaN and the infinities through."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - text, or the default
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the number; a usage error if it is not finite or out of the limits."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):  # nan passes any limit, since it compares false
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


POSITIVE = FiniteRange(min=0, min_open=True)
"""A duration or a length."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")

strict_option = click.option(
    "--strict",
    is_flag=True,
    help="Stop at the first file that cannot be read or had to be mended.",
)

force_option = click.option(
    "--force", is_flag=True, help="Replace files that exist; without it they are refused."
)
"""What it allows is checked by `output_files.claimed`."""

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="The device to compute on.",
)


def seed_option(help_text: str) -> Callable[[Command], Command]:
    """Return the option --seed, 0 by default."""
    return click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, help=help_text
    )


def tell(line: str) -> None:
    """Print a line to stderr."""
    click.echo(line, err=True)
