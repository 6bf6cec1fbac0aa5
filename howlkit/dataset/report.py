"""The report of `prepare`: what became of every file, and what the dataset holds.

read + skipped + exact duplicates = found. Durations are in seconds or hours, as named.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from howlkit.dataset.names import REPORT
from howlkit.errors import DataError
from howlkit.music.midi import REPAIRS, kind_of, printable

__all__ = [
    "OTHER_KINDS",
    "PartCount",
    "PreparationReport",
    "counted",
    "file_counts",
    "listed",
    "most_frequent",
    "packages_for",
]

_SHOWN = 10  # skipped files in the text; report.json has all
_KINDS_SHOWN = 10  # in the text
_KINDS = 50  # in report.json

OTHER_KINDS = "of other kinds"
"""The kind under which files of rare kinds are counted."""

_PACKAGES = {"howlkit-music21": (".abc", ".krn", ".musicxml", ".mxl")}
"""Packages that read what howlkit does not, and the endings of their files."""


def counted(number: int, what: str) -> str:
    """Return a number and a noun, in the plural unless the number is 1.

    >>> counted(1, "piece"), counted(2000, "piece")
    ('1 piece', '2,000 pieces')
    """
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def most_frequent(kinds: Mapping[str, int], number: int = _KINDS) -> dict[str, int]:
    """Return the counts of the most frequent kinds, in that order, and the sum of the others.

    >>> most_frequent({".pdf": 1, ".txt": 3, ".doc": 1}, 2)
    {'.txt': 3, '.doc': 1, 'of other kinds': 1}
    """
    named = {kind: count for kind, count in kinds.items() if kind != OTHER_KINDS}
    order = sorted(named, key=lambda kind: (-named[kind], kind))
    rest = sum(kinds.values()) - sum(named[kind] for kind in order[:number])
    return {kind: named[kind] for kind in order[:number]} | ({OTHER_KINDS: rest} if rest else {})


@dataclass(frozen=True)
class PartCount:
    """The contents of a part: pieces, notes, and groups of near-duplicates (a piece may be one)."""

    pieces: int
    notes: int
    groups: int

    def __str__(self) -> str:
        """Return the counts as text."""
        counts = ((self.pieces, "piece"), (self.notes, "note"), (self.groups, "group"))
        return ", ".join(counted(number, what) for number, what in counts)


@dataclass(frozen=True)
class PreparationReport:
    """What `prepare` did.

    files: the number of files found. found: the pieces in them; a file that cannot be read counts
    as one. read: the pieces in the dataset; `unchanged` of them are known from an earlier run and
    were not read again. exact_duplicates: pieces with the notes of another, stored once. skipped:
    (path, reason) of each that could not be read.
    near_duplicate_groups: groups of two and more pieces, with `near_duplicates` pieces in all.
    notes, seconds: of all pieces together. parts: by name. repairs: how often each of
    `midi.REPAIRS` was needed. warnings: for the user. left_out: the number of files in the folders
    that nothing reads, by `midi.kind_of`; they are not among those found.
    """

    files: int
    found: int
    read: int
    unchanged: int
    exact_duplicates: int
    skipped: tuple[tuple[str, str], ...]
    near_duplicate_groups: int
    near_duplicates: int
    notes: int
    seconds: float
    parts: Mapping[str, PartCount]
    repairs: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def hours(self) -> float:
        """The length of all pieces together."""
        return self.seconds / 3600

    def to_json(self) -> dict[str, Any]:
        """Return everything, JSON-ready."""
        skipped = [{"path": path, "reason": reason} for path, reason in self.skipped]
        return dataclasses.asdict(self) | {"skipped": skipped, "hours": self.hours}

    @classmethod
    def of(cls, folder: Path) -> PreparationReport:
        """Return the report in a dataset's folder; DataError if it is missing or damaged."""
        file = folder / REPORT
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            del said["hours"]
            said["skipped"] = tuple((each["path"], each["reason"]) for each in said["skipped"])
            said["parts"] = {name: PartCount(**count) for name, count in said["parts"].items()}
            said["warnings"] = tuple(said["warnings"])
            return cls(**said)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(
                f"{printable(file)} is missing, damaged or of an earlier version; prepare the "
                "dataset again"
            ) from error

    def line(self) -> str:
        """Return what became of the files, in one line."""
        found = counted(self.files, "file")
        if self.found != self.files:
            found = f"{counted(self.found, 'piece')} in {found}"
        return (
            f"{found} found: {self.read:,} read ({self.unchanged:,} "
            f"unchanged), {len(self.skipped):,} skipped, "
            f"{counted(self.exact_duplicates, 'exact duplicate')}"
        )

    def text(self) -> str:
        """Return the report as several lines of text; the last is `line`."""
        pieces, notes = counted(self.read, "piece"), counted(self.notes, "note")
        return "\n".join(
            [
                f"{pieces}, {notes}, {self.hours:.1f} hours",
                f"takes or variants of each other: {counted(self.near_duplicates, 'piece')} "
                f"in {counted(self.near_duplicate_groups, 'group')}; a group is in one part",
                *(f"{name:>10}: {part}" for name, part in self.parts.items()),
                *(
                    f"mended: {REPAIRS.get(name, name)}: {count:,}"
                    for name, count in self.repairs.items()
                ),
                *(f"skipped: {printable(reason)}" for _, reason in self.skipped[:_SHOWN]),
                *self._more(),
                *(f"Warning: {warning}" for warning in self.warnings),
                *self.left_out_lines(),
                self.line(),
            ]
        )

    def left_out_lines(self) -> list[str]:
        """Return what is not in the dataset, by kind, and what would read it; [] if all is."""
        parts = []
        if self.left_out:
            parts.append(f"{listed(self.left_out)} (not music that an installed plugin reads)")
        if self.skipped:
            kinds = Counter(kind_of(path) for path, _ in self.skipped)
            parts.append(f"{listed(kinds)} (skipped, for the reasons in report.json)")
        lines = [f"left out: {'; '.join(parts)}"] if parts else []
        return [*lines, *packages_for(self.left_out)]

    def _more(self) -> list[str]:
        more = len(self.skipped) - _SHOWN
        return [f"skipped: {more:,} more, listed in report.json"] if more > 0 else []

    __str__ = text


