"""Music into a dataset folder: read, stored, grouped, split, and told about."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import howlkit
from howlkit import midi
from howlkit.dataset import duplicates
from howlkit.dataset.catalog import (
    Columns,
    Earlier,
    Options,
    catalog,
    fingerprint,
    pieces_of,
    report,
)
from howlkit.dataset.folder import writing
from howlkit.dataset.names import PIECES, delete, matching
from howlkit.dataset.report import Report, counted
from howlkit.dataset.shards import Store, shard_name
from howlkit.dataset.sources import Outcome, Source, head, listed, of_piece, parse, read_all, save
from howlkit.dataset.split import OwnSplit, check_fractions
from howlkit.dataset.stored import FORMAT, Dataset
from howlkit.dataset.tensors import write_tensors
from howlkit.disk import write_whole
from howlkit.errors import DataError
from howlkit.piece import Piece

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
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Read the MIDI files in `sources` (files and folders) into the dataset folder `out`.

    fractions: of the groups that train, validation and test get, on average; seed: which ones.
    split: a split of your own instead: for each part the folders and files that belong to it, as
        they are or inside `sources`; what none names goes to train.
    workers: processes; None: one a core, fewer for few files.
    near_duplicates: keep takes and variants of a piece in one part.
    limits: of a file. strict: stop at the first file that cannot be read.
    progress: called with (files done, files in all).
    A run broken off goes on when called again. Raises DataError: nothing could be read (or, if
    strict, not everything), `out` is another kind of folder or cannot be written; BusyError:
    another process is preparing into it.
    """
    check_fractions(fractions)
    roots = [os.path.abspath(source) for source in sources]
    own = OwnSplit(split, roots) if split is not None else None
    options = Options(tuple(fractions), seed, near_duplicates, own)
    paths, left_out = _found(sources)
    if own is not None:
        own.check_used([*paths, *(source.path for source in left_out)])
    if workers is not None and workers < 1:
        raise DataError(f"workers is {workers}; 1 or more are allowed")
    with writing(Path(out)) as folder:
        store = Store(folder, head=head(limits))
        known = _known(folder, store, limits)
        reading = read_all(paths, known, limits=limits, workers=workers)
        with contextlib.closing(reading):
            outcomes = itertools.chain(map(Outcome, left_out), reading)
            total = len(left_out) + len(paths)
            files, unchanged = _stored(store, _told(outcomes, total, strict, progress))
        _check_any(files, sources)
        save(folder / "files.jsonl", files, limits)
        name = functools.partial(_name, roots=roots)
        return _finish(folder, store, files, unchanged, options, name)


def prepare_pieces(
    pieces: Iterable[Piece],
    out: Path,
    *,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    split: Mapping[str, Sequence[str]] | None = None,
    near_duplicates: bool = True,
) -> Report:
    """Write pieces that stand in no files into the dataset folder `out`.

    split: for each part the names of the pieces that belong to it. All else as in `prepare`.
    """
    check_fractions(fractions)
    own = OwnSplit(split, None) if split is not None else None
    options = Options(tuple(fractions), seed, near_duplicates, own)
    with writing(Path(out)) as folder:
        store = Store(folder)
        files, unchanged = _stored(store, map(of_piece, pieces))
        _check_any(files, ())
        if own is not None:
            own.check_used(source.path for source in files)
        return _finish(folder, store, files, unchanged, options, str)


def _found(sources: Sequence[PathLike]) -> tuple[list[str], list[Source]]:
    """Return the paths to read, and what is there but cannot be."""
    left_out: list[Source] = []

    def skip(path: str, reason: str) -> None:
        left_out.append(Source(os.path.abspath(path), reason=reason))

    found = map(os.path.abspath, midi.find(sources, skip=skip))
    return list(dict.fromkeys(found)), left_out


def _known(folder: Path, store: Store, limits: midi.Limits) -> dict[str, Source]:
    """Return what earlier runs, finished or not, know about files whose pieces are stored."""
    known = listed(folder / "files.jsonl", limits) | parse(store.journals())
    return {path: source for path, source in known.items() if source.content in store.places}


def _told(
    outcomes: Iterable[Outcome],
    total: int,
    strict: bool,
    progress: Callable[[int, int], None] | None,
) -> Iterator[Outcome]:
    for done, outcome in enumerate(outcomes, 1):
        if strict and not outcome.source.content:
            raise DataError(f"{outcome.source.reason}; strict stops at the first such file")
        yield outcome
        if progress is not None:
            progress(done, total)


