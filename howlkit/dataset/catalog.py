"""The table of a dataset's pieces: one row a piece, and how it is made of files and shards.

Columns (n pieces): shard, ticks_per_beat, seconds, part (number in `split.PARTS`), group (the same
number for takes and variants of one piece), content and notes (n, 16), its hashes; for each table
of a Piece begin.TABLE and count.TABLE, its rows in the shard; names (bytes, UTF-8, end to end) and
name_stops.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from howlkit.dataset import duplicates
from howlkit.dataset.report import PartCount, Report, counted
from howlkit.dataset.shards import TABLES, Store
from howlkit.dataset.sources import Source
from howlkit.dataset.split import PARTS, OwnSplit, assign
from howlkit.dataset.tensors import Array
from howlkit.errors import printable

__all__ = ["Earlier", "Options", "catalog", "fingerprint", "pieces_of", "report"]

Columns = Mapping[str, Array]


@dataclass(frozen=True)
class Options:
    """How a dataset is split.

    fractions, seed: as `dataset.prepare`. near_duplicates: whether takes of one piece are a group.
    own: the part of a source by its path, instead of the hash.
    """

    fractions: tuple[float, ...]
    seed: int
    near_duplicates: bool
    own: OwnSplit | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what decides over where a group goes, JSON-ready."""
        return {
            "fractions": list(self.fractions),
            "seed": self.seed,
            "near_duplicates": self.near_duplicates,
            "own_split": self.own is not None,
        }


@dataclass(frozen=True)
class Earlier:
    """What is kept of an earlier run: the part of each piece; the groups, if nothing changed.

    parts: by the hash of the notes.
    """

    parts: Mapping[bytes, int]
    groups: Array | None = None


def pieces_of(files: Sequence[Source]) -> dict[bytes, Source]:
    """Return by the hash of its notes the first file of each piece, in the order of the files."""
    first: dict[bytes, Source] = {}
    for source in files:
        if source.notes:
            first.setdefault(source.notes, source)
    return first


def catalog(
    store: Store,
    files: Sequence[Source],
    options: Options,
    earlier: Earlier,
    name: Callable[[str], str],
) -> tuple[Columns, list[str]]:
    """Return the columns of the table, and warnings.

    name: of a piece, from the path of its first file.
    """
    pieces = pieces_of(files)
    places = [store.places[source.content] for source in pieces.values()]
    shard = np.array([place.shard for place in places], np.int32)
    row = np.array([place.row for place in places], np.int64)
    columns = _located(store, shard, row)
    columns["content"] = _hashes([source.content for source in pieces.values()])
    columns["notes"] = _hashes(list(pieces))
    columns["group"] = _groups(store, shard, row, options, earlier)
    if options.own is None:
        columns["part"], warnings = _parts(pieces, columns["group"], options, earlier)
    else:
        columns["part"], warnings = _own_parts(files, pieces, columns["group"], options.own)
    columns |= _names([name(source.path) for source in pieces.values()])
    return columns, warnings


def _hashes(hashes: Sequence[bytes]) -> Array:
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 16)


def _located(store: Store, shard: Array, row: Array) -> dict[str, Array]:
    """Return where each piece's tables are, and its numbers, looked up in the shards."""
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


def _groups(store: Store, shard: Array, row: Array, options: Options, earlier: Earlier) -> Array:
    if earlier.groups is not None:
        return earlier.groups
    if not options.near_duplicates:
        return np.arange(len(shard))
    # A kilobyte a piece: on the disk, so that the system may take the memory back.
    with tempfile.TemporaryFile(dir=store.folder) as file:
        sketches = np.memmap(file, np.uint32, "w+", shape=(len(shard), duplicates.BINS))
        for number in np.unique(shard):
            here = shard == number
            sketches[here] = store.shard(int(number))["pieces.sketch"][row[here]]
        return duplicates.group(np.asarray(sketches))