def listed(kinds: Mapping[str, int]) -> str:
    """Return the counts of the most frequent kinds of files as text.

    >>> listed({".txt": 2, ".pdf": 3})
    '3 .pdf, 2 .txt'
    """
    counts = most_frequent(kinds, _KINDS_SHOWN)
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items())


def packages_for(kinds: Mapping[str, int]) -> list[str]:
    """Return a line for each package that reads some of these kinds of files.

    >>> packages_for({".abc": 7, ".pdf": 3})
    ['the package howlkit-music21 reads .abc: howlkit plugins install howlkit-music21']
    """
    lines = []
    for package, endings in _PACKAGES.items():
        if its := [ending for ending in endings if ending in kinds]:
            lines.append(
                f"the package {package} reads {', '.join(its)}: howlkit plugins install {package}"
            )
    return lines


def file_counts(folder: Path) -> dict[str, Any]:
    """Return what the report.json of the dataset in `folder` says about the files read.

    found, exact_duplicates, skipped: numbers of files. mended: `PreparationReport.repairs`.
    left_out: `PreparationReport.left_out`. Empty if the report is missing or damaged: a dataset
    does not need it.
    """
    try:
        said = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        return {
            "found": int(said["found"]),
            "exact_duplicates": int(said["exact_duplicates"]),
            "skipped": len(said["skipped"]),
            "mended": {str(name): int(count) for name, count in said["repairs"].items()},
            # Version 0.1.0 did not count them.
            "left_out": {str(k): int(count) for k, count in said.get("left_out", {}).items()},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
