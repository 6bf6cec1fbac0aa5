"""The files of sampled pieces: their names, and the writer for their suffix."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howlkit.commands import output_files
from howlkit.commands.output_files import ExistingPathError, is_device, next_free

if TYPE_CHECKING:
    from howlkit.errors import HowlkitError
    from howlkit.music.piece import Piece
    from howlkit.plugins import Component
    from howlkit.protocols import Writer

__all__ = ["claimed", "paths_of", "samples_of", "tell_of_failures", "writer_of", "write_all"]

STDOUT = Path("-")


def writer_of(out: Path | None) -> Component | None:
    """Return the writer component for the suffix of `out`, or None if it will be MIDI.

    Prints a line if it will be MIDI and the suffix is another. Raises PluginError if a package that
    is not installed would write the suffix.
    """
    from howlkit.sampling import writers

    if out is None or out == STDOUT or out.is_dir():
        return None
    found = writers.find(out)
    if found is None and out.suffix and not writers.is_midi(out):
        click.echo(f"Nothing writes {out.suffix} files; this will be MIDI: {_midi(out)}", err=True)
    return found


def paths_of(out: Path | None, count: int, *, midi: bool) -> list[Path]:
    """Return the files of `count` pieces: NAME.mid, or NAME-1.mid ... NAME-8.mid.

    out: the path that the user gave. None or a folder: names are found by `claimed`, so there are
    none yet. midi: whether they are MIDI files; then .mid is added to another suffix.
    """
    if out is None or out.is_dir():
        return []
    if out == STDOUT or is_device(out):
        return [out]
    return _numbered(_midi(out) if midi else out, count)


@contextlib.contextmanager
def claimed(
    out: Path | None, run: Path, count: int, *, midi: bool, force: bool, reads: Sequence[Path]
) -> Iterator[list[Path]]:
    """Give the files of `count` pieces, kept for this process until the block ends.

    out: as in `paths_of`; in a folder, and in that of `samples_of` if it is None, the files are
    called sample-NUMBER.mid, with the first number that is free. force, reads: as in `check_new`.
    """
    paths = paths_of(out, count, midi=midi)
    if paths:
        with output_files.claimed(paths, force=force, reads=reads):
            yield paths
        return
    folder = out if out is not None else samples_of(run)
    with contextlib.ExitStack() as kept:
        while not paths:
            names = _numbered(_free_name(folder), count)
            with contextlib.suppress(ExistingPathError):  # another process took them meanwhile
                kept.enter_context(output_files.claimed(names, force=False))
                paths = names
        yield paths


def samples_of(run: Path) -> Path:
    """Return the folder of what a run makes: RUN/samples; of a model that ships, samples here."""
    return run / "samples" if run.exists() else Path("samples")


def write_all(
    pieces: Sequence[Piece], paths: Sequence[Path], writer: Writer | None
) -> tuple[list[Path], list[HowlkitError]]:
    """Write the pieces; return their paths, and the errors of the writer.

    If the writer fails on a piece, it is written as MIDI, to FILE.mid, so that no music is lost; if
    FILE.mid exists, to FILE-2.mid ...
    """
    from howlkit.errors import DataError, PluginError
    from howlkit.music import midi
    from howlkit.sampling import writers

    if paths[0] == STDOUT:
        sys.stdout.buffer.write(midi.to_bytes(pieces[0]))
        return [STDOUT], []
    written: list[Path] = []
    failures: list[HowlkitError] = []
    for path, piece in zip(paths, pieces, strict=True):
        try:
            writers.write(piece, path, writer)
        except (PluginError, DataError) as error:
            failures.append(error)
            path = next_free(_midi(path))
            midi.write(piece, path)
        written.append(path)
    return written, failures


def tell_of_failures(failures: Sequence[HowlkitError]) -> None:
    """Raise PluginError, with one line for all files, if the writer failed on any."""
    from howlkit.errors import PluginError

    if failures:
        also = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        raise PluginError(f"{failures[0]}{also}; the music is there as MIDI") from failures[0]


def _numbered(path: Path, count: int) -> list[Path]:
    from howlkit.sampling import writers

    return [path] if count == 1 else writers.numbered(path, count)


def _midi(path: Path) -> Path:
    """Return the path with .mid added, unless it has a suffix of MIDI files."""
    from howlkit.sampling import writers

    return path if writers.is_midi(path) else path.with_name(path.name + ".mid")


def _free_name(folder: Path) -> Path:
    """Return folder/sample-NUMBER.mid with the first number that no earlier sample has."""
    number = 1
    while _is_taken(folder / f"sample-{number}.mid"):
        number += 1
    return folder / f"sample-{number}.mid"


def _is_taken(path: Path) -> bool:
    numbered = path.parent.glob(f"{path.stem}-*.mid")
    return os.path.lexists(path) or any(numbered)