def _parts(
    pieces: Mapping[bytes, Source], group: Array, options: Options, earlier: Earlier
) -> tuple[Array, list[str]]:
    """Return each piece's part, by its group, and warnings."""
    labels, member = np.unique(group, return_inverse=True)
    # The smallest hash names a group: it is the same in whatever order files are found.
    keys = [b"\xff" * 17] * len(labels)
    kept = np.full(len(labels), len(PARTS), np.int8)
    for notes, index in zip(pieces, member.tolist(), strict=True):
        keys[index] = min(keys[index], notes)
        # Where groups merge, train wins: what was trained on must never be tested on.
        kept[index] = min(kept[index], earlier.parts.get(notes, len(PARTS)))
    kept[kept == len(PARTS)] = -1
    chosen = assign(keys, kept, options.fractions, seed=options.seed)
    return chosen[member], _empty(chosen, options.fractions)


def _own_parts(
    files: Sequence[Source], pieces: Mapping[bytes, Source], group: Array, own: OwnSplit
) -> tuple[Array, list[str]]:
    """Return each piece's part, by its first file, and warnings."""
    parts = np.array([own(source.path) for source in pieces.values()], np.int8)
    warnings = [*_torn(files, pieces, own), *_leaks(parts, group)]
    if not (parts == 0).any():
        warnings.append("the train part is empty: your own split leaves nothing to train on")
    return parts, warnings


def _torn(files: Sequence[Source], pieces: Mapping[bytes, Source], own: OwnSplit) -> Iterator[str]:
    """Yield a warning if files of the same notes belong to several parts."""
    pairs = [(pieces[file.notes].path, file.path) for file in files if file.notes]
    torn = {first: other for first, other in pairs if own(first) != own(other)}
    for first, other in list(torn.items())[:1]:
        example = " but ".join(f"{printable(p)} for {PARTS[own(p)]}" for p in (first, other))
        yield (
            f"by your own split copies of {counted(len(torn), 'piece')} belong to more than one "
            f"part ({example}); the first file of each decides"
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


def _names(names: Sequence[str]) -> dict[str, Array]:
    encoded = [name.encode("utf-8", "backslashreplace") for name in names]
    stops = np.array(list(itertools.accumulate(map(len, encoded))), np.int64)
    return {"names": np.frombuffer(b"".join(encoded), np.uint8), "name_stops": stops}


def fingerprint(columns: Columns) -> str:
    """Return the hash of what a dataset holds: contents, parts, in order (not names or places)."""
    digest = hashlib.sha256(columns["content"].tobytes())
    digest.update(columns["part"].astype(np.int8).tobytes())
    return digest.hexdigest()


def report(
    files: Sequence[Source], unchanged: int, columns: Columns, warnings: Sequence[str]
) -> Report:
    """Return the account of a run over `files`, of which so many were not read again."""
    skipped = tuple((source.path, source.reason) for source in files if not source.content)
    repairs: Counter[str] = Counter()
    for source in files:
        repairs.update(dict(source.repairs))
    sizes = np.unique(columns["group"], return_counts=True)[1]
    pieces = len(columns["part"])
    return Report(
        found=len(files),
        read=pieces,
        unchanged=unchanged,
        exact_duplicates=len(files) - len(skipped) - pieces,
        skipped=skipped,
        near_duplicate_groups=int((sizes > 1).sum()),
        near_duplicates=int(sizes[sizes > 1].sum()),
        notes=int(columns["count.notes"].sum()),
        seconds=float(columns["seconds"].sum()),
        parts={name: _count(columns, part) for part, name in enumerate(PARTS)},
        repairs=dict(sorted(repairs.items())),
        warnings=tuple(warnings),
    )


def _count(columns: Columns, part: int) -> PartCount:
    here = columns["part"] == part
    notes = int(columns["count.notes"][here].sum())
    return PartCount(int(here.sum()), notes, len(np.unique(columns["group"][here])))
