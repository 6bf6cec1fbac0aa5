"""From an entry point to its components: calls its hooks and checks what they register.

Each plugin has its own pluggy manager, so that a broken plugin cannot affect another. Anything
wrong raises an exception here; the registry makes one line of it.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pluggy

from howlkit import hookspecs, options
from howlkit.errors import PluginError, did_you_mean
from howlkit.plugins.attribution import record_owner
from howlkit.plugins.contracts import CONTRACTS, KINDS, missing_members, wrong_calls
from howlkit.plugins.discovery import PluginSource
from howlkit.plugins.importing import hushed, imported, trace

__all__ = ["HOOKS", "RESERVED", "Component", "Loaded", "load"]

HOOKS: Mapping[str, str] = MappingProxyType({kind: f"register_{kind}s" for kind in KINDS})
"""The hook that registers components of a kind."""

RESERVED = frozenset({"heads", "training"})  # `-o heads.chained=true` speaks to the core


SHARING = frozenset({"source", "writer"})
"""The kinds of which two components may have one name: no command has options of both."""


@dataclass(frozen=True)
class Component:
    """A registered class: its name and kind, and the distribution that it came from.

    cls: a frozen dataclass that meets the contract of its kind.
    summary: the first line of its docstring.

    Kind and name together belong to one component. A name alone does too, except that a source and
    a writer may share it, as those of one format do.
    """

    name: str
    kind: str
    cls: type[Any]
    distribution: str
    version: str
    summary: str

    def clashes(self, kind: str, name: str) -> bool:
        """Say whether this component keeps another one of this kind from having this name."""
        return name == self.name and (kind == self.kind or {kind, self.kind} != SHARING)


@dataclass(frozen=True)
class Loaded:
    """The components of one plugin, and the first line that it printed on loading."""

    components: tuple[Component, ...]
    printed: str


def load(source: PluginSource, taken: Iterable[Component]) -> Loaded:
    """Return the components of one plugin: all of them, or none and this raises.

    taken: the components loaded before. Raises PluginError if a class breaks its contract or its
    name is taken, and any exception that the plugin itself raises.
    """
    found: list[Component] = []
    with hushed() as heard:
        for kind, cls in _registered(imported(source), source):
            component = _component(kind, cls, source)
            for other in (*taken, *found):
                if other.clashes(kind, component.name):
                    raise PluginError(_clash(component, other))
            found.append(component)
    for component in found:
        # One class may be both the source and the writer of a format.
        kinds = " and ".join(each.kind for each in found if each.cls is component.cls)
        record_owner(component.cls, f"{kinds} {component.name!r} of {source.who}".strip())
    return Loaded(tuple(found), heard.first)


def _registered(plugin: object, source: PluginSource) -> list[tuple[str, object]]:
    """Call the hooks of a plugin; return (kind, class) of everything that they registered."""
    manager = pluggy.PluginManager(hookspecs.hookspec.project_name)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, source.entry_point.name)
    implemented = _check_hooks(manager, plugin)
    registered: list[tuple[str, object]] = []

    def collector(kind: str) -> Any:  # noqa: ANN401 - the `register` that a hook is passed
        return lambda cls: registered.append((kind, cls))

    for kind, hook in HOOKS.items():
        if hook not in implemented:
            continue
        began, before = time.perf_counter(), len(registered)
        try:
            getattr(manager.hook, hook)(register=collector(kind))
        finally:
            trace(source, _told(hook, registered[before:]), began)
    if not registered:
        raise PluginError(
            f"it registers nothing: call register(CLASS) in {' and '.join(sorted(implemented))}"
        )
    return registered


def _told(hook: str, registered: list[tuple[str, object]]) -> str:
    """Return a line of the trace: a hook call and the classes that it registered."""
    classes = (getattr(cls, "__qualname__", repr(cls)) for _, cls in registered)
    return f"{hook}(register) registered {', '.join(classes) or 'nothing'}"


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> set[str]:
    """Return the hooks that a plugin implements.

    Raises PluginError if there is none, if one has no specification (as pluggy's `check_pending`
    does, with a message for the plugin's author), or does not take `register`.
    """
    implemented = manager.get_hookcallers(plugin) or []
    if not implemented:
        raise PluginError("none of its functions carries @hookimpl of howlkit.hookspecs")
    hooks = list(HOOKS.values())
    for caller in implemented:
        if not caller.has_spec():
            raise PluginError(
                f"it implements {caller.name!r}, which is no hook."
                f"{did_you_mean(caller.name, hooks)} Hooks: {', '.join(hooks)}"
            )
        if any("register" not in each.argnames for each in caller.get_hookimpls()):
            raise PluginError(
                f"its {caller.name} does not take `register`, so it cannot register anything: "
                f"write def {caller.name}(register)"
            )
    return {caller.name for caller in implemented}


def _component(kind: str, cls: object, source: PluginSource) -> Component:
    """Return the class as a component; PluginError if it does not meet the contract of its kind."""
    if not isinstance(cls, type):
        raise PluginError(f"{HOOKS[kind]} wants a class and was given {cls!r}")
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
    missing = missing_members(cls, CONTRACTS[kind])
    if missing:
        contract = f"howlkit.protocols.{CONTRACTS[kind].__name__}"
        raise PluginError(f"{what} lacks {', '.join(missing)} of {contract}")
    wrong = wrong_calls(cls, kind)
    if wrong:
        raise PluginError(f"{what}: {wrong}")
    _check_suffixes(what, cls)
    options.describe(cls)  # raises OptionError for a field that can be no option
    summary = (cls.__doc__ or "").strip().partition("\n")[0]
    return Component(name, kind, cls, source.distribution, source.version, summary)


def _is_frozen_dataclass(cls: type[Any]) -> bool:
    parameters = getattr(cls, "__dataclass_params__", None)
    return dataclasses.is_dataclass(cls) and getattr(parameters, "frozen", False)


def _check_suffixes(what: str, cls: type[Any]) -> None:
    """Raise PluginError if suffixes of a source or writer, unless a property, are not a tuple.

    Every search for a file asks every source and writer for them, so one fault would stop all.
    """
    suffixes = inspect.getattr_static(cls, "suffixes", ())
    if hasattr(suffixes, "__get__"):
        return
    if not isinstance(suffixes, tuple) or not all(isinstance(each, str) for each in suffixes):
        raise PluginError(f"{what} has suffixes {suffixes!r}; a tuple such as ('.abc',) is needed")


def _clash(component: Component, other: Component) -> str:
    return (
        f"it brings the {component.kind} {component.name!r}, a name that the {other.kind} of "
        f"{other.distribution} {other.version} has already; one of them must go or be renamed"
    )
