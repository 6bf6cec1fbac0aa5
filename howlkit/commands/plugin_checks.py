"""`howlkit plugins check`: run the checks of a component, and print a line for each."""

from __future__ import annotations

import contextlib
import json
import sys
import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from howlkit.commands.component_names import completion, no_component
from howlkit.commands.plugin_template import USE
from howlkit.commands.shared_options import ExamplesFirst, json_option
from howlkit.errors import printable

if TYPE_CHECKING:
    from howlkit.testing import Check, CheckFailed

EPILOG = """\b
Examples:
  howlkit plugins check tuple
  howlkit plugins check lstm -o lstm.hidden=32    a small network is checked quickly
  howlkit plugins check abc --kind writer         if there is a source 'abc' too"""


@click.command("check", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("name", shell_complete=completion(None))
@click.option(
    "--kind",
    type=click.Choice(list(USE)),
    help="The kind of the component; needed only if a source and a writer share the name.",
)
@click.option(
    "-o",
    "--option",
    multiple=True,
    metavar="NAME.OPTION=VALUE",
    help="Set an option of the component; may be repeated.",
)
@json_option
def check(name: str, kind: str | None, option: tuple[str, ...], as_json: bool) -> None:
    """Check that the component called NAME keeps to its contract.

    Prints a line for each law; the exit code is 1 if one is broken. If the component declares that
    a law does not hold for it, a weaker law is checked, and the declared reason is printed.
    """
    kind, component = _component(name, kind, option)
    from howlkit.testing import CHECKS

    failed, rows, departing = [], [], 0
    for found in CHECKS[kind](component):
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for the results only
            failure = found.failure()
        if failure is not None:
            failed.append(found.name)
        departing += bool(found.reason)
        row = {"check": found.name, "ok": failure is None, "message": _message(failure)}
        rows.append({**row, "declared_not_to_hold": found.reason or None})
        if not as_json:
            click.echo(f"{'FAILED' if failure else 'ok':6}  {found.name}")
            if found.reason:
                click.echo(textwrap.indent(_departure(found), " " * 8))
            if failure is not None:
                click.echo(textwrap.indent(failure.details, " " * 8))
    if as_json:
        click.echo(json.dumps({"name": name, "kind": kind, "checks": rows}, indent=1))
    else:
        click.echo(_what_next(kind, name, failed, len(rows), departing))
    if failed:
        raise click.exceptions.Exit(1)


def _component(name: str, kind: str | None, assignments: Iterable[str]) -> tuple[str, Any]:
    """Return the kind of the component called `name`, and the component.

    kind: None if the name alone should do. A usage error if there is none, or if there are two.
    """
    from howlkit import plugins
    from howlkit.errors import OptionError, PluginError
    from howlkit.testing.checks import describe_with_line

    named = [found.kind for found in plugins.components() if found.name == name]
    if not named:
        raise no_component(name)
    kinds = [each for each in named if kind in (None, each)]
    if len(kinds) != 1:
        raise click.BadParameter(
            f"{name!r} is of kind {' and '.join(named)}: --kind {' or --kind '.join(named)}",
            param_hint="--kind",
        )
    try:
        return kinds[0], plugins.create(kinds[0], name, _options(name, assignments))
    except OptionError as error:
        raise click.BadParameter(str(error), param_hint="-o") from error
    except Exception as error:
        raise PluginError(
            f"{kinds[0]} {name!r} cannot be made: {describe_with_line(error)}"
        ) from error


def _options(name: str, assignments: Iterable[str]) -> Mapping[str, object]:
    from howlkit import options
    from howlkit.errors import OptionError

    parsed = options.parse(assignments)
    for other in parsed:
        if other != name:
            raise OptionError(f"{other!r} is not the component to check; write {name}.OPTION=VALUE")
    return parsed.get(name, {})


def _message(failure: CheckFailed | None) -> str:
    return "" if failure is None else failure.details


def _departure(check: Check) -> str:
    """Return why the law does not hold, and what was checked in its place."""
    return f"  declared not to hold: {printable(check.reason)}\n  checked instead: {check.text}"


def _what_next(kind: str, name: str, failed: list[str], checks: int, departing: int) -> str:
    """Return the last line: the result, and what to do next."""
    weaker = f", {departing} of them of a weaker law" if departing else ""
    if not failed:
        return (
            f"All {checks} checks passed{weaker}. Call howlkit.testing.check_{kind} in your tests, "
            "so that it stays that way"
        )
    return (
        f"{len(failed)} of {checks} checks failed. Mend the first, {failed[0]!r}, then check "
        f"again: howlkit plugins check {name}. For the contract see docs/plugins.md and "
        "howlkit.protocols"
    )
