"""Installed plugins: their entry points and distributions, and which of them may load.

A plugin names its modules in the entry-point group `howlkit` and its commands in
`howlkit.commands` (PyPA, "Entry points specification"). Nothing is imported here. Distributions are
read one by one, because one damaged `entry_points.txt` makes `importlib.metadata.entry_points`
raise for all of them.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint

from howlkit.errors import HowlkitError

__all__ = [
    "COMMAND_GROUP",
    "GROUP",
    "RESTRICTION",
    "Failure",
    "Source",
    "distributions",
    "find",
    "normal",
    "one_line",
    "safe",
]

GROUP = "howlkit"
COMMAND_GROUP = "howlkit.commands"

RESTRICTION = "HOWLKIT_LOAD_PLUGINS"
"""Environment variable: the only entry points or distributions to load, comma-separated."""


@dataclass(frozen=True)
class Failure:
    """What is wrong with a plugin, in one line.

    left_out: nothing of the plugin is loaded; False: it works, and the line is a complaint.
    """

    entry_point: str
    distribution: str
    version: str
    cause: str
    left_out: bool = True
    traceback: str = field(default="", repr=False)

    def __str__(self) -> str:
        who = f"plugin {self.entry_point!r} of {self.distribution} {self.version}".strip()
        return f"{who} is left out: {self.cause}" if self.left_out else f"{who} {self.cause}"


@dataclass(frozen=True)
class Source:
    """An entry point and the distribution that it belongs to."""

    entry_point: EntryPoint
    distribution: str
    version: str

    @classmethod
    def of(cls, entry_point: EntryPoint) -> Source:
        """Return the source of an entry point; its distribution may be unknown."""
        if entry_point.dist is None:  # made by hand: nobody installed it
            return cls(entry_point, entry_point.module.partition(".")[0], "")
        return cls(entry_point, *_name_and_version(entry_point.dist))

    @property
    def key(self) -> tuple[str, str, str]:
        """The order in which plugins load, the same on every machine."""
        return self.distribution, self.entry_point.name, self.entry_point.value

    @property
    def names(self) -> set[str]:
        """The names that HOWLKIT_LOAD_PLUGINS may use for it."""
        return {normal(self.entry_point.name), normal(self.distribution)}

    @property
    def who(self) -> str:
        """The distribution and its version, for people."""
        return f"{self.distribution} {self.version}".strip()

    def failure(self, error: BaseException) -> Failure:
        """Return the failure of this plugin, caused by an error."""
        import traceback  # late: `howlkit --help` imports this module and needs no traceback

        name, told = self.entry_point.name, "".join(traceback.format_exception(error))
        return Failure(name, self.distribution, self.version, one_line(error), traceback=told)

    def noise(self, line: str) -> Failure:
        """Return the complaint that this plugin printed a line while it was loaded."""
        cause = f"prints when it is loaded, and stdout is for data: {safe(line)!r}"
        return Failure(
            self.entry_point.name, self.distribution, self.version, cause, left_out=False
        )


def find(group: str) -> tuple[list[Source], list[Failure]]:
    """Return the entry points of a group that may load, in order, and the failures.

    A failure is a distribution with entry points that cannot be read, or a name in
    HOWLKIT_LOAD_PLUGINS that no installed plugin has.
    """
    sources, failures = _scan()
    restriction = os.environ.get(RESTRICTION)
    if restriction is not None:
        wanted = {normal(name) for name in restriction.split(",") if name.strip()}
        known = {name for source in sources for name in source.names}
        cause = f"{RESTRICTION} names it, but it is not installed"
        failures = [Failure(name, name, "", cause) for name in sorted(wanted - known)]
        sources = [source for source in sources if source.names & wanted]
    return [source for source in sources if source.entry_point.group == group], failures


def distributions() -> list[str]:
    """Return the names of all distributions with plugins, also of those that may not load."""
    sources, failures = _scan()
    names = {source.distribution for source in sources}
    return sorted(names | {failure.distribution for failure in failures})


def one_line(error: BaseException) -> str:
    """Return an error in one line, safe to print on a terminal."""
    text = str(error) if isinstance(error, HowlkitError) else f"{type(error).__name__}: {error}"
    return safe(text)


def safe(text: str) -> str:
    """Return text in one line, safe to print on a terminal."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())


def _scan() -> tuple[list[Source], list[Failure]]:
    """Return every entry point of howlkit's groups, sorted, and the unreadable distributions."""
    sources: list[Source] = []
    failures: list[Failure] = []
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        # Most distributions have no such entry point, and a look is quicker than parsing theirs.
        if "[howlkit" not in _entry_points_text(distribution):
            continue
        try:
            found = [Source.of(entry_point) for entry_point in _ours(distribution)]
        except Exception as error:  # whatever a damaged file makes the parser raise
            failures.append(Failure("*", *_name_and_version(distribution), cause=one_line(error)))
            continue
        if found and found[0].distribution not in seen:  # of two on sys.path, the first is imported
            seen.add(found[0].distribution)
            sources += found
    return sorted(sources, key=lambda source: source.key), failures


def _entry_points_text(distribution: Distribution) -> str:
    try:
        return distribution.read_text("entry_points.txt") or ""
    except UnicodeDecodeError:  # damaged: it names no module at all
        return ""


def _ours(distribution: Distribution) -> Iterator[EntryPoint]:
    for entry_point in distribution.entry_points:
        if entry_point.group in (GROUP, COMMAND_GROUP):
            yield entry_point


def _name_and_version(distribution: Distribution) -> tuple[str, str]:
    # A half-deleted distribution has no METADATA, so neither name nor version.
    metadata = distribution.metadata
    name, version = (metadata[key] if key in metadata else "" for key in ("Name", "Version"))
    return name or "unknown", version or ""


def normal(name: str) -> str:
    """Return a name as package indexes compare it (PyPA, "Name normalization")."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
