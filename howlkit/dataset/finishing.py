"""The last stage of `prepare`: the table of pieces, the report and dataset.json.

dataset.json is written last, so that a folder with one is whole; what it replaces is deleted after.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import howlkit
from howlkit.atomic_files import write_whole
from howlkit.dataset import duplicates
from howlkit.dataset.catalog import (
    Columns,
    EarlierRun,
    SplitOptions,
    catalog,
    fingerprint,
    first_files,
    report_of,
)
from howlkit.dataset.dataset import Dataset
from howlkit.dataset.file_list import FileEntry, FileList
from howlkit.dataset.hashes import ByHash
from howlkit.dataset.manifest import FORMAT
from howlkit.dataset.mapped_tensors import write_tensors
from howlkit.dataset.names import MANIFEST, PIECES, REPORT, delete, matching
from howlkit.dataset.report import PreparationReport
from howlkit.dataset.rights import Rights
from howlkit.dataset.shards import Store, shard_name
from howlkit.dataset.workers import WorkerPool
from howlkit.errors import DataError

__all__ = ["finish"]


def finish(
    folder: Path,
    store: Store,
    files: FileList,
    options: SplitOptions,
    name: Callable[[FileEntry], str],
    pool: WorkerPool,
    rights: Callable[[str], Rights | None],
) -> PreparationReport:
    """Write everything but the shards and the file list, and delete what is no longer used.

    name: gives a piece's name, from the first file that has it; rights: what is said of its path.
    """
    inputs = _inputs(files, options)
    earlier = _earlier(folder, options, inputs)
    columns, warnings = catalog(store, files, options, earlier, name, pool)
    account = report_of(files, columns, warnings)
    known, numbers = _rights(files, rights)
    if known:
        columns = {**columns, "rights": numbers}
    digest = hashlib.sha256()
    for column in sorted(columns):
        digest.update(np.ascontiguousarray(columns[column]).data)
    table = folder / f"pieces-{digest.hexdigest()[:16]}.safetensors"
    used = np.unique(columns["shard"]).tolist()
    write_tensors(table, columns)
    write_whole(folder / REPORT, _json(account.to_json()))
    manifest = {
        "format": FORMAT,
        "howlkit": howlkit.__version__,
        "pieces_file": table.name,
        "shards": {name: (folder / name).stat().st_size for name in map(shard_name, used)},
        "options": options.to_json(),
        "inputs": inputs,
        "fingerprint": fingerprint(columns),
        **({"rights": [list(each) for each in known]} if known else {}),
        **_counts(account, columns),
    }
    write_whole(folder / MANIFEST, _json(manifest))
    store.tidy(used)
    for path in matching(folder, PIECES):
        if path != table:
            delete(path)
    return account


def _counts(account: PreparationReport, columns: Columns) -> dict[str, Any]:
    said = account.to_json()
    return {
        "pieces": account.read,
        "groups": len(np.unique(columns["group"])),
        **{name: said[name] for name in ("notes", "hours", "parts")},
    }


def _rights(
    files: FileList, said_of: Callable[[str], Rights | None]
) -> tuple[list[Rights], NDArray[np.int32]]:
    """Return what is said of any piece, and (pieces,) which of it each has; -1: nothing."""
    known: dict[Rights, int] = {}
    numbers = []
    for number in first_files(files)[0].tolist():
        said = said_of(files.path(number))
        numbers.append(-1 if said is None else known.setdefault(said, len(known)))
    return list(known), np.array(numbers, np.int32)


def _json(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, indent=1) + "\n").encode("ascii")


def _inputs(files: FileList, options: SplitOptions) -> str:
    """Return the hash of what the groups depend on."""
    settings = bytes([options.near_duplicates, duplicates.VERSION])
    return hashlib.sha256(files.notes[first_files(files)[0]].tobytes() + settings).hexdigest()


def _earlier(folder: Path, options: SplitOptions, inputs: str) -> EarlierRun:
    """Return the parts and groups of the dataset that is already in the folder, if any."""
    try:
        before = Dataset(folder)
        columns = before._columns
        groups = np.array(before.groups) if before._manifest["inputs"] == inputs else None
        if before._manifest["options"] != options.to_json():
            return EarlierRun(ByHash(), groups)
        parts = ByHash()
        parts.update(columns["notes"], columns["part"])
        return EarlierRun(parts, groups)
    except (DataError, KeyError):  # none there, or damaged: it is made anew
        return EarlierRun(ByHash())
