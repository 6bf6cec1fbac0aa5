"""Prepares music: finds the files, reads them, stores the pieces, and hands over to finishing."""

from __future__ import annotations

import contextlib
import functools
import itertools
import operator
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from howlkit.dataset.catalog import SplitOptions
from howlkit.dataset.file_list import FileEntry, FileList, KnownFiles, head
from howlkit.dataset.file_reading import FILES_A_WORKER, ReadResult, ReadResults, of_piece, read_all
from howlkit.dataset.finishing import finish
from howlkit.dataset.folder import writing
from howlkit.dataset.found_files import find_files
from howlkit.dataset.names import FILE_LIST, MANIFEST
from howlkit.dataset.readers import Readers
from howlkit.dataset.report import PreparationReport, counted, listed, packages_for
from howlkit.dataset.rights import Rights, RightsTables
from howlkit.dataset.shards import Store
from howlkit.dataset.split import OwnSplit, check_fractions
from howlkit.dataset.workers import WorkerPool, usable_cores
from howlkit.errors import DataError
from howlkit.music import midi
from howlkit.music.piece import Piece

__all__ = ["prepare", "prepare_pieces"]

PathLike = str | os.PathLike[str]


def prepare(
    sources: Sequence[PathLike],
    out: Path,
    *,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    split: Mapping[str, Sequence[PathLike]] | None = None,
    workers: int | None = None,
    near_duplicates: bool = True,
    limits: midi.Limits = midi.Limits(),
    readers: Readers | None = None,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> PreparationReport:
    """Read the music in `sources` into the dataset folder `out`.

    sources: files and folders, of MIDI or of what a plugin reads, zip archives of MIDI files, and
        names of collections.
    fractions: the shares of the groups that train, validation and test get on average.
    seed: decides which groups these are.
    split: a split of your own instead: for each part the folders and files that belong to it,
        absolute, relative to the working folder or inside `sources`; all others go to train.
    workers: the number of processes that read and group; None: one a core, fewer for few files.
    near_duplicates: keep takes and variants of a piece in one part.
    limits: what a file may hold at most.
    readers: read other files than MIDI, and know collections; None: those of installed plugins.
    strict: stop at the first file that cannot be read or had to be mended.
    progress: called with (files done, files in all).
    An interrupted run goes on when it is called again. Raises DataError if nothing can be read (or,
    if strict, not everything), or if `out` is another kind of folder or cannot be written;
    BusyError if another process is preparing into it.
    """
    check_fractions(fractions)
    readers = Readers.installed() if readers is None else readers
    roots = [readers.resolve(source, out) for source in sources]
    own = OwnSplit(split, roots) if split is not None else None
    options = SplitOptions(tuple(fractions), seed, near_duplicates, own)
    if workers is not None and workers < 1:
        raise DataError(f"workers is {workers}; 1 or more are allowed")
    anew = not Path(out, MANIFEST).exists()
    with WorkerPool(workers or usable_cores()) as pool:
        start = functools.partial(_start, pool, anew=anew)
        found = find_files(roots, readers, out=os.fspath(out), each=start)
        if own is not None:
            skipped_paths = (entry.path for entry in found.skipped)
            own.check_used(itertools.chain(found.files.paths(), skipped_paths))
        with writing(Path(out)) as folder, FileList(folder) as files:
            first = head(limits, strict=strict)
            store = Store(folder, head=first)
            with _known(folder, store, limits, strict=strict) as known:
                reading = read_all(
                    found.files,
                    known,
                    readers,
                    pool,
                    limits=limits,
                    strict=strict,
                    workers=workers,
                )
                skipped = ((ReadResult.of(entry),) for entry in found.skipped)
                results = itertools.chain(skipped, reading)
                total = len(found.skipped) + len(found.files)
                files.left_out = found.left_out
                _keep(store, files, _told(results, total, strict, progress))
            _check_any(files, sources, readers)
            files.save(folder / FILE_LIST, first)
            name = functools.partial(_name, roots=roots)
            rights = RightsTables(roots)
            return finish(folder, store, files, options, name, pool, rights.of)


def prepare_pieces(
    pieces: Iterable[Piece],
    out: Path,
    *,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    split: Mapping[str, Sequence[str]] | None = None,
    near_duplicates: bool = True,
    rights: Rights | None = None,
) -> PreparationReport:
    """Write pieces that are in no files into the dataset folder `out`.

    split: for each part the names of the pieces that belong to it. rights: what is said of all of
    them. All else is as in `prepare`.

    >>> import tempfile
    >>> from howlkit.music import chorales
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(prepare_pieces(chorales.load(), Path(folder, "bach")).parts["train"])
    304 pieces, 71,200 notes, 279 groups
    """
    check_fractions(fractions)
    own = OwnSplit(split, None) if split is not None else None
    options = SplitOptions(tuple(fractions), seed, near_duplicates, own)
    with writing(Path(out)) as folder:
        store = Store(folder)
        with FileList(folder) as files:
            _keep(store, files, map(of_piece, pieces))
            _check_any(files, (), Readers())
            if own is not None:
                own.check_used(files.paths())
            name = operator.attrgetter("path")
            return finish(folder, store, files, options, name, WorkerPool(), lambda path: rights)


def _start(pool: WorkerPool, found: int, *, anew: bool) -> None:
    """Start the pool as soon as enough files are found, if no file is known: all will be read."""
    if anew and found == FILES_A_WORKER * pool.workers:
        pool.start()


def _known(folder: Path, store: Store, limits: midi.Limits, *, strict: bool) -> KnownFiles:
    """Return the entries that earlier runs, finished or not, made of files with stored pieces."""
    lists = [folder / FILE_LIST, *store.journals()]

    def wanted(entry: FileEntry) -> bool:
        # One broken piece of a file must not make all its others be read again.
        return entry.content in store or (entry.items > 1 and bool(entry.reason))

    def whole(entry: FileEntry) -> bool:
        return wanted(entry) and not midi.DAMAGE.intersection(dict(entry.repairs))

    # What a strict run has read is good for any; what another has mended is not for a strict one.
    by_head = {
        head(limits, strict=True): wanted,
        head(limits, strict=False): whole if strict else wanted,
    }
    return KnownFiles(folder, lists, by_head)


def _told(
    results: Iterable[ReadResults],
    total: int,
    strict: bool,
    progress: Callable[[int, int], None] | None,
) -> Iterator[ReadResult]:
    """Yield the result of each piece, and call `progress` after each file."""
    for done, file in enumerate(results, 1):
        for result in file:
            if strict and not result.entry.content:
                raise DataError(f"{result.entry.reason}; strict stops at the first such file")
            yield result
        if progress is not None:
            progress(done, total)


def _keep(store: Store, files: FileList, results: Iterable[ReadResult]) -> None:
    """Store every piece, and list every entry.

    What was read is saved whatever stops this: Ctrl-C, a full disk, a file that `strict` refuses.
    """
    try:
        for result in results:
            entry, line, record = result
            files.add(entry, line, unchanged=record is None and bool(entry.notes))
            if record is not None:
                store.add(record)
            if record is not None or (entry.items > 1 and entry.reason):
                store.journal(line)
    except BaseException:
        with contextlib.suppress(OSError):
            store.keep()
        raise
    store.flush()


def _check_any(files: FileList, sources: Sequence[PathLike], readers: Readers) -> None:
    if files.read:
        return
    where = ", ".join(map(midi.printable, sources)) or "what was given"
    if not len(files):
        there = f". In it are {listed(files.left_out)}" if files.left_out else ""
        raise DataError(
            f"there are no {_called(readers)} files ({', '.join(readers.suffixes)}) in {where}; "
            f"name a folder that has some, at any depth{there}"
            + "".join(f"; {line}" for line in packages_for(files.left_out))
        )
    raise DataError(
        f"nothing could be read as music of {counted(len(files), 'file')} in {where}; the first: "
        f"{files.skipped[0][1]}"
    )


def _called(readers: Readers) -> str:
    return "MIDI" if readers.suffixes == Readers().suffixes else "music"


def _name(entry: FileEntry, roots: Sequence[str]) -> str:
    """Return the name of a piece: its file's, with number and title if the file has several."""
    name = _inside(entry.path, roots)
    if entry.items > 1:
        name += f"#{entry.item + 1} {midi.printable(entry.title)}".rstrip()
    return name


def _inside(path: str, roots: Sequence[str]) -> str:
    """Return a file's path inside the first of the roots that holds it."""
    for root in roots:
        folder = os.path.join(root, "")
        if path.startswith(folder):
            return midi.printable(path[len(folder) :].replace(os.sep, "/"))
    return midi.printable(os.path.basename(path))
