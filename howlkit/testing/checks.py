"""A check, and the message of one that fails: law, input, expected, got, where to look."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import howlkit
from howlkit.errors import printable
from howlkit.plugins.checked import unwrapped

__all__ = ["Check", "CheckFailed", "given", "require"]


LONGEST = 600  # characters of a value that are shown


class CheckFailed(AssertionError):
    """A component does not keep to its contract.

    expected, got: the two sides of the comparison. look: the part of the component to look at.
    inputs: what the component was given, from the outermost to the innermost. title: which check of
    which component failed. law: what must hold.
    """

    def __init__(self, *, expected: str, got: str, look: str = "") -> None:
        super().__init__()
        self.expected, self.got, self.look = expected, got, look
        self.inputs: list[str] = []
        self.title = self.law = ""

    def __str__(self) -> str:
        """Return the whole message: the title, then the details."""
        return f"{self.title}\n{self.details}"

    @property
    def details(self) -> str:
        """One line each for the law, the input, what was expected, what came and where to look."""
        parts = {
            "law": self.law,
            "input": ", ".join(self.inputs),
            "expected": self.expected,
            "got": self.got,
            "look at": self.look,
        }
        return "\n".join(f"  {name}: {text}" for name, text in parts.items() if text)


def require(holds: object, *, expected: object, got: object, look: str = "") -> None:
    """Raise CheckFailed unless `holds`."""
    if not holds:
        raise CheckFailed(expected=_short(expected), got=_short(got), look=look)


def _short(value: object) -> str:
    text = printable(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} .."


@contextmanager
def given(what: str) -> Iterator[None]:
    """Name the input of the checks inside the block; any exception there is a failed check."""
    try:
        yield
    except CheckFailed as failure:
        failure.inputs.insert(0, what)
        raise
    except (Exception, SystemExit) as error:
        broken = _broken(error)
        broken.inputs.insert(0, what)
        raise broken from error


@dataclass(frozen=True)
class Check:
    """One law for one component. Calling the check raises CheckFailed if the law is broken.

    kind: the kind of the component. law: a function that takes the component; its name and the
    first line of its docstring tell people what it checks. instead: the weaker law that is checked
    in its place, if the component declares that the law does not hold for it. reason: the reason
    that the component declares.
    """

    kind: str
    component: Any
    law: Callable[[Any], None]
    instead: Callable[[Any], None] | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        """The name that people see, such as "round trip"."""
        return self.law.__name__.replace("_", " ")

    def __call__(self) -> None:
        """Run the check; raise CheckFailed, with title and law, if the law is broken."""
        try:
            self._checked(unwrapped(self.component))  # as its author sees it
        except CheckFailed as failure:
            self._entitle(failure)
            raise
        except (Exception, SystemExit) as error:
            raise self._entitle(_broken(error)) from error

    @property
    def text(self) -> str:
        """The law in one line: what must hold."""
        return (self._checked.__doc__ or "").partition("\n")[0]

    @property
    def _checked(self) -> Callable[[Any], None]:
        return self.law if self.instead is None else self.instead

    def failure(self) -> CheckFailed | None:
        """Run the check; return the CheckFailed that it raises, or None if it passes."""
        try:
            self()
        except CheckFailed as failure:
            return failure
        return None

    def _entitle(self, failure: CheckFailed) -> CheckFailed:
        failure.title = f"{self.kind} {self.component.name!r} fails {self.name!r}"
        failure.law = self.text
        return failure


def run_all(checks: Iterable[Check]) -> None:
    """Run all checks; raise the CheckFailed of the first that fails, and name the others in it."""
    failures = [failure for check in checks if (failure := check.failure()) is not None]
    if failures:
        others = ", ".join(failure.title.partition(" fails ")[2] for failure in failures[1:])
        if others:
            failures[0].add_note(f"  it also fails {others}")
        raise failures[0]


def _broken(error: BaseException) -> CheckFailed:
    """Return a CheckFailed for an exception that a component raised."""
    return CheckFailed(expected="no exception", got=describe_with_line(error))


def describe_with_line(error: BaseException) -> str:
    """Return the type and message of an exception, and FILE:LINE where the component raised it."""
    return f"{printable(f'{type(error).__name__}: {error}')} ({_line(error)})"


def _line(error: BaseException) -> str:
    """Return FILE:LINE of the innermost frame in the component's code, if there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_foreign(frame.filename)]
    frame = (own or frames)[-1]
    return f"{frame.filename}:{frame.lineno}"


def _is_foreign(filename: str) -> bool:
    """Return whether a file belongs to howlkit's core, a library or Python, and to no component."""
    import torch

    home = Path(howlkit.__file__).parent
    path = Path(filename)
    if home in path.parents:
        return home / "builtin" not in path.parents
    libraries = [Path(str(module.__file__)).parent for module in (np, torch)]
    if any(library in path.parents for library in libraries):
        return True
    is_python = Path(os.__file__).parent in path.parents and "site-packages" not in path.parts
    return is_python or filename.startswith("<")
