"""Whose music it is: `licenses.csv` beside the files, read when they are prepared.

Its first line names the columns. `file` is a pattern of file names, relative to the folder of the
table: * stands for anything, also for folders. `licence` (or `license`), `holder` and `source` are
what is said of these files; a column that is missing is empty, others are not read. The first line
whose pattern fits a file counts. A table counts for the files of its folder and below, where there
is no nearer one.

    file,licence,holder,source
    nocturnes/*.mid,CC BY-SA 4.0,A. Player,https://example.org/nocturnes
    *,public domain,,
"""

from __future__ import annotations

import csv
import fnmatch
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from howlkit.errors import DataError, did_you_mean, printable

__all__ = ["TABLE", "Rights", "RightsTables"]

TABLE = "licenses.csv"
"""The name of a table, beside the music."""

COLUMNS = ("file", "licence", "holder", "source")

OTHER_NAMES = {"license": "licence", "pattern": "file"}


class Rights(NamedTuple):
    """What is said of a file: its licence, whose it is, and where it came from; "": nothing."""

    licence: str
    holder: str
    source: str


class RightsTables:
    """The tables beside the music below some folders."""

    def __init__(self, roots: Iterable[str]) -> None:
        """Look below `roots`: folders, or single files, of which only the own folder counts."""
        self._stops = {root if os.path.isdir(root) else os.path.dirname(root) for root in roots}
        self._known: dict[str, list[tuple[str, Rights]] | None] = {}

    def of(self, path: str) -> Rights | None:
        """Return what the nearest table says of a file; None if there is none, or it says nothing.

        Raises DataError for a table that cannot be read.
        """
        folder = os.path.dirname(path)
        while True:
            table = self._table(folder)
            if table is not None:
                inside = os.path.relpath(path, folder).replace(os.sep, "/")
                fitting = (said for pattern, said in table if fnmatch.fnmatchcase(inside, pattern))
                return next(fitting, None)
            above = os.path.dirname(folder)
            if folder in self._stops or above == folder:
                return None
            folder = above

    def _table(self, folder: str) -> list[tuple[str, Rights]] | None:
        if folder not in self._known:
            file = Path(folder, TABLE)
            self._known[folder] = _read(file) if file.is_file() else None
        return self._known[folder]


def _read(file: Path) -> list[tuple[str, Rights]]:
    """Return the patterns of a table, and what is said of the files that fit."""
    try:
        with open(file, encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, ValueError, csv.Error) as error:
        cause = getattr(error, "strerror", None) or error
        raise DataError(f"{printable(file)} cannot be read as CSV: {cause}") from error
    found = []
    for number, row in enumerate(rows, 2):
        named = {_column(name): (text or "").strip() for name, text in row.items() if name}
        for needed in ("file", "licence"):
            if needed not in named:
                hint = did_you_mean(needed, named)
                raise DataError(
                    f"{printable(file)} has no column {needed!r}.{hint} Its first line names the "
                    f"columns: {','.join(COLUMNS)}"
                )
        if not named["file"]:
            raise DataError(f"{printable(file)}, line {number}: the pattern of files is empty")
        said = Rights(*(named.get(column, "") for column in COLUMNS[1:]))
        found.append((named["file"], said))
    return found


def _column(name: str) -> str:
    plain = name.strip().lower()
    return OTHER_NAMES.get(plain, plain)
