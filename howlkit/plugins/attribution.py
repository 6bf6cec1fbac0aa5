"""Which plugin an error or a component comes from: distribution, version, file and line.

An error that passed through a plugin's code is told in one line that names the plugin: its author
can correct it, and a traceback through the core helps no user. Loading a plugin records here which
class came from which distribution, so that nothing has to be loaded to name the owner of a class.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

from howlkit.errors import TRACEBACK, HowlkitError
from howlkit.plugins import discovery
from howlkit.plugins.discovery import COMMAND_GROUP, GROUP, one_line

__all__ = ["describe_error", "owner_of", "record_owner"]

COMMANDS = Path(__file__).parents[1] / "commands"

_OWNERS: MutableMapping[type, str] = WeakKeyDictionary()
"""The owner of each registered class, in words: a record only, which nothing is decided by."""


def record_owner(cls: type, owner: str) -> None:
    """Record the owner of a class: kind, name, distribution and version, in words."""
    _OWNERS[cls] = owner


def owner_of(component: object) -> str:
    """Return the kind and name of a component, and the distribution and version it came from.

    A component of a class that no plugin registered is named by its class.
    """
    cls = type(component)
    if cls in _OWNERS:
        return _OWNERS[cls]
    return f"{getattr(component, 'name', '')!r} ({cls.__module__}.{cls.__qualname__})"


def describe_error(error: BaseException) -> str:
    """Return one line about an error that passed through a plugin's code; "" for other errors."""
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


def _parents(frame: traceback.FrameSummary) -> tuple[Path, ...]:
    return tuple(Path(frame.filename).parents)


def _homes() -> Iterator[tuple[Path, str]]:
    """Yield the folder or file of each imported plugin, and its distribution and version."""
    for group in (GROUP, COMMAND_GROUP):
        for source in discovery.find(group)[0]:
            module = sys.modules.get(source.entry_point.module)
            if module is not None and module.__file__ is not None:
                yield _home(module), source.who


def _home(module: ModuleType) -> Path:
    """Return the folder of a module's outermost package, or the file of a lone module."""
    while True:
        parent = sys.modules.get(module.__name__.rpartition(".")[0])
        if parent is None or getattr(parent, "__file__", None) is None:  # or a namespace
            break
        module = parent
    file = Path(str(module.__file__))
    return file.parent if file.name == "__init__.py" else file
