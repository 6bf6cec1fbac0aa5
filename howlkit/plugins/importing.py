"""Imports what an entry point names, if it fits this version of howlkit, and keeps stdout clean.

HOWLKIT_TRACE_PLUGINS=1 prints every import and every hook call to stderr, with its duration.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, cast

from howlkit import __version__
from howlkit.errors import PluginError
from howlkit.plugins.discovery import Source

__all__ = ["TRACE", "Hushed", "hushed", "imported", "trace", "tracing"]

TRACE = "HOWLKIT_TRACE_PLUGINS"
"""Environment variable: 1 prints imports and hook calls to stderr."""


def imported(source: Source) -> Any:  # noqa: ANN401 - a module, a command, or whatever it names
    """Import what an entry point names and return it.

    Raises PluginError if it needs another version of howlkit or if a requirement of it is missing,
    and any exception of the import itself.
    """
    misfit = _misfit(source)
    if misfit:
        raise PluginError(
            f"it needs {misfit}, and this is howlkit {__version__}: pip install '{misfit}', or "
            f"another version of {source.distribution}"
        )
    began = time.perf_counter()
    try:
        return source.entry_point.load()
    except ImportError as error:
        missing = _missing(source)
        if not missing:
            raise
        raise PluginError(
            f"{type(error).__name__}: {error}; it requires {', '.join(missing)}: "
            f"pip install {' '.join(map(repr, missing))}"
        ) from error
    finally:
        trace(source, f"import {source.entry_point.value}", began)


def _misfit(source: Source) -> str:
    """Return the requirement on howlkit that this version does not meet; "" if it meets all."""
    for requirement in _requirements(source):
        if requirement.name.lower() == "howlkit" and not _meets(__version__, requirement):
            return f"howlkit{requirement.specifier}"
    return ""


def _missing(source: Source) -> list[str]:
    """Return the requirements of a plugin that are not installed, or not in a fitting version."""
    missing = []
    for requirement in _requirements(source):
        try:
            met = _meets(importlib.metadata.version(requirement.name), requirement)
        except importlib.metadata.PackageNotFoundError:
            met = False
        if not met:
            missing.append(f"{requirement.name}{requirement.specifier}")
    return missing


def _meets(version: str, requirement: Any) -> bool:  # noqa: ANN401 - packaging's Requirement
    return bool(requirement.specifier.contains(version, prereleases=True))


def _requirements(source: Source) -> Iterator[Any]:
    """Yield the requirements of a plugin in this environment, each a `packaging` Requirement."""
    distribution = source.entry_point.dist
    lines = None if distribution is None else distribution.requires
    if not lines:
        return
    from packaging.requirements import InvalidRequirement, Requirement

    for line in lines:
        with contextlib.suppress(InvalidRequirement):  # pip complained of it on installing
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                yield requirement


class Hushed:
    """Replaces stdout, which is for data, while a plugin loads, and keeps the first line printed.

    A reference that the plugin keeps (in a logging handler, say) writes to stderr afterwards.
    """

    def __init__(self) -> None:
        self.first = ""
        self.loading = True

    def write(self, text: str) -> int:
        """Keep the first line of what is printed; after loading, print it to stderr."""
        if not self.loading:
            return sys.stderr.write(text)
        self.first = self.first or text.strip().partition("\n")[0]
        return len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a stream has
        return getattr(sys.stderr, name)


@contextlib.contextmanager
def hushed() -> Iterator[Hushed]:
    """Keep what is printed to stdout inside the block from being shown."""
    heard = Hushed()
    try:
        with contextlib.redirect_stdout(cast(Any, heard)):
            yield heard
    finally:
        heard.loading = False


def tracing() -> bool:
    """Say whether HOWLKIT_TRACE_PLUGINS asks for a trace."""
    return os.environ.get(TRACE, "") not in ("", "0")


def trace(source: Source, what: str, began: float) -> None:
    """Print a line of the trace, if it is wanted; began: the start, by time.perf_counter()."""
    if tracing():
        took = 1000 * (time.perf_counter() - began)
        print(f"howlkit: trace: {source.who}: {what} ({took:.1f} ms)", file=sys.stderr)
