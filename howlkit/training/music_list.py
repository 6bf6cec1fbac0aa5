"""Which music a run was given: RUN/music.csv, a line a piece, with its hash and its rights.

part: train, validation or test. hash: 32 hexadecimal digits, equal for equal notes at equal
resolution, in every dataset. notes: how many. name: its path inside the folder that was prepared.
licence, holder, source: as `dataset.rights` has them. The model folder, which people pass on, has a
summary of the rights instead, without names.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from howlkit.atomic_files import write_whole
from howlkit.dataset import Dataset
from howlkit.errors import CheckpointError, printable

__all__ = ["FILE", "read", "summary", "summary_of", "write"]

FILE = "music.csv"

RIGHTS = ("licence", "holder", "source")
COLUMNS = ("part", "hash", "notes", "name", *RIGHTS)

Rows = list[dict[str, Any]]


def write(run: Path, data: Dataset) -> None:
    """Write the list of a run's music."""
    text = io.StringIO(newline="")
    lines = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    lines.writeheader()
    lines.writerows(_rows(data))
    write_whole(run / FILE, text.getvalue().encode())


def read(run: Path) -> Rows:
    """Return the list of a run's music; CheckpointError if it is damaged, [] if there is none."""
    file = run / FILE
    if not file.is_file():
        return []
    try:
        with open(file, encoding="utf-8", newline="") as lines:
            return [{**row, "notes": int(row["notes"])} for row in csv.DictReader(lines)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise CheckpointError(f"{printable(file)} is damaged: {error!r}") from error


def summary(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """Return rows of a list put together by rights and part: pieces and notes, the most first.

    >>> one = {"part": "train", "notes": 5, "licence": "CC0", "holder": "", "source": ""}
    >>> summary([one, one])[0]["pieces"]
    2
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(str(row[name]) for name in (*RIGHTS, "part"))
        group = found.setdefault(key, {**dict(zip(RIGHTS, key, strict=False)), "part": row["part"]})
        group["pieces"] = group.get("pieces", 0) + 1
        group["notes"] = group.get("notes", 0) + int(row["notes"])
    return sorted(found.values(), key=lambda group: (group["part"] != "train", -group["notes"]))


def summary_of(data: Dataset) -> Rows:
    """Return the summary of a dataset's music."""
    return summary(_rows(data))


def _rows(data: Dataset) -> Rows:
    """Return the list of a dataset's music, the training part first."""
    rows: Rows = []
    for part in data.parts:
        for index in data.indices(part).tolist():
            said = data.rights[index]
            rows.append(
                {
                    "part": part,
                    "hash": data.hashes[index].hex(),
                    "notes": int(data.note_counts[index]),
                    "name": data.names[index],
                    **dict(zip(RIGHTS, said or ("", "", ""), strict=True)),
                }
            )
    return rows
