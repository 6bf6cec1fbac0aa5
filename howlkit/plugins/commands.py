"""Commands of plugins: listed by name without importing any, loaded one by one.

This module is apart from the registry so that `howlkit --help` imports neither contracts nor numpy.
"""

from __future__ import annotations

import sys

import click

from howlkit.errors import PluginError, did_you_mean
from howlkit.plugins import discovery
from howlkit.plugins.discovery import COMMAND_GROUP, Source

__all__ = ["command_names", "load_command"]


def command_names() -> list[str]:
    """Return the names of all commands of plugins, sorted; imports none of them."""
    sources, _ = discovery.find(COMMAND_GROUP)
    return sorted({source.entry_point.name for source in sources})


def load_command(name: str) -> click.Command:
    """Import a plugin's command and return it.

    Raises PluginError if there is no command of that name or two, or if importing it fails.
    """
    from howlkit.plugins.importing import hushed, imported  # late: a list needs neither

    source = _command_source(name)
    try:
        with hushed() as heard:
            command = imported(source)
        if not isinstance(command, click.Command):
            raise PluginError(f"{source.entry_point.value} is no click command")
    except (Exception, SystemExit) as error:
        raise PluginError(f"no command {name!r}: {source.failure(error)}") from error
    if heard.first:
        print(f"howlkit: {source.noise(heard.first)}", file=sys.stderr)
    return command


def _command_source(name: str) -> Source:
    """Return the entry point of a command; PluginError if there is none or more than one."""
    sources, _ = discovery.find(COMMAND_GROUP)
    named = [source for source in sources if source.entry_point.name == name]
    if len(named) > 1:
        both = " and ".join(f"{source.distribution} {source.version}" for source in named)
        raise PluginError(f"{both} both bring a command {name!r}; uninstall one of them")
    if not named:
        known = command_names()
        raise PluginError(
            f"no plugin brings a command {name!r}.{did_you_mean(name, known)} "
            f"Commands of plugins: {', '.join(known) or 'none'}"
        )
    return named[0]
