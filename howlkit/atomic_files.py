"""Files that are there as a whole or not at all, whenever the power fails."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["write_whole", "writing_whole"]


def write_whole(path: Path, *data: bytes) -> None:
    """Write a file beside `path`, flush it to the disk, and put it in its place at one stroke.

    Raises OSError; what was at `path` before is then as it was, and nothing is left beside it.
    """
    with writing_whole(path) as file:
        file.writelines(data)


@contextlib.contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write what does not fit into memory; as `write_whole`, when all is written."""
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:  # after Ctrl-C too
        partial.unlink(missing_ok=True)
