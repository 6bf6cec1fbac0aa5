"""Whose an error is: the plugin nearest to where it was raised, with version, file and line.

An error that passes through a plugin's own code is told in a line that names the plugin: its author
can mend it, and a traceback through the core helps no user.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from howlkit.errors import TRACEBACK, HowlkitError
from howlkit.plugins import discovery
from howlkit.plugins.discovery import COMMAND_GROUP, GROUP, one_line

__all__ = ["describe_error", "owner_of"]

COMMANDS = Path(__file__).parents[1] / "commands"


def describe_error(error: BaseException) -> str:
    """Return an error in a line if it passed through a plugin's code, else ""."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SystemExit) and not any(COMMANDS in _parents(f) for f in frames):
        return ""  # a plugin's own command, which may exit as it likes
    homes = list(_homes())
    for frame in reversed(frames):
        for home, who in homes:
            if home == Path(frame.filename) or home in _parents(frame):
                at = f"{frame.filename}:{frame.lineno}"
                if isinstance(error, HowlkitError):
                    return f"{error} (in {who}, {at})"
                return (
                    f"{who} failed: {one_line(error)} ({at}). It is for its author to mend; "
                    f"{TRACEBACK}=1 shows the traceback"
                )
    return ""


def owner_of(component: object) -> str:
    """Return a component in words: kind, name, and the distribution and version that brought it."""
    from howlkit import plugins  # not at the top: an error may come before any plugin is loaded

    for found in plugins.components():
        if found.cls is type(component):
            return f"{found.kind} {found.name!r} of {found.distribution} {found.version}".strip()
    cls = type(component)  # made by hand, and registered by nobody
    return f"{getattr(component, 'name', '')!r} ({cls.__module__}.{cls.__qualname__})"


def _parents(frame: traceback.FrameSummary) -> tuple[Path, ...]:
    return tuple(Path(frame.filename).parents)


def _homes() -> Iterator[tuple[Path, str]]:
    """Yield the folder or file of each plugin that is imported, and whose it is."""
    for group in (GROUP, COMMAND_GROUP):
        for source in discovery.find(group)[0]:
            module = sys.modules.get(source.entry_point.module)
            if module is not None and module.__file__ is not None:
                yield _home(module), source.who


def _home(module: ModuleType) -> Path:
    """Return the folder of a module's outermost package that is a real one, or its own file."""
    while True:
        parent = sys.modules.get(module.__name__.rpartition(".")[0])
        if parent is None or getattr(parent, "__file__", None) is None:  # or a namespace
            break
        module = parent
    file = Path(str(module.__file__))
    return file.parent if file.name == "__init__.py" else file
