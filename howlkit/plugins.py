"""Plugins: which encoders, augmenters, models and samplers there are, and where they come from.

A plugin is a module (or object) whose functions implement the hooks of `howlkit.hookspecs`, named
by an entry point of the group `howlkit`. The parts that come with howlkit load the same way. Each
plugin loads alone, in a plugin manager of its own: one that fails is left out whole, costs one line
on stderr, and everything that does not need it goes on.

A component's name is its own across all kinds, because `-o NAME.option=value` says no kind.

Source of the shape: llm's plugins.py (https://github.com/simonw/llm); unlike there, and unlike
pluggy's `load_setuptools_entrypoints`, a plugin that fails does not stop the others.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from types import MappingProxyType
from typing import Any

import pluggy

from howlkit import __version__, hookspecs, installed, options
from howlkit.errors import PluginError, did_you_mean
from howlkit.installed import GROUP, RESTRICTION, Failure, Source
from howlkit.protocols import Augmenter, Encoder, Model, Sampler

__all__ = [
    "BUILTINS",
    "KINDS",
    "Component",
    "Failure",
    "Plugins",
    "components",
    "create",
    "failures",
    "get",
    "load",
]

BUILTINS = (
    "howlkit.builtin.event",
    "howlkit.builtin.tuple",
    "howlkit.builtin.voices",
    "howlkit.builtin.remi",
    "howlkit.builtin.howl",
    "howlkit.builtin.pianoroll",
    "howlkit.builtin.augment",
    "howlkit.builtin.rnn",
    "howlkit.builtin.autoregressive",
)
"""The modules that come with howlkit, in the order in which they load: before all others."""

CONTRACTS: Mapping[str, type[Any]] = MappingProxyType(
    {"encoder": Encoder, "augmenter": Augmenter, "model": Model, "sampler": Sampler}
)
KINDS = tuple(CONTRACTS)

RESERVED = frozenset({"heads", "training"})  # `-o heads.chained=true` speaks to the core


@dataclass(frozen=True)
class Component:
    """A registered class: what it is called, what it is for, and who brought it.

    cls: a frozen dataclass that meets the contract of its kind.
    summary: the first line of its docstring.
    """

    name: str
    kind: str
    cls: type[Any]
    distribution: str
    version: str
    summary: str


@dataclass(frozen=True)
class Plugins:
    """What was found at one time: the components, and the plugins that failed."""

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
        allows. Nothing that a plugin raises comes out of here, but for KeyboardInterrupt.
        """
        failed: list[Failure] = []
        if entry_points is None:
            sources, failed = installed.find(GROUP)
        else:
            sources = sorted(map(Source.of, entry_points), key=lambda source: source.key)
        found: dict[str, Component] = {}
        for source in [*map(_builtin, builtins), *sources]:
            try:
                found |= _components_of(source, found)
            except (Exception, SystemExit) as error:
                failed.append(source.failure(error))
        return cls(tuple(found.values()), tuple(failed))

    def of(self, kind: str | None) -> list[Component]:
        """Return the components of a kind, or all; PluginError for a kind that there is not."""
        if kind is not None and kind not in KINDS:
            raise PluginError(f"{kind!r} is no kind of component; kinds are {', '.join(KINDS)}")
        return [component for component in self.components if kind in (None, component.kind)]

    def get(self, kind: str, name: str) -> Component:
        """Return the component; PluginError, with what there is and what failed, if there is none.

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
        """Say all that may explain why a component is not there."""
        message = f"there is no {kind} {name!r}.{did_you_mean(name, there)} "
        message += f"{kind.capitalize()}s: {', '.join(there) or 'none'}"
        for component in self.components:
            if component.name == name:
                message += f"; there is {name!r} of another kind: {component.kind}"
        if RESTRICTION in os.environ:
            message += f"; {RESTRICTION}={os.environ[RESTRICTION]!r} keeps other plugins out"
        return message + "".join(f"; {failure}" for failure in self.failures)


@functools.cache
def load() -> Plugins:
    """Return the installed plugins, loaded once a process; each failure is a line on stderr."""
    plugins = Plugins.load()
    for failure in plugins.failures:
        print(f"howlkit: {failure}", file=sys.stderr)
    return plugins


def components(kind: str | None = None) -> list[Component]:
    """Return the components of a kind, or all: the built-in first, then by distribution."""
    return load().of(kind)


def failures() -> list[Failure]:
    """Return the plugins that were left out."""
    return list(load().failures)


def get(kind: str, name: str) -> Component:
    """Return the component of that kind and name.

    Raises PluginError if there is none, with the names there are and the plugins that failed.
    """
    return load().get(kind, name)


def create(kind: str, name: str, values: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401
    """Return an encoder, augmenter, model or sampler with these options, as `options.build`.

    Raises PluginError if there is none of that name, OptionError for wrong options.
    """
    return options.build(get(kind, name).cls, values or {})


def _builtin(module: str) -> Source:
    name = module.rpartition(".")[2]
    return Source(EntryPoint(name, module, GROUP), "howlkit", __version__)


def _components_of(source: Source, taken: Mapping[str, Component]) -> dict[str, Component]:
    """Return what one plugin registers, by name; all of it is sound and new, or this raises."""
    found: dict[str, Component] = {}
    # Stdout belongs to data (`--json`): what a plugin prints goes to stderr.
    with contextlib.redirect_stdout(sys.stderr):
        for kind, cls in _registered(source.entry_point.load(), source.entry_point.name):
            component = _component(kind, cls, source)
            other = taken.get(component.name) or found.get(component.name)
            if other is not None:
                raise PluginError(_clash(component, other))
            found[component.name] = component
    return found


def _registered(plugin: object, name: str) -> list[tuple[str, object]]:
    """Return (kind, what was registered) of a plugin, by calling its hooks.

    A manager for each plugin: what one of them breaks, no other sees.
    """
    manager = pluggy.PluginManager(hookspecs.hookspec.project_name)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name)
    _check_hooks(manager, plugin)
    registered: list[tuple[str, object]] = []

    def collector(kind: str) -> Any:  # noqa: ANN401 - the `register` that a hook is handed
        return lambda cls: registered.append((kind, cls))

    for kind in KINDS:
        getattr(manager.hook, f"register_{kind}s")(register=collector(kind))
    return registered


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Raise PluginError for a plugin without hooks, or with one that is not ours.

    As pluggy's `check_pending`, with a message for the plugin's author.
    """
    implemented = manager.get_hookcallers(plugin) or []
    if not implemented:
        raise PluginError("none of its functions carries @hookimpl of howlkit.hookspecs")
    hooks = [f"register_{kind}s" for kind in KINDS]
    for caller in implemented:
        if not caller.has_spec():
            raise PluginError(
                f"it implements {caller.name!r}, which is no hook."
                f"{did_you_mean(caller.name, hooks)} Hooks: {', '.join(hooks)}"
            )


