"""The table of a dataset's pieces: a row for each piece, made from the file list and the shards.

Columns (n pieces): shard, ticks_per_beat, seconds, part (number in `split.PARTS`), group (the same
number for takes and variants of one piece); content and notes (n, 16): its two hashes; begin.TABLE
and count.TABLE for each table of a Piece: its rows in the shard; names (UTF-8 bytes, end to end)
and name_stops.
"""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from howlkit.dataset import duplicates
from howlkit.dataset.file_list import FileEntry, FileList
from howlkit.dataset.hashes import ByHash, as_keys
from howlkit.dataset.mapped_tensors import Array, OnDisk
from howlkit.dataset.records import TABLES
from howlkit.dataset.report import PartCount, PreparationReport, counted, most_frequent
from howlkit.dataset.shards import Store
from howlkit.dataset.sketches import BINS
from howlkit.dataset.split import PARTS, OwnSplit, assign
from howlkit.dataset.workers import WorkerPool
from howlkit.errors import printable

__all__ = ["EarlierRun", "SplitOptions", "catalog", "fingerprint", "first_files", "report_of"]

Columns = Mapping[str, Array]

_BLOCK = 4096  # pieces whose sketches are in memory at once


@dataclass(frozen=True)
class SplitOptions:
    """How a dataset is split.

    fractions, seed: as in `dataset.prepare`. near_duplicates: whether takes of one piece are a
    group. own: gives the part of a file by its path, and so replaces the hash.
    """

    fractions: tuple[float, ...]
    seed: int
    near_duplicates: bool
    own: OwnSplit | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the options that decide a group's part, JSON-ready."""
        return {
            "fractions": list(self.fractions),
            "seed": self.seed,
            "near_duplicates": self.near_duplicates,
            "own_split": self.own is not None,
        }


@dataclass(frozen=True)
class EarlierRun:
    """What this run takes over from an earlier one.

    parts: the part of each piece, by the hash of its notes. groups: None unless the pieces are the
    same.
    """

    parts: ByHash
    groups: Array | None = None


def first_files(files: FileList) -> tuple[Array, Array]:
    """Return the first entry of each piece, (pieces,) rising, and the piece of each entry, (n,).

    Entries with the same notes are one piece; entries without notes get piece -1.
    """
    notes = files.notes
    there = np.flatnonzero(notes.any(axis=1))
    _, first, which = np.unique(as_keys(notes[there]), return_index=True, return_inverse=True)
    order = np.argsort(first)
    piece = np.full(len(notes), -1)
    piece[there] = np.argsort(order)[which]
    return there[first[order]], piece


def catalog(
    store: Store,
    files: FileList,
    options: SplitOptions,
    earlier: EarlierRun,
    name: Callable[[FileEntry], str],
    pool: WorkerPool,
) -> tuple[Columns, list[str]]:
    """Return the columns of the table, and warnings for the user.

    name: gives a piece's name, from its first entry. pool: the processes that share the grouping.
    """
    first, piece = first_files(files)
    content, notes = files.content[first], files.notes[first]
    shard, row = store.find(content)
    columns = _located(store, shard.astype(np.int32), row)
    columns |= {"content": content, "notes": notes}
    columns["group"] = _groups(store, shard, row, options, earlier, pool)
    pool.close()
    if options.own is None:
        columns["part"], warnings = _parts(notes, columns["group"], options, earlier)
    else:
        parts = np.fromiter(map(options.own, files.paths()), np.int8, len(files))
        columns["part"] = parts[first]
        warnings = [*_torn(files, parts, first, piece), *_leaks(parts[first], columns["group"])]
        if not (columns["part"] == 0).any():
            warnings.append("the train part is empty: your own split leaves nothing to train on")
    is_first = np.zeros(len(files), bool)
    is_first[first] = True
    columns |= _names(map(name, itertools.compress(files.entries(), is_first)))
    return columns, warnings


def _located(store: Store, shard: Array, row: Array) -> dict[str, Array]:
    """Return where each piece's tables are, its ticks a beat and its seconds, from the shards."""
    begins = {f"begin.{table}": np.zeros(len(shard), np.int64) for table in TABLES}
    counts = {f"count.{table}": np.zeros(len(shard), np.int64) for table in TABLES}
    ticks, seconds = np.zeros(len(shard), np.uint16), np.zeros(len(shard), np.float64)
    for number in np.unique(shard):
        here, rows = shard == number, row[shard == number]
        tensors = store.shard(int(number))
        for table in TABLES:
            count = tensors[f"pieces.{table}"]
            begins[f"begin.{table}"][here] = (np.cumsum(count) - count)[rows]
            counts[f"count.{table}"][here] = count[rows]
        ticks[here] = tensors["pieces.ticks_per_beat"][rows]
        seconds[here] = tensors["pieces.seconds"][rows]
    return {"shard": shard, "ticks_per_beat": ticks, "seconds": seconds, **begins, **counts}


