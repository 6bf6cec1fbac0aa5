"""A dataset on disk, opened to read: see the package's docstring for what is in it."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset.manifest import check_shards, read_manifest
from howlkit.dataset.mapped_tensors import Tensors
from howlkit.dataset.records import TABLES
from howlkit.dataset.rights import Rights
from howlkit.dataset.selection import Selection
from howlkit.dataset.shards import shard_name, stored
from howlkit.dataset.split import PARTS
from howlkit.errors import DataError, HowlkitError, printable
from howlkit.music.piece import Piece

if TYPE_CHECKING:
    from howlkit.dataset.report import PreparationReport

__all__ = ["Dataset"]

_OPEN_SHARDS = 256  # an open shard is an open file, of which systems allow 1024 or so
PathLike = str | os.PathLike[str]
Indices = NDArray[np.int64]


class Dataset:
    """A prepared dataset, read through memory maps: opening costs the same for any number of notes.

    A sequence of Pieces: data[0], data[-5:], len(data), iteration; `part` gives those of one part.
    Pickles as its path, so that worker processes open it anew.
    """

    parts = PARTS
    """The names of the parts."""

    def __init__(self, path: Path) -> None:
        """Open the dataset in folder `path`; raises what `open` raises."""
        self.path = Path(path)
        self._manifest = read_manifest(self.path)
        check_shards(self.path, self._manifest["shards"])
        self._columns = Tensors(self.path / self._manifest["pieces_file"])
        if len(self._columns["part"]) != self._manifest["pieces"]:
            raise DataError(f"{printable(self.path)} is damaged; run `howlkit prepare` again")
        self._shard = functools.lru_cache(_OPEN_SHARDS)(self._open_shard)

    @classmethod
    def open(cls, path: Path) -> Dataset:
        """Return the dataset in folder `path`.

        Raises DataError if there is none, or if it is damaged or of another format.
        """
        return cls(path)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the path."""
        return type(self), (self.path,)

    def __len__(self) -> int:
        """Return the number of pieces in all parts together."""
        return int(self._manifest["pieces"])

    @overload
    def __getitem__(self, number: int) -> Piece: ...

    @overload
    def __getitem__(self, number: slice) -> Selection: ...

    def __getitem__(self, number: int | slice) -> Piece | Selection:
        """Return a piece, counted from the end if below 0, or the pieces of a slice, one by one.

        Raises IndexError if there is no such piece, ArgumentError for what is no number, and what
        `piece` raises.
        """
        return self.part("all")[number]

    def __iter__(self) -> Iterator[Piece]:
        """Yield all pieces, in the order of their numbers."""
        return iter(self.part("all"))

    def __repr__(self) -> str:
        """Return its path and its number of pieces."""
        return f"Dataset({str(self.path)!r}, {len(self)} pieces)"

    @functools.cached_property
    def note_counts(self) -> Indices:
        """(pieces,): the number of notes of each piece."""
        return self._columns["count.notes"]

    @functools.cached_property
    def groups(self) -> Indices:
        """(pieces,): the group of each piece, the same number for takes and variants of one."""
        return self._columns["group"]

    @functools.cached_property
    def hashes(self) -> tuple[bytes, ...]:
        """16 bytes for each piece: equal for equal notes at equal resolution, in every dataset."""
        return tuple(row.tobytes() for row in self._columns["notes"])

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The name of each piece: its path inside the folder that was prepared (never opened)."""
        text = self._columns["names"].tobytes()
        stops = self._columns["name_stops"].tolist()
        begins = [0, *stops[:-1]]
        return tuple(
            text[a:b].decode("utf-8", "replace") for a, b in zip(begins, stops, strict=True)
        )

    @functools.cached_property
    def rights(self) -> tuple[Rights | None, ...]:
        """What `licenses.csv` beside the music says of each piece; None: nothing."""
        known = [Rights(*each) for each in self._manifest.get("rights", [])]
        if not known:
            return (None,) * len(self)
        return tuple(None if n < 0 else known[n] for n in self._columns["rights"].tolist())

    @property
    def fingerprint(self) -> str:
        """The hash of all music and of the split: equal for equal music in equal parts."""
        return str(self._manifest["fingerprint"])

    def indices(self, part: str) -> Indices:
        """Return the numbers of a part's pieces, rising; DataError for an unknown part."""
        if part not in PARTS:
            raise DataError(f"there is no part {part!r}; parts are {', '.join(PARTS)}")
        return np.flatnonzero(self._columns["part"] == PARTS.index(part))

    def part(self, part: str) -> Selection:
        """Return the pieces of a part, or of "all", as a sequence that reads each when asked.

        Raises DataError for an unknown part.
        """
        everything = np.arange(len(self), dtype=np.int64)
        indices = everything if part == "all" else self.indices(part)
        return Selection(self.piece, indices, self.note_counts)

    @functools.cached_property
    def report(self) -> PreparationReport:
        """What `prepare` did when it last wrote the dataset, out of report.json.

        Raises DataError if the report is missing or damaged; nothing else needs it.
        """
        from howlkit.dataset.report import PreparationReport

        return PreparationReport.of(self.path)

    def piece(self, index: int) -> Piece:
        """Return the whole piece of a number.

        Raises IndexError if there is no such piece, DataError if its shard is damaged.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"no piece {index} in {self!r}")
        columns = self._columns
        number = int(columns["shard"][index])
        try:
            tables: dict[str, Any] = {name: self._table(number, name, index) for name in TABLES}
            ticks_per_beat = int(columns["ticks_per_beat"][index])
            return Piece(**tables, ticks_per_beat=ticks_per_beat, name=self.names[index])
        except (HowlkitError, ValueError) as error:
            raise DataError(
                f"piece {index} in {printable(self.path)} is damaged ({error}); "
                "run `howlkit prepare` again with another --out"
            ) from error

    def pieces(self, part: str) -> Iterator[Piece]:
        """Yield the pieces of a part ("all": of every part); raises what `indices` raises."""
        for name in self.parts if part == "all" else (part,):
            for index in self.indices(name):
                yield self.piece(int(index))

    def summary(self) -> dict[str, Any]:
        """Return its path, counts, parts, options, fingerprint and format, JSON-ready."""
        kept = ("pieces", "notes", "hours", "parts", "groups", "options", "fingerprint", "format")
        return {"path": str(self.path), **{name: self._manifest[name] for name in kept}}

    def _table(self, number: int, table: str, index: int) -> NDArray[Any]:
        begin, count = (int(self._columns[f"{what}.{table}"][index]) for what in ("begin", "count"))
        return stored(self._shard(number), table, begin, count)

    def _open_shard(self, number: int) -> Tensors:
        return Tensors(self.path / shard_name(number))