def _component(kind: str, cls: object, source: Source) -> Component:
    """Return the class as a component of its kind; PluginError if it does not meet the contract."""
    if not isinstance(cls, type):
        raise PluginError(f"register_{kind}s wants a class and was given {cls!r}")
    what = f"{kind} {cls.__module__}.{cls.__qualname__}"
    if not _is_frozen_dataclass(cls):
        raise PluginError(f"{what} is no frozen dataclass: write @dataclass(frozen=True) above it")
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", name):
        raise PluginError(
            f"{what} has no name of letters, digits, - and _ (name is {name!r}): "
            'write name: ClassVar[str] = "..." in it'
        )
    if name in RESERVED:
        raise PluginError(f"{what} is called {name!r}, which is reserved; choose another name")
    missing = _missing(cls, CONTRACTS[kind])
    if missing:
        contract = f"howlkit.protocols.{CONTRACTS[kind].__name__}"
        raise PluginError(f"{what} lacks {', '.join(missing)} of {contract}")
    options.describe(cls)  # so that a field that can be no option shows here, not half way
    summary = (cls.__doc__ or "").strip().partition("\n")[0]
    return Component(name, kind, cls, source.distribution, source.version, summary)


def _is_frozen_dataclass(cls: type[Any]) -> bool:
    parameters = getattr(cls, "__dataclass_params__", None)
    return dataclasses.is_dataclass(cls) and getattr(parameters, "frozen", False)


def _missing(cls: type[Any], contract: type[Any]) -> list[str]:
    """Return the methods and properties of a contract that a class does not have, by name."""
    return [
        name
        for name, member in vars(contract).items()
        if (name == "__call__" or not name.startswith("_"))
        and (callable(member) or isinstance(member, property))
        and not _has(cls, name, contract)
    ]


def _has(cls: type[Any], name: str, contract: type[Any]) -> bool:
    """Return whether a class, or a parent other than the contract itself, defines `name`."""
    # Not hasattr: every class has a __call__, which makes instances.
    return any(name in vars(parent) for parent in cls.__mro__ if parent is not contract)


def _clash(component: Component, other: Component) -> str:
    return (
        f"it brings the {component.kind} {component.name!r}, a name that the {other.kind} of "
        f"{other.distribution} {other.version} has already; one of them must go or be renamed"
    )
