"""One file of music that a user names: MIDI, or another format that an installed source reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from howlkit.dataset.readers import Readers
from howlkit.errors import DataError, HowlkitError, PluginError, printable
from howlkit.music import midi
from howlkit.music.piece import Piece

__all__ = ["inspect_music", "read_all", "read_music"]

STDIN = Path("-")

Tell = Callable[[str], None]


def read_music(path: Path, *, tell: Tell) -> Piece:
    """Return the piece in a file, with its controllers and texts; `-` is MIDI from standard input.

    Of a file with several pieces it is the first, and a line says so. tell: called with lines for
    the user. Raises HowlkitError, naming the file, if it cannot be read, and PluginError, naming
    the package to install, if no installed source reads a known format.
    """
    if path == STDIN:
        return midi.read_bytes(_stdin(), name="stdin", extras=True)
    pieces = _other_music(path)
    return midi.read(path, extras=True) if pieces is None else _first(path, pieces, tell)


def inspect_music(path: Path, *, tell: Tell) -> midi.Reading:
    """Return what `read_music` does and, for MIDI, how often the file had to be mended."""
    if path == STDIN:
        return midi.inspect_bytes(_stdin(), name="stdin", extras=True)
    pieces = _other_music(path)
    if pieces is None:
        return midi.inspect(path, extras=True)
    return midi.Reading(_first(path, pieces, tell), {})


def read_all(path: Path, *, tell: Tell) -> list[Piece]:
    """Return all pieces in a file that can be used; a line names each of the others.

    Raises as `read_music`.
    """
    pieces = _other_music(path)
    if pieces is None:
        return [midi.read(path)]
    for number, piece in enumerate(pieces, 1):
        if isinstance(piece, str):
            tell(f"{printable(path)}, piece {number} of {len(pieces)}, is left out: {piece}")
    return _usable(path, pieces)


def _stdin() -> bytes:
    """Return standard input, up to one byte more than a file may have."""
    return sys.stdin.buffer.read(midi.Limits().max_bytes + 1)


def _other_music(path: Path) -> list[Piece | str] | None:
    """Return what a source reads of a file, as `Reader.read`; None for MIDI.

    Each piece has the name of the file.
    """
    name = os.path.basename(path)
    if name.lower().endswith(midi.ENDINGS):
        return None  # without loading plugins
    readers = Readers.installed()
    reader = readers.reader(str(path))
    if reader is None:
        readers.check_known(str(path))
        return None
    shown = printable(path)
    try:
        found = reader.read(str(path), midi.Limits())
    except PluginError:
        raise
    except HowlkitError as error:
        text = str(error)
        raise DataError(text if shown in text else f"{shown}: {text}") from error
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise DataError(f"{shown} cannot be read: {cause}") from error
    several = len(found) > 1
    return [
        piece
        if isinstance(piece, str)
        else piece.replace(name=f"{name}, {piece.name}" if several and piece.name else name)
        for piece in found
    ]


def _usable(path: Path, pieces: list[Piece | str]) -> list[Piece]:
    """Return the pieces; DataError with the first reason if there are none."""
    usable = [piece for piece in pieces if isinstance(piece, Piece)]
    if not usable:
        raise DataError(f"{printable(path)}: {pieces[0]}")
    return usable


def _first(path: Path, pieces: list[Piece | str], tell: Tell) -> Piece:
    """Return the first piece that can be used; say so if there are more."""
    first = _usable(path, pieces)[0]
    if len(pieces) > 1:
        tell(
            f"{printable(path)} has {len(pieces)} pieces, and only one can be taken here: "
            f"{printable(first.name)}. To take another, save it in a file of its own"
        )
    return first
