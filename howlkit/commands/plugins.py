"""`howlkit plugins`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from howlkit.commands.component_names import completion, no_component
from howlkit.commands.component_options import SECTIONS
from howlkit.commands.plugin_checks import check
from howlkit.commands.plugin_packages import install, new, uninstall
from howlkit.commands.shared_options import ExamplesFirstGroup, json_option

if TYPE_CHECKING:
    from howlkit.plugins import Component
    from howlkit.protocols import Source, Writer

EPILOG = """\b
Examples:
  howlkit plugins list                 every component that is installed
  howlkit plugins show tuple           the options of a component
  howlkit plugins check tuple          whether it keeps to its contract
  howlkit plugins new sampler breath   write a package with a component of your own
  howlkit plugins install howlkit-breath"""

LIST = """\b
Examples:
  howlkit plugins list
  howlkit plugins list --json"""

SHOW = """\b
Examples:
  howlkit plugins show tuple
  howlkit plugins show training        options of training itself
  howlkit plugins show heads           options of every network's heads"""


@click.group("plugins", cls=ExamplesFirstGroup, epilog=EPILOG)
def command() -> None:
    """List, check, write and install components: encoders, models, samplers and others."""


for part in (check, new, install, uninstall):
    command.add_command(part)


@command.command("list", epilog=LIST)
@json_option
def list_plugins(as_json: bool) -> None:
    """List every component, with its name, kind, distribution, version and status."""
    from howlkit import plugins

    rows = [
        {
            "name": component.name,
            "kind": component.kind,
            "distribution": component.distribution,
            "version": component.version,
            "status": "ok",
            "summary": component.summary,
        }
        for component in plugins.components()
    ]
    rows += [
        {
            "name": failure.entry_point,
            "kind": "plugin",
            "distribution": failure.distribution,
            "version": failure.version,
            "status": "failed" if failure.left_out else "noisy",
            "summary": failure.cause,
        }
        for failure in plugins.failures()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    names = ("name", "kind", "distribution", "version", "status", "summary")
    widths = {n: max(len(n), *(len(row[n]) for row in rows)) for n in names[:-1]}
    for row in [{n: n for n in names}, *rows]:
        cells = [row[n].ljust(widths[n]) for n in names[:-1]]
        click.echo("  ".join([*cells, row["summary"]]))
    click.echo("Show the options of a component: howlkit plugins show NAME", err=True)


@command.command("show", epilog=SHOW)
@click.argument("name", shell_complete=completion(None, others=SECTIONS))
def show(name: str) -> None:
    """Show the options of the component called NAME, with their defaults and allowed values."""
    from howlkit import options, plugins

    found = [component for component in plugins.components() if component.name == name]
    classes = [(f"{c.name} ({c.kind})", c.summary, c.cls) for c in found] or _core(name)
    if not classes:
        raise no_component(name, others=SECTIONS)
    for title, summary, cls in classes:
        click.echo(f"{title}: {summary}")
        for option in options.describe(cls):
            default = "" if option.default is options.REQUIRED else f" [{option.default}]"
            click.echo(f"  -o {name}.{option.name}=...{default}  {option.help} ({option.allowed})")
    for component in found:
        if component.kind == "model":
            click.echo(_how_it_is_trained(component), nl=False)
        if component.kind == "source":
            click.echo(_what_it_reads(component))
        if component.kind == "writer":
            click.echo(f"  files: {_suffixes(options.build(component.cls, {}))}")


def _how_it_is_trained(component: Component) -> str:
    """Return a line with the options of training that a model changes; "" if there are none."""
    from howlkit import options
    from howlkit.training.recipe import training_defaults

    defaults = training_defaults(options.build(component.cls, {}))
    said = " ".join(f"-o training.{name}={value}" for name, value in defaults.items())
    return f"  trained, unless you say otherwise, with {said}\n" if said else ""


def _what_it_reads(component: Component) -> str:
    """Return two lines: the suffixes and the collections that a source reads."""
    from howlkit import options

    source = options.build(component.cls, {})
    suffixes = _suffixes(source)
    collections = ", ".join(sorted(source.collections)) or "none"
    return f"  files: {suffixes}\n  collections, for `howlkit prepare NAME`: {collections}"


def _suffixes(component: Source | Writer) -> str:
    return ", ".join(component.suffixes) or "none"


def _core(name: str) -> list[tuple[str, str, type]]:
    """Return title, summary and class of the core's own options; none if `name` is not theirs."""
    if name not in SECTIONS:
        return []
    from howlkit.head_options import HeadOptions
    from howlkit.training.recipe import TrainingOptions

    cls = {"heads": HeadOptions, "training": TrainingOptions}[name]
    return [(f"{name} (core)", (cls.__doc__ or "").partition("\n")[0], cls)]
