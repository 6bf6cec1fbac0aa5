"""Prepare music into a dataset, as `howlkit prepare` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from howlkit.api.progress import file_progress, teller
from howlkit.dataset import Dataset, Readers
from howlkit.dataset import prepare as prepare_files
from howlkit.dataset.left_out import left_out
from howlkit.dataset.preparation import prepare_pieces
from howlkit.dataset.report import PreparationReport
from howlkit.errors import ArgumentError, DataError, printable
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.options import by_component
from howlkit.sampling.arguments import named, path_of, positive, whole

__all__ = ["prepare", "prepare_sources", "several", "sources_of"]

PathLike = str | os.PathLike[str]
Split = Mapping[str, PathLike | Sequence[PathLike]]


@named
def prepare(
    music: PathLike | Piece | Iterable[PathLike] | Iterable[Piece],
    out: PathLike,
    *,
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    split: Split | None = None,
    workers: int | None = None,
    near_duplicates: bool = True,
    max_minutes: float = 360.0,
    max_beats: float = 200_000.0,
    max_notes: int = 5_000_000,
    max_megabytes: float = 64.0,
    force: bool = False,
    strict: bool = False,
    options: Mapping[str, object] | None = None,
    quiet: bool = False,
) -> Dataset:
    """Read music into one dataset, find duplicates, split it by piece, and return it.

    music: folders, files and names of collections, one or several; or Pieces.
    out: the folder of the dataset: a new one, or a dataset to bring up to date.
    validation, test: the shares of these parts; seed: decides which pieces these are.
    split: a split of your own: for each part the folders and files (or names of Pieces) in it.
    workers: how many processes read; None: one a core. near_duplicates: keep takes and
    transpositions of a piece in one part. max_minutes, max_beats, max_notes, max_megabytes: skip
    files that have more. force: drop music that `out` has and `music` leaves out. strict: stop at
    the first file that cannot be read or had to be mended. options: of sources, such
    as {"grids.bpm": 120}. quiet: print nothing on stderr.

    `report` of the dataset says what became of each file. Raises DataError if nothing can be read
    or `out` cannot be written, and ArgumentError for an argument of another type.

    >>> import tempfile
    >>> from howlkit.music import chorales
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = prepare(chorales.load()[:20], out=f"{folder}/data", quiet=True)
    ...     len(data), len(data.part("train")), len(data[0]), data.report.notes
    (20, 18, 187, 4515)
    """
    folder, tell = path_of("out", out), teller(quiet=quiet)
    if validation + test >= 1:
        raise ArgumentError("validation and test together must leave something to train on")
    fractions = (1 - validation - test, validation, test)
    whole("seed", seed, 0)
    own = None if split is None else _split(split)
    listed = several(music)
    pieces = [each for each in listed if isinstance(each, Piece)]
    if pieces:
        if len(pieces) < len(listed):
            raise ArgumentError("music is Pieces and paths; give either, or write the Pieces first")
        names = None if own is None else {p: [str(path) for path in own[p]] for p in own}
        report = prepare_pieces(
            pieces,
            folder,
            fractions=fractions,
            seed=seed,
            split=names,
            near_duplicates=near_duplicates,
        )
    else:
        report = prepare_sources(
            sources_of(listed),
            folder,
            fractions=fractions,
            seed=seed,
            split=own,
            workers=None if workers is None else whole("workers", workers, 1),
            near_duplicates=near_duplicates,
            limits=midi.Limits(
                max_bytes=round(positive("max_megabytes", max_megabytes) * 2**20),
                max_seconds=60 * positive("max_minutes", max_minutes),
                max_beats=positive("max_beats", max_beats),
                max_notes=whole("max_notes", max_notes, 1),
            ),
            options=by_component(options or {}),
            force=force,
            strict=strict,
            progress=None if quiet else file_progress(),
        )
    for line in (*report.warnings, *report.left_out_lines(), report.line()):
        tell(line)
    return Dataset.open(folder)


def prepare_sources(
    sources: Sequence[Path],
    out: Path,
    *,
    fractions: Sequence[float],
    seed: int,
    split: Mapping[str, Sequence[PathLike]] | None,
    workers: int | None,
    near_duplicates: bool,
    limits: midi.Limits,
    options: Mapping[str, Mapping[str, object]],
    force: bool,
    strict: bool,
    progress: Callable[[int, int], None] | None,
) -> PreparationReport:
    """Read sources into the dataset folder `out`, with the options of their readers.

    force: drop music that `out` has and `sources` leave out; without it DataError is raised. All
    else is as in `dataset.prepare`.
    """
    readers = Readers.installed(options)
    if not force:
        _check_covers(sources, out, readers)
    return prepare_files(
        sources,
        out,
        fractions=fractions,
        seed=seed,
        split=split,
        workers=workers,
        near_duplicates=near_duplicates,
        limits=limits,
        readers=readers,
        strict=strict,
        progress=progress,
    )


def sources_of(music: Iterable[object]) -> list[Path]:
    """Return the paths that were given as music; ArgumentError for what is no path."""
    paths = []
    for each in music:
        if isinstance(each, Piece):
            raise ArgumentError(
                "Pieces have to be in a dataset, so that a run can go on with them: "
                "data = howlkit.prepare(pieces, out='data')"
            )
        paths.append(path_of("music", each))
    return paths


def several(music: object) -> list[object]:
    """Return what was given as one or several, as a list."""
    if isinstance(music, Piece | str | os.PathLike) or not isinstance(music, Iterable):
        return [music]
    listed = list(music)
    if not listed:
        raise ArgumentError("music is empty; give folders, files or Pieces")
    return listed


def _split(split: Split) -> dict[str, list[PathLike]]:
    """Return a split in which each part has a list."""
    return {
        part: [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        for part, paths in split.items()
    }


def _check_covers(music: Sequence[Path], out: Path, readers: Readers) -> None:
    """Raise DataError if `out` is a dataset that would lose files, because `music` is others."""
    lost = left_out(out, [readers.resolve(source, out) for source in music])
    if lost:
        others = f" and {len(lost) - 1:,} more files" if len(lost) > 1 else ""
        raise DataError(
            f"{printable(out)} holds the music of {printable(lost[0])}{others}, which this would "
            "drop. Name that music too, add --force (force=True) to drop it, or name another --out"
        )
