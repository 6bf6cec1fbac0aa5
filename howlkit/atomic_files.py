"""Writes files whole or not at all, even if the power fails."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["write_whole", "writing_whole"]


def write_whole(path: Path, *data: bytes) -> None:
    """Write `data` to a temporary file next to `path`, flush it to the disk, and rename it.

    Raises OSError if that fails; the old file at `path` then stays as it was, and the temporary
    file is deleted.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "a.txt"), b"first ", b"second")
    ...     Path(folder, "a.txt").read_bytes()
    b'first second'
    """
    with writing_whole(path) as file:
        file.writelines(data)


@contextlib.contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which replaces `path` as in `write_whole` when the block ends.

    If the block raises, `path` stays as it was. For what does not fit into memory at once.
    """
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:  # after Ctrl-C too
        partial.unlink(missing_ok=True)
