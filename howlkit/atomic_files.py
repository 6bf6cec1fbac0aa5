"""Writes files and folders whole or not at all, even if the power fails."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["write_file", "write_whole", "writing_folder_whole", "writing_whole"]


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


def write_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file that a user names: whole, through symbolic links, and to a device or pipe as is.

    Raises OSError as `write_whole` does.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(data)  # a device or pipe is written to, never replaced
    else:
        write_whole(target, data)


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


@contextlib.contextmanager
def writing_folder_whole(path: Path) -> Iterator[Path]:
    """Give an empty folder to write files to, which replaces the folder `path` when the block ends.

    The files in it must be flushed by whoever writes them (`write_whole` does). If the block
    raises, `path` stays as it was, and the other folder is deleted.
    """
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        flush_folder(partial)
        if path.exists():
            shutil.rmtree(path)
        partial.rename(path)
        flush_folder(path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries, where the system can (Windows cannot open a folder)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
