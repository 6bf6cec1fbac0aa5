"""The report of `prepare`: what became of every file, and what the dataset holds.

read + skipped + exact duplicates = found. Durations are in seconds or hours, as named.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from howlkit.dataset.names import REPORT
from howlkit.music.midi import REPAIRS, printable

__all__ = ["PartCount", "PreparationReport", "counted", "file_counts"]

_SHOWN = 10  # skipped files in the text; report.json has all


def counted(number: int, what: str) -> str:
    """Return a number and a noun, in the plural unless the number is 1.

    >>> counted(1, "piece"), counted(2000, "piece")
    ('1 piece', '2,000 pieces')
    """
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


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
    `midi.REPAIRS` was needed. warnings: for the user.
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

    @property
    def hours(self) -> float:
        """The length of all pieces together."""
        return self.seconds / 3600

    def to_json(self) -> dict[str, Any]:
        """Return everything, JSON-ready."""
        skipped = [{"path": path, "reason": reason} for path, reason in self.skipped]
        return dataclasses.asdict(self) | {"skipped": skipped, "hours": self.hours}

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
                self.line(),
            ]
        )

    def _more(self) -> list[str]:
        more = len(self.skipped) - _SHOWN
        return [f"skipped: {more:,} more, listed in report.json"] if more > 0 else []

    __str__ = text


def file_counts(folder: Path) -> dict[str, Any]:
    """Return what the report.json of the dataset in `folder` says about the files read.

    found, exact_duplicates, skipped: numbers of files. mended: `PreparationReport.repairs`. Empty
    if the report is missing or damaged: a dataset does not need it.
    """
    try:
        said = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        return {
            "found": int(said["found"]),
            "exact_duplicates": int(said["exact_duplicates"]),
            "skipped": len(said["skipped"]),
            "mended": {str(name): int(count) for name, count in said["repairs"].items()},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