def _stored(store: Store, outcomes: Iterable[Outcome]) -> tuple[list[Source], int]:
    """Store every piece; return all sources, and how many pieces were known before.

    What was read is kept whatever happens: Ctrl-C, a full disk, a file that `strict` stops at.
    """
    files: list[Source] = []
    unchanged: set[bytes] = set()
    try:
        for outcome in outcomes:
            source = outcome.source
            files.append(source)
            if outcome.piece is not None and outcome.sketch is not None:
                store.add(outcome.piece, source.content, outcome.sketch)
                store.journal(source.line())
            elif source.notes:
                unchanged.add(source.notes)
    except BaseException:
        with contextlib.suppress(OSError):
            store.keep()
        raise
    store.flush()
    return files, len(unchanged)


def _check_any(files: Sequence[Source], sources: Sequence[PathLike]) -> None:
    if any(source.content for source in files):
        return
    where = ", ".join(map(midi.printable, sources)) or "what was given"
    if not files:
        raise DataError(
            f"there are no MIDI files ({', '.join(midi.ENDINGS)}) in {where}; "
            "name a folder that has some, at any depth"
        )
    raise DataError(
        f"nothing could be read as music of {counted(len(files), 'file')} in {where}; the first: "
        f"{files[0].reason}"
    )


def _name(path: str, roots: Sequence[str]) -> str:
    """Return a file's path inside the first of the folders prepared that it is in."""
    for root in roots:
        inside = os.path.relpath(path, root) if path.startswith(os.path.join(root, "")) else ""
        if inside:
            return midi.printable(Path(inside).as_posix())
    return midi.printable(os.path.basename(path))


def _finish(
    folder: Path,
    store: Store,
    files: Sequence[Source],
    unchanged: int,
    options: Options,
    name: Callable[[str], str],
) -> Report:
    """Write everything but shards, dataset.json last, and delete what is no longer used."""
    inputs = _inputs(files, options)
    columns, warnings = catalog(store, files, options, _earlier(folder, options, inputs), name)
    account = report(files, unchanged, columns, warnings)
    digest = hashlib.sha256(b"".join(columns[n].tobytes() for n in sorted(columns))).hexdigest()
    table = folder / f"pieces-{digest[:16]}.safetensors"
    used = np.unique(columns["shard"]).tolist()
    write_tensors(table, columns)
    write_whole(folder / "report.json", _json(account.to_json()))
    manifest = {
        "format": FORMAT,
        "howlkit": howlkit.__version__,
        "pieces_file": table.name,
        "shards": {name: (folder / name).stat().st_size for name in map(shard_name, used)},
        "options": options.to_json(),
        "inputs": inputs,
        "fingerprint": fingerprint(columns),
        **_counts(account, columns),
    }
    write_whole(folder / "dataset.json", _json(manifest))
    store.tidy(used)
    for path in matching(folder, PIECES):
        if path != table:
            delete(path)
    return account


def _counts(account: Report, columns: Columns) -> dict[str, Any]:
    said = account.to_json()
    return {
        "pieces": account.read,
        "groups": len(np.unique(columns["group"])),
        **{name: said[name] for name in ("notes", "hours", "parts")},
    }


def _json(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, indent=1) + "\n").encode("ascii")


def _inputs(files: Sequence[Source], options: Options) -> str:
    """Return the hash of what the groups depend on."""
    settings = bytes([options.near_duplicates, duplicates.VERSION])
    return hashlib.sha256(b"".join(pieces_of(files)) + settings).hexdigest()


def _earlier(folder: Path, options: Options, inputs: str) -> Earlier:
    """Return the parts and groups of the dataset that is already in the folder, if any."""
    try:
        before = Dataset(folder)
        columns = before._columns
        groups = np.array(before.groups) if before._manifest["inputs"] == inputs else None
        if before._manifest["options"] != options.to_json():
            return Earlier({}, groups)
        pieces = (row.tobytes() for row in columns["notes"])
        return Earlier(dict(zip(pieces, columns["part"].tolist(), strict=True)), groups)
    except (DataError, KeyError):  # none there, or damaged: it is made anew
        return Earlier({})
