"""Folders of music made into a dataset: pieces on disk, once for every encoder, split into parts.

    DATASET/dataset.json                 format, options, counts, fingerprint (manifest.py)
            pieces-<digest>.safetensors  a row for each piece: its place, part, group (catalog.py)
            shard-00000.safetensors ...  the notes and all else (shards.py, records.py)
            files.jsonl                  a line for each file that was read (file_list.py)
            report.json                  what `prepare` did (report.py)

Pieces are in the order of their files. Files with the same notes are one piece; takes and variants
of a piece (sketches.py, similarity.py, duplicates.py) are a group, and all of a group is in one
part (split.py). `prepare` (preparation.py) reads what is new or changed (file_reading.py) and goes
on where an interrupted run last saved. The same files give the same bytes, whatever the number of
processes (workers.py, processes.py). dataset.json is written last (finishing.py). names.py has the
names of the files, and folder.py decides who may write to a folder.

The names below are imported when they are first used: opening a dataset needs little of what
preparing one does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from howlkit.dataset.dataset import Dataset
    from howlkit.dataset.manifest import FORMAT
    from howlkit.dataset.preparation import prepare, prepare_pieces
    from howlkit.dataset.readers import Readers
    from howlkit.dataset.report import PreparationReport, file_counts

__all__ = [
    "FORMAT",
    "Dataset",
    "PreparationReport",
    "Readers",
    "file_counts",
    "prepare",
    "prepare_pieces",
]

_HOMES = {
    "FORMAT": "manifest",
    "Dataset": "dataset",
    "PreparationReport": "report",
    "Readers": "readers",
    "file_counts": "report",
    "prepare": "preparation",
    "prepare_pieces": "preparation",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
