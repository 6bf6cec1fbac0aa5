"""Writing a Piece to a file: MIDI by howlkit itself, other formats by the suffix's writer.

A writer makes the file in a temporary folder, from which it is moved to its place when it is whole.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from howlkit import plugins
from howlkit.errors import DataError, PluginError, printable
from howlkit.music import midi, provenance
from howlkit.music.piece import Piece
from howlkit.plugins.checked import CheckedWriter
from howlkit.protocols import Writer

__all__ = ["find", "is_midi", "numbered", "suffixes", "write", "write_whole"]

KNOWN: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys((".musicxml", ".mxl", ".xml"), "howlkit-music21"),
        **dict.fromkeys((".flac", ".ogg"), "soundfile"),
    }
)
"""Distributions by suffix, to name the one to install if no installed writer has the suffix."""

MIDI = (".mid", ".midi")


def is_midi(path: str | os.PathLike[str]) -> bool:
    """Return whether a file of that name is MIDI, which howlkit writes itself.

    >>> is_midi("song.MID"), is_midi("song.musicxml")
    (True, False)
    """
    return os.path.basename(path).lower().endswith(MIDI)


def suffixes() -> list[str]:
    """Return the suffixes of all installed writers; MIDI's, which howlkit writes, are not there."""
    made = (plugins.create("writer", each.name) for each in plugins.components("writer"))
    return sorted({suffix for writer in made for suffix in writer.suffixes})


def numbered(path: Path, count: int) -> list[Path]:
    """Return the paths of `count` pieces: NAME-1.mid ... NAME-8.mid, all numbers as wide.

    >>> [path.name for path in numbered(Path("new.mid"), 10)][::9]
    ['new-01.mid', 'new-10.mid']
    """
    width = len(str(count))
    return [
        path.with_name(f"{path.stem}-{number:0{width}d}{path.suffix}")
        for number in range(1, count + 1)
    ]


def find(path: str | os.PathLike[str]) -> plugins.Component | None:
    """Return the writer for a file of that name; None if it is MIDI, or no writer has its suffix.

    Raises PluginError, with the distribution to install, for a suffix in `KNOWN` without a writer,
    and DataError if two writers have the suffix.
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

    writer: None writes MIDI, with the record of how the piece was made, if it has one; other
    formats do not get it. Raises PluginError, with the writer and its distribution, for any error
    in the writer, DataError if the file cannot be written, and MidiError for MIDI files.
    """
    if writer is None:
        midi.write(piece, path)
        return
    plain = provenance.removed(piece)
    write_whole(path, lambda made: CheckedWriter.of(writer).write(plain, made))


def write_whole(path: str | os.PathLike[str], make: Callable[[Path], None]) -> None:
    """Let `make` write a file of the same name in another folder, then move it to `path`.

    So the file is whole or not there. Raises DataError if it cannot be written, and what `make`
    raises.
    """
    target = Path(os.path.realpath(path))
    try:
        # In another folder, not by another name, since a writer may look at the suffix.
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent) as folder:
            made = Path(folder, target.name)
            # Lines that a library prints must not mix with data on stdout.
            with contextlib.redirect_stdout(sys.stderr):
                make(made)
            with open(made, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(made, target)
    except OSError as error:
        raise DataError(
            f"{printable(path)} cannot be written: {error.strerror or error}"
        ) from error
