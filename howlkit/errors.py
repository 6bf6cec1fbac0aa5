"""Errors for people to read: what was wrong, what is allowed, what to do next.

The command line prints the message of a `HowlkitError` without a traceback and exits 1;
any other error is a bug and shows its traceback. HOWLKIT_TRACEBACK=1 shows the traceback of both.
"""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Iterable

__all__ = [
    "TRACEBACK",
    "ArgumentError",
    "BusyError",
    "CheckpointError",
    "DataError",
    "HowlkitError",
    "MidiError",
    "OptionError",
    "PieceError",
    "PluginError",
    "did_you_mean",
    "printable",
    "quoted",
    "traceback_wanted",
]

TRACEBACK = "HOWLKIT_TRACEBACK"
"""Environment variable: 1 shows the traceback of an error that otherwise prints one line."""


class HowlkitError(Exception):
    """The base class of every error that howlkit raises on purpose."""


class ArgumentError(HowlkitError, TypeError):
    """An argument of a function of howlkit that it does not know, or that is of another type."""


class PieceError(HowlkitError, ValueError):
    """Notes or tables that no `Piece` can hold (a value out of range, a wrong dtype)."""


class MidiError(HowlkitError):
    """A file that cannot be read as MIDI, or cannot be written; the message names the file."""


class DataError(HowlkitError):
    """A folder or dataset that cannot be prepared, opened or trained on."""


class BusyError(DataError):
    """A dataset folder that another process is writing at this moment."""


class OptionError(HowlkitError, ValueError):
    """A component option with an unknown name or a value that is not allowed."""


class PluginError(HowlkitError):
    """A component that is not installed, or a plugin that is broken."""


class CheckpointError(HowlkitError):
    """A run, checkpoint or model folder that is missing, damaged or from another version."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name nearest to `name`; "" if none is near.

    >>> did_you_mean("tupel", ["tuple", "event"])
    " Did you mean 'tuple'?"
    """
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""


def printable(text: object) -> str:
    r"""Return `text` with every character escaped that a terminal does not print as it is.

    >>> printable("evil\x1b[2J.mid")
    'evil\\x1b[2J.mid'
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def quoted(path: object) -> str:
    """Return a path for a command that is printed: it can be pasted into a shell, and is one word.

    >>> print(quoted("my runs/1"), quoted("runs/1"), quoted("-x.mid"))
    'my runs/1' runs/1 ./-x.mid
    """
    text = printable(path)
    if text.startswith("-") and text != "-":  # it would be read as an option
        text = f".{os.sep}{text}"
    return shlex.quote(text)


def traceback_wanted() -> bool:
    """Say whether HOWLKIT_TRACEBACK asks for tracebacks."""
    return os.environ.get(TRACEBACK, "") not in ("", "0")