def _groups(
    store: Store,
    shard: Array,
    row: Array,
    options: SplitOptions,
    earlier: EarlierRun,
    pool: WorkerPool,
) -> Array:
    if earlier.groups is not None:
        return earlier.groups
    if not options.near_duplicates:
        return np.arange(len(shard))
    with OnDisk.new(store.folder, np.uint32, (BINS, len(shard))) as sketches:  # 1 KB a piece
        for begin in range(0, len(shard), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            sketches.write(begin, _sketches(store, shard[block], row[block]).T)
        return duplicates.group(sketches, folder=store.folder, pool=pool)


def _sketches(store: Store, shard: Array, row: Array) -> Array:
    """Return the sketches (n, BINS) of the pieces at these rows of these shards."""
    found = np.empty((len(shard), BINS), np.uint32)
    for number in np.unique(shard):
        here = shard == number
        found[here] = store.shard(int(number))["pieces.sketch"][row[here]]
    return found


def _parts(
    notes: Array, group: Array, options: SplitOptions, earlier: EarlierRun
) -> tuple[Array, list[str]]:
    """Return the part of each piece, which its group decides, and warnings; notes (n, 16)."""
    # The smallest hash names a group: it does not depend on the order in which files are found.
    by_hash = np.argsort(as_keys(notes))
    labels, first, member = np.unique(group[by_hash], return_index=True, return_inverse=True)
    keys = notes[by_hash[first]]
    # Where groups merge, train wins: what was trained on must never be tested on.
    before = earlier.parts.find(notes[by_hash])
    kept = np.full(len(labels), len(PARTS), np.int8)
    np.minimum.at(kept, member[before >= 0], before[before >= 0].astype(np.int8))
    kept[kept == len(PARTS)] = -1
    chosen = assign(keys, kept, options.fractions, seed=options.seed)
    parts = np.empty(len(notes), np.int8)
    parts[by_hash] = chosen[member]
    return parts, _empty(chosen, options.fractions)


def _torn(files: FileList, parts: Array, first: Array, piece: Array) -> Iterator[str]:
    """Yield a warning if files with the same notes belong to several parts.

    parts, piece: (n,) of each entry. first: (pieces,), the first entry of each piece.
    """
    torn = np.flatnonzero((piece >= 0) & (parts != parts[first[piece]]))
    if len(torn):
        example = first[piece[torn[0]]], torn[0]
        text = " but ".join(f"{printable(files.path(n))} for {PARTS[parts[n]]}" for n in example)
        yield (
            f"by your own split copies of {counted(len(np.unique(piece[torn])), 'piece')} belong "
            f"to more than one part ({text}); the first file of each decides"
        )


def _leaks(parts: Array, group: Array) -> Iterator[str]:
    """Yield a warning if a group is in several parts."""
    pairs = np.unique(np.stack((group, parts)), axis=1)
    both = int((np.bincount(pairs[0]) > 1).sum())
    if both:
        yield (
            f"by your own split {counted(both, 'group')} of takes or variants of one piece lie in "
            "more than one part, so that validation and test have music in them that was trained on"
        )


def _empty(chosen: Array, fractions: Sequence[float]) -> list[str]:
    return [
        f"the {name} part is empty: the music is only {counted(len(chosen), 'group')} of pieces; "
        "add more"
        for part, name in enumerate(PARTS)
        if fractions[part] > 0 and not (chosen == part).any()
    ]


def _names(names: Iterable[str]) -> dict[str, Array]:
    text, stops = bytearray(), array("q")
    for name in names:
        text += name.encode("utf-8", "backslashreplace")
        stops.append(len(text))
    return {"names": np.frombuffer(text, np.uint8), "name_stops": np.array(stops, np.int64)}


def fingerprint(columns: Columns) -> str:
    """Return the hash of the contents and parts of all pieces, in order; names do not count."""
    digest = hashlib.sha256(columns["content"].tobytes())
    digest.update(columns["part"].astype(np.int8).tobytes())
    return digest.hexdigest()


def report_of(files: FileList, columns: Columns, warnings: Sequence[str]) -> PreparationReport:
    """Return the report of a run."""
    sizes = np.unique(columns["group"], return_counts=True)[1]
    pieces = len(columns["part"])
    return PreparationReport(
        files=files.files,
        found=len(files),
        read=pieces,
        unchanged=len(np.unique(as_keys(files.notes[files.unchanged]))),
        exact_duplicates=files.read - pieces,
        skipped=tuple(files.skipped),
        near_duplicate_groups=int((sizes > 1).sum()),
        near_duplicates=int(sizes[sizes > 1].sum()),
        notes=int(columns["count.notes"].sum()),
        seconds=float(columns["seconds"].sum()),
        parts={name: _count(columns, part) for part, name in enumerate(PARTS)},
        repairs=dict(sorted(files.repairs.items())),
        left_out=most_frequent(files.left_out),
        warnings=tuple(warnings),
    )


def _count(columns: Columns, part: int) -> PartCount:
    here = columns["part"] == part
    notes = int(columns["count.notes"][here].sum())
    return PartCount(int(here.sum()), notes, len(np.unique(columns["group"][here])))
