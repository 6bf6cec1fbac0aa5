"""Files of music: read one, write one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, overload

from howlkit import plugins
from howlkit.api.progress import teller
from howlkit.dataset import music_file
from howlkit.errors import ArgumentError, DataError, did_you_mean, printable
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.music.provenance import removed
from howlkit.protocols import Writer
from howlkit.sampling import writers
from howlkit.sampling.arguments import named, path_of

__all__ = ["read", "write"]

PathLike = str | os.PathLike[str]


@named
def read(path: PathLike) -> Piece:
    """Return the piece in a file of music: MIDI, or what an installed source reads.

    Of a file with several pieces it is the first, and a line on stderr says so. Raises
    HowlkitError, naming the file, if it cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write(Piece.of([(0, 480, 60)]), f"{folder}/one.mid")
    ...     read(f"{folder}/one.mid")
    Piece('one.mid', 1 notes, 0.5 s)
    """
    file = path_of("path", path)
    if file.is_dir():
        raise DataError(
            f"{printable(file)} is a folder; read takes one file. A folder becomes a dataset: "
            f"howlkit.prepare({str(file)!r}, out=...)"
        )
    return music_file.read_music(file, tell=teller(quiet=False))


@overload
def write(music: Piece, path: PathLike, *, provenance: bool = True, **options: object) -> Path: ...


@overload
def write(
    music: Iterable[Piece], path: PathLike, *, provenance: bool = True, **options: object
) -> list[Path]: ...


def write(
    music: Piece | Iterable[Piece], path: PathLike, *, provenance: bool = True, **options: object
) -> Path | list[Path]:
    """Write music to a file, in the format that its suffix says, and return its path.

    music: a Piece; or several, which go to NAME-1.mid, NAME-2.mid ... as with `howlkit sample -n`.
    path: ends in .mid, in .wav (with the package soundfile .flac and .ogg too), or in a suffix of
    another installed writer. A file of that name is replaced. provenance: whether a MIDI file
    carries the record of how a piece was made, if the piece has one. options: those of the writer,
    such as rate, renderer and soundfont of a sound file. What a MIDI file cannot say is changed as
    `howlkit.music.midi.as_written` does, and a line on stderr counts it. Raises DataError if no
    writer has the suffix, or if the file cannot be written, PluginError if the writer fails, and
    ArgumentError for what is no Piece.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     piece = Piece.of([(0, 480, 60)])
    ...     [path.name for path in write([piece, piece.transpose(2)], f"{folder}/new.mid")]
    ['new-1.mid', 'new-2.mid']
    """
    target = path_of("path", path)
    pieces = [music] if isinstance(music, Piece) else _listed(music)
    if not provenance:
        pieces = [removed(piece) for piece in pieces]
    writer = _writer(target, options)
    paths = [target] if isinstance(music, Piece) else writers.numbered(target, len(pieces))
    for piece, each in zip(pieces, paths, strict=True):
        writers.write(piece, each, writer)
    if writer is None:
        changed = sum((midi.to_bytes_counted(piece)[1] for piece in pieces), midi.Written())
        if said := changed.describe():
            teller(quiet=False)(f"In MIDI: {said}")
    return paths[0] if isinstance(music, Piece) else paths


def _listed(music: object) -> list[Piece]:
    pieces: list[Any] = list(music) if isinstance(music, Iterable) else [music]
    wrong = [each for each in pieces if not isinstance(each, Piece)]
    if wrong:
        raise ArgumentError(f"write takes a Piece, or several; got {wrong[0]!r}")
    return pieces


def _writer(path: Path, options: dict[str, object]) -> Writer | None:
    """Return the writer for a path; None if it is MIDI."""
    component = writers.find(path)
    if component is not None:
        made: Writer = plugins.create("writer", component.name, options)
        return made
    if not writers.is_midi(path):
        known = [*writers.MIDI, *writers.suffixes()]
        raise DataError(
            f"nothing writes {path.suffix or 'a file without a suffix'} "
            f"({printable(path)}).{did_you_mean(path.suffix, known)} Suffixes: {', '.join(known)}"
        )
    if options:
        raise ArgumentError(f"MIDI files have no options; leave out {', '.join(options)}")
    return None
