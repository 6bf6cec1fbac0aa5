"""A Piece to a file: MIDI by howlkit itself, everything else by the writer of the file's suffix.

A file that a writer makes is written in a folder beside its place, and put there when it is whole.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from howlkit import plugins
from howlkit.errors import DataError, PluginError, printable
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.plugins.checked import CheckedWriter
from howlkit.protocols import Writer

__all__ = ["find", "is_midi", "write"]

KNOWN: Mapping[str, str] = MappingProxyType(
    dict.fromkeys((".musicxml", ".mxl", ".xml"), "howlkit-music21")
)
"""Distributions whose writers may be asked for before they are installed, by suffix."""

MIDI = (".mid", ".midi")


def is_midi(path: str | os.PathLike[str]) -> bool:
    """Say whether a file of that name is MIDI, which howlkit writes itself."""
    return os.path.basename(path).lower().endswith(MIDI)


def find(path: str | os.PathLike[str]) -> plugins.Component | None:
    """Return the writer of a file of that name; None if it is MIDI, or nobody's suffix.

    Raises PluginError, with what to install, for the suffix of a known package that is not there,
    and DataError if two writers have it.
    """
    if is_midi(path):
        return None
    name = os.path.basename(path).lower()
    found: dict[str, list[plugins.Component]] = {}
    for component in plugins.components("writer"):
        for suffix in plugins.create("writer", component.name).suffixes:
            if name.endswith(suffix):
                found.setdefault(suffix, []).append(component)
    if not found:
        _check_known(name)
        return None
    suffix = max(found, key=len)
    if len(found[suffix]) > 1:
        who = " and ".join(f"{c.name} ({c.distribution} {c.version})" for c in found[suffix])
        raise DataError(
            f"the writers {who} both write {suffix} files; uninstall one, or name in "
            f"{plugins.RESTRICTION} the plugins to load"
        )
    return found[suffix][0]


def _check_known(name: str) -> None:
    for suffix, distribution in KNOWN.items():
        if name.endswith(suffix):
            message = (
                f"{suffix} files are written by {distribution}, which is not there: howlkit "
                f"plugins install --upgrade {distribution}; .mid files can always be written"
            )
            if plugins.RESTRICTION in os.environ:
                restricted = os.environ[plugins.RESTRICTION]
                message += f" ({plugins.RESTRICTION}={restricted!r} keeps other plugins out)"
            raise PluginError(message)


def write(piece: Piece, path: str | os.PathLike[str], writer: Writer | None = None) -> None:
    """Write a piece to a file, whole or not at all; a file of that name is replaced.

    writer: None: as MIDI. Raises PluginError, with the writer and whose it is, for whatever goes
    wrong in it; DataError if the file cannot be put there, MidiError if it is MIDI.
    """
    if writer is None:
        midi.write(piece, path)
        return
    target = Path(os.path.realpath(path))
    try:
        # In a folder and not under another name: the suffix says how to write it.
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent) as folder:
            made = Path(folder, target.name)
            _make(writer, piece, made)
            os.replace(made, target)
    except OSError as error:
        raise DataError(
            f"{printable(path)} cannot be written: {error.strerror or error}"
        ) from error


def _make(writer: Writer, piece: Piece, path: Path) -> None:
    """Let a writer make a file where there is none, and see to it that it is on the disk."""
    # What a library prints must not get among the data on stdout.
    with contextlib.redirect_stdout(sys.stderr):
        CheckedWriter.of(writer).write(piece, path)
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
