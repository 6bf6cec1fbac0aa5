"""What a dataset would lose if it were prepared from other sources."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from howlkit.dataset.file_list import FileEntry
from howlkit.dataset.names import FILE_LIST, MANIFEST

__all__ = ["left_out"]


def left_out(dataset: Path, roots: Sequence[str]) -> list[str]:
    """Return the files whose music a dataset holds, that exist, and that lie below none of `roots`.

    roots: absolute paths of files and folders. Nothing is left out of a folder that is no dataset.
    """
    if not (dataset / MANIFEST).is_file():
        return []
    folders = tuple(os.path.join(root, "") for root in roots)
    others = (
        path
        for path in _paths(dataset / FILE_LIST)
        if path not in roots and not path.startswith(folders)
    )
    return [path for path in dict.fromkeys(others) if os.path.exists(path)]


def _paths(file: Path) -> Iterator[str]:
    """Yield the paths of the files with music; none if the list is missing or damaged."""
    try:
        with open(file, encoding="ascii", errors="replace", newline="\n") as lines:
            next(lines, None)  # the head
            for entry in map(FileEntry.of_line, lines):
                if entry.content:
                    yield entry.path
    except (OSError, ValueError):
        return
