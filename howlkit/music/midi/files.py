"""Find the MIDI files in folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from howlkit.errors import DataError, printable

__all__ = ["ENDINGS", "find", "kind_of"]

Skip = Callable[[str, str], None]

ENDINGS = (".mid", ".midi", ".kar", ".rmi", ".mid.gz", ".midi.gz", ".kar.gz")
"""The endings of the names of MIDI files, in lower or upper case."""

_LONGEST_KIND = 16  # characters: what is longer is no ending, but a part of a name
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


def kind_of(name: str) -> str:
    """Return the ending of a file's name, which says what kind of file it is.

    >>> kind_of("song.MSCZ"), kind_of("notes.tar.gz"), kind_of("README")
    ('.mscz', '.tar.gz', 'without an ending')
    """
    stem, ending = os.path.splitext(os.path.basename(name))
    if ending.lower() in _COMPRESSED:
        ending = os.path.splitext(stem)[1] + ending
    fits = 1 < len(ending) <= _LONGEST_KIND and " " not in ending
    return printable(ending.lower()) if fits else "without an ending"


def find(
    paths: Iterable[str | os.PathLike[str]],
    *,
    skip: Skip | None = None,
    other: Callable[[str], None] | None = None,
    endings: tuple[str, ...] = ENDINGS,
) -> Iterator[Path]:
    """Return the files that `paths` name, and the MIDI files in the folders that they name.

    Folders are searched to any depth, in the order of names, for regular files with one of
    `endings`. Links are followed, and each real folder is visited once, so that loops end. Nothing
    is opened.
    skip: called with the path of each folder or entry that is left out, and the reason. other:
    called with the path of each file in the folders that has another ending.
    Raises DataError, at once, for a path that does not exist.
    """
    roots = [Path(path) for path in paths]
    for root in roots:
        if not os.path.exists(root):
            raise DataError(f"{printable(root)} does not exist; name MIDI files or folders of them")
    return _walk(roots, skip or _ignore, other or _ignore, endings)


def _ignore(*_: str) -> None:
    """Take no notice of a path."""


def _walk(
    roots: list[Path], skip: Skip, other: Callable[[str], None], endings: tuple[str, ...]
) -> Iterator[Path]:
    visited: set[tuple[int, int]] = set()
    for root in roots:
        if not root.is_dir():
            yield root
            continue
        stack = [iter(_entries(str(root), visited, skip))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif _is_dir(entry):
                stack.append(iter(_entries(entry.path, visited, skip)))
            elif entry.name.lower().endswith(endings):
                if _is_file(entry):
                    yield Path(entry.path)
                else:
                    skip(entry.path, f"{printable(entry.path)} is no regular file")
            elif _is_file(entry):
                other(entry.path)


def _entries(folder: str, visited: set[tuple[int, int]], skip: Skip) -> list[os.DirEntry[str]]:
    """Return the entries of a folder by name; none if it was visited or cannot be listed."""
    try:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in visited:
            return []
        visited.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        skip(folder, f"{printable(folder)} cannot be listed: {error.strerror}")
        return []


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
