"""The components of every kind, and the distributions that they come from.

A plugin is a module (or object) with functions that implement the hooks of `howlkit.hookspecs`; an
entry point of the group `howlkit` names it. The built-in parts load the same way. Each plugin loads
alone, in its own plugin manager: one that fails is left out as a whole and costs one line on
stderr, and everything that does not need it works.

A name belongs to one component among all kinds, because `-o NAME.option=value` names no kind. Only
a source and a writer may share one, as those of one format do: no command uses options of both.

Source of the shape: llm's plugins.py (https://github.com/simonw/llm); unlike there, and unlike
pluggy's `load_setuptools_entrypoints`, a plugin that fails does not stop the others.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

from howlkit import __version__, options
from howlkit.errors import TRACEBACK, PluginError, did_you_mean, traceback_wanted
from howlkit.plugins import discovery, loading
from howlkit.plugins.checked import checked
from howlkit.plugins.contracts import KINDS
from howlkit.plugins.discovery import GROUP, RESTRICTION, Failure, PluginSource
from howlkit.plugins.loading import Component

__all__ = [
    "BUILTINS",
    "KINDS",
    "RESTRICTION",
    "Component",
    "Failure",
    "Plugins",
    "components",
    "create",
    "failures",
    "get",
    "left_out",
    "load",
    "require_all",
]

BUILTINS = (
    "howlkit.builtin.encoders.event",
    "howlkit.builtin.encoders.tuple",
    "howlkit.builtin.encoders.voices",
    "howlkit.builtin.encoders.remi",
    "howlkit.builtin.encoders.howl",
    "howlkit.builtin.encoders.pianoroll",
    "howlkit.builtin.augmenters",
    "howlkit.builtin.models.lstm_gru",
    "howlkit.builtin.samplers",
    "howlkit.builtin.constraints",
    "howlkit.builtin.chorales",
    "howlkit.builtin.renderers",
    "howlkit.builtin.audio",
)
"""The built-in modules, in the order in which they load; they load before all plugins."""


@dataclass(frozen=True)
class Plugins:
    """The result of loading: the components, and the failures of plugins."""

    components: tuple[Component, ...] = ()
    failures: tuple[Failure, ...] = ()

    @classmethod
    def load(
        cls,
        entry_points: Iterable[EntryPoint] | None = None,
        *,
        builtins: Iterable[str] = BUILTINS,
    ) -> Plugins:
        """Load the built-in modules, then each entry point alone.

        entry_points: those of third parties; None: the installed ones that HOWLKIT_LOAD_PLUGINS
        allows. Every exception of a plugin becomes a failure, except KeyboardInterrupt.
        """
        failed: list[Failure] = []
        if entry_points is None:
            sources, failed = discovery.find(GROUP)
        else:
            sources = sorted(map(PluginSource.of, entry_points), key=lambda source: source.key)
        found: list[Component] = []
        for source in [*map(_builtin, builtins), *sources]:
            try:
                loaded = loading.load(source, found)
            except (Exception, SystemExit) as error:
                failed.append(source.failure(error))
                continue
            found += loaded.components
            if loaded.printed:
                failed.append(source.noise(loaded.printed))
        return cls(tuple(found), tuple(failed))

    def of(self, kind: str | None) -> list[Component]:
        """Return the components of a kind (None: of all); PluginError for an unknown kind."""
        if kind is not None and kind not in KINDS:
            raise PluginError(f"{kind!r} is no kind of component; kinds are {', '.join(KINDS)}")
        return [component for component in self.components if kind in (None, component.kind)]

    def get(self, kind: str, name: str) -> Component:
        """Return the component of this kind and name.

        Raises PluginError if there is none, naming those that there are and the failures.

        >>> Plugins().get("model", "gru")
        Traceback (most recent call last):
        howlkit.errors.PluginError: there is no model 'gru'. Models: none
        """
        there = self.of(kind)
        for component in there:
            if component.name == name:
                return component
        raise PluginError(self._absent(kind, name, [component.name for component in there]))

    def _absent(self, kind: str, name: str, there: list[str]) -> str:
        """Return everything that may explain why a component is missing."""
        message = f"there is no {kind} {name!r}.{did_you_mean(name, there)} "
        message += f"{kind.capitalize()}s: {', '.join(there) or 'none'}"
        for component in self.components:
            if component.name == name:
                message += f"; there is {name!r} of another kind: {component.kind}"
        if RESTRICTION in os.environ:
            message += f"; {RESTRICTION}={os.environ[RESTRICTION]!r} keeps other plugins out"
        return message + self.left_out(name)

    def left_out(self, name: str) -> str:
        """Return the plugins left out that may have brought `name`, and what to do; "" if none."""
        failed = [failure for failure in self.failures if failure.left_out]
        if not failed:
            return ""
        names = " or ".join(dict.fromkeys(failure.distribution for failure in failed))
        return (
            "".join(f"; {failure}" for failure in failed)
            + f". If {name!r} is of {names}: upgrade it (howlkit plugins install --upgrade ...) or "
            f"tell its author; {TRACEBACK}=1 howlkit plugins list shows the traceback"
        )


@functools.cache
def load() -> Plugins:
    """Return the installed plugins, loaded once a process; each failure prints a line on stderr."""
    plugins = Plugins.load()
    for failure in plugins.failures:
        print(f"howlkit: {failure}", file=sys.stderr)
        if traceback_wanted():
            print(failure.traceback, end="", file=sys.stderr)
    return plugins


def require_all() -> None:
    """Load every plugin and every command; PluginError if anything is wrong with one of them."""
    from howlkit.plugins.commands import command_names, load_command

    wrong = [str(failure) for failure in load().failures]
    for name in command_names():
        try:
            load_command(name)
        except PluginError as error:
            wrong.append(str(error))
    if wrong:
        raise PluginError(
            f"--strict-plugins: {'; '.join(wrong)}. Mend, upgrade or uninstall what fails (howlkit "
            f"plugins uninstall ...), or have it left out: without --strict-plugins, or with "
            f"{RESTRICTION}"
        )


def components(kind: str | None = None) -> list[Component]:
    """Return the components of a kind (None: of all): built-in ones first, then by distribution."""
    return load().of(kind)


def left_out(name: str) -> str:
    """Return the plugins left out that may have brought `name`, and what to do; "" if none."""
    return load().left_out(name)


def failures() -> list[Failure]:
    """Return what is wrong with plugins; most of these were left out."""
    return list(load().failures)


def get(kind: str, name: str) -> Component:
    """Return the component of this kind and name.

    Raises PluginError if there is none, with the known names and the plugins that failed.
    """
    return load().get(kind, name)


def create(kind: str, name: str, values: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401
    """Return a component with these options (`options.build`), wrapped so that calls are checked.

    `unwrapped` returns the dataclass itself. Raises PluginError if there is no component of this
    name or it breaks its contract, OptionError for wrong options.

    >>> create("encoder", "tuple", {"grid": "12"}).grid
    12
    """
    return checked(kind, options.build(get(kind, name).cls, values or {}))


def _builtin(module: str) -> PluginSource:
    name = module.rpartition(".")[2]
    return PluginSource(EntryPoint(name, module, GROUP), "howlkit", __version__)
