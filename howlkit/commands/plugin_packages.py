"""`howlkit plugins new` writes a package; `install` and `uninstall` call pip."""

from __future__ import annotations

import importlib.util
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from howlkit.commands.plugin_template import USE
from howlkit.commands.shared_options import ExamplesFirst, quoted

__all__ = ["install", "new", "uninstall"]

NEW = """\b
Examples:
  howlkit plugins new augmenter swing
  howlkit plugins new encoder my-events --dir ~/src
  howlkit plugins new writer abc        may have the name of the source of its format"""

INSTALL = """\b
Examples:
  howlkit plugins install howlkit-swing
  howlkit plugins install --upgrade howlkit-swing
  howlkit plugins install -e ./howlkit-swing      your own: changes count without a reinstall"""

UNINSTALL = """\b
Examples:
  howlkit plugins uninstall howlkit-swing"""

AS_PIP = {"ignore_unknown_options": True}


@click.command("new", cls=ExamplesFirst, epilog=NEW)
@click.argument("kind", type=click.Choice(list(USE)))
@click.argument("name")
@click.option(
    "--dir",
    "parent",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="The folder to put the package's folder, howlkit-NAME, into.",
)
def new(kind: str, name: str, parent: Path) -> None:
    """Write a new package with a component called NAME, for you to change.

    As written, it can be installed, does something musical, and passes its own tests.
    """
    from howlkit.commands import plugin_template

    folder = plugin_template.write(kind, name, parent)
    click.echo(f"Wrote {folder}:", err=True)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        click.echo(f"  {path.relative_to(folder)}", err=True)
    click.echo(
        "Next:\n"
        f"  howlkit plugins install -e {quoted(folder)}\n"
        f"  howlkit plugins check {name}\n"
        f"  {plugin_template.Names(name).into(USE[kind], kind)}\n"
        "Its README.md says how to run its tests; howlkit's docs/tutorials go through the code.",
        err=True,
    )
    click.echo(folder)


@click.command("install", cls=ExamplesFirst, epilog=INSTALL, context_settings=AS_PIP)
@click.argument("packages", nargs=-1, required=True, type=click.UNPROCESSED)
def install(packages: tuple[str, ...]) -> None:
    """Install plugins, with pip, into the environment that howlkit runs in.

    PACKAGES are whatever pip accepts: names, folders, wheels or URLs, and options of pip. A plugin
    runs its author's code: install only what you trust.
    """
    _pip("install", *packages)
    _tell_what_is_there()


@click.command("uninstall", cls=ExamplesFirst, epilog=UNINSTALL)
@click.argument("packages", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
def uninstall(packages: tuple[str, ...], yes: bool) -> None:
    """Uninstall plugins, with pip, from the environment that howlkit runs in.

    PACKAGES are the names of their distributions, such as howlkit-swing.
    """
    _check_plugins(packages)
    _pip("uninstall", *(["--yes"] if yes else []), *packages)
    _tell_what_is_there()


def _check_plugins(packages: Sequence[str]) -> None:
    """Raise PluginError for a package that is no plugin, because other programs may need it."""
    from howlkit.errors import PluginError, did_you_mean
    from howlkit.plugins import discovery

    there = {discovery.normal(name): name for name in discovery.distributions()}
    for package in packages:
        if discovery.normal(package) not in there:
            raise PluginError(
                f"no plugin {package!r} is installed.{did_you_mean(package, there.values())} "
                f"Installed plugins: {', '.join(sorted(there.values())) or 'none'}"
            )


def _pip(*arguments: str) -> None:
    """Print and run a pip command in this environment; PluginError if it fails."""
    from howlkit.errors import PluginError

    if importlib.util.find_spec("pip") is None:
        raise PluginError(
            f"there is no pip in this environment ({sys.prefix}). Install it with python -m "
            "ensurepip, or use what installed howlkit (uv pip install ..., pipx inject howlkit ...)"
        )
    command = [sys.executable, "-m", "pip", *arguments]
    click.echo(f"Running: {shlex.join(command)}", err=True)
    # pip's lines are for people, so they go to stderr. Its questions go to the terminal.
    code = subprocess.run(command, stdout=sys.stderr.fileno(), check=False).returncode
    if code:
        raise PluginError(f"pip failed with exit code {code}; its own message is above")


def _tell_what_is_there() -> None:
    """Print the installed plugins. A new process lists them, since this one imported old ones."""
    command = [sys.executable, "-m", "howlkit", "plugins", "list", "--json"]
    listed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    rows = json.loads(listed.stdout) if listed.returncode == 0 else []
    others = [row for row in rows if row["distribution"] != "howlkit"]
    if listed.returncode == 0 and not others:
        click.echo("No plugins are installed now; howlkit has its own components only.", err=True)
    for row in others:
        what = f"{row['kind']} {row['name']}" if row["status"] == "ok" else row["status"]
        click.echo(f"There is {row['distribution']} {row['version']}: {what}", err=True)
