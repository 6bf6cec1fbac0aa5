"""The files of sampled pieces: their names, and the writer for their suffix."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from howlkit.errors import HowlkitError
    from howlkit.music.piece import Piece
    from howlkit.plugins import Component
    from howlkit.protocols import Writer

__all__ = ["paths_of", "tell_of_failures", "writer_of", "write_all"]

STDOUT = Path("-")


def writer_of(out: Path | None) -> Component | None:
    """Return the writer component for the suffix of `out`, or None if it will be MIDI.

    Prints a line if it will be MIDI and the suffix is another. Raises PluginError if a package that
    is not installed would write the suffix.
    """
    from howlkit.sampling import writers

    if out is None or out == STDOUT:
        return None
    found = writers.find(out)
    if found is None and out.suffix and not writers.is_midi(out):
        click.echo(f"Nothing writes {out.suffix} files; this will be MIDI: {_midi(out)}", err=True)
    return found


def paths_of(out: Path | None, run: Path, count: int, *, midi: bool) -> list[Path]:
    """Return the files of `count` pieces: NAME.mid, or NAME-1.mid ... NAME-8.mid.

    out: the path that the user gave; None: a new name in RUN/samples. midi: whether they are MIDI
    files; then .mid is added to another suffix.
    """
    if out == STDOUT:
        return [STDOUT]
    target = out if out is not None else _free_name(run / "samples")
    if midi:
        target = _midi(target)
    width = len(str(count))
    return [target] if count == 1 else [
        target.with_name(f"{target.stem}-{number:0{width}d}{target.suffix}")
        for number in range(1, count + 1)
    ]  # fmt: skip


def write_all(
    pieces: Sequence[Piece], paths: Sequence[Path], writer: Writer | None
) -> tuple[list[Path], list[HowlkitError]]:
    """Write the pieces; return their paths, and the errors of the writer.

    If the writer fails on a piece, it is written as MIDI, to FILE.mid, so that no music is lost.
    """
    from howlkit.errors import DataError, PluginError
    from howlkit.music import midi
    from howlkit.sampling import writers

    if paths[0] == STDOUT:
        sys.stdout.buffer.write(midi.to_bytes(pieces[0]))
        return [STDOUT], []
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    failures: list[HowlkitError] = []
    for path, piece in zip(paths, pieces, strict=True):
        try:
            writers.write(piece, path, writer)
        except (PluginError, DataError) as error:
            failures.append(error)
            path = _midi(path)
            midi.write(piece, path)
        written.append(path)
    return written, failures


def tell_of_failures(failures: Sequence[HowlkitError]) -> None:
    """Raise PluginError, with one line for all files, if the writer failed on any."""
    from howlkit.errors import PluginError

    if failures:
        also = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        raise PluginError(f"{failures[0]}{also}; the music is there as MIDI") from failures[0]


def _midi(path: Path) -> Path:
    """Return the path with .mid added, unless it has a suffix of MIDI files."""
    from howlkit.sampling import writers

    return path if writers.is_midi(path) else path.with_name(path.name + ".mid")


def _free_name(folder: Path) -> Path:
    """Return folder/sample-NUMBER.mid with the first number that no earlier sample has."""
    number = 1
    while any(folder.glob(f"sample-{number}.mid")) or any(folder.glob(f"sample-{number}-*.mid")):
        number += 1
    return folder / f"sample-{number}.mid"
