"""The files that commands write: what exists is kept unless the user says --force.

A command claims its files before its long work: each is made, empty, in a way that only one process
can succeed at. So an existing path is refused before anything is computed, two commands that run at
once never write to one file, and a place that cannot be written to is known at once. Files that are
still empty when the command ends are deleted.

Only commands guard paths: the functions of the library that write a file replace an old one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from howlkit.commands.shared_options import force_option
from howlkit.errors import HowlkitError, printable

__all__ = [
    "ExistingPathError",
    "check_new",
    "claimed",
    "file_in",
    "force_option",
    "is_device",
    "next_free",
]

STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/")


class ExistingPathError(HowlkitError):
    """A file that a command would write exists, and --force was not given."""


def next_free(path: Path) -> Path:
    """Return the path, or the first of NAME-2, NAME-3 ... that does not exist.

    >>> next_free(Path("no-such-folder/new.mid")).name
    'new.mid'
    """
    if not os.path.lexists(path):
        return path
    names = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in itertools.count(2))
    return next(name for name in names if not os.path.lexists(name))


def file_in(out: Path, name: str) -> Path:
    """Return `out`, or if it is an existing folder, a free name in it: NAME, NAME-2 ..."""
    return next_free(out / name) if out.is_dir() else out


def check_new(paths: Sequence[Path], *, force: bool, reads: Sequence[Path] = ()) -> None:
    """Raise an error unless a command may write to these paths; devices and pipes are allowed.

    force: the user allows to replace files. reads: files that the command reads; it may never
    replace them. Raises ExistingPathError for files that exist, and HowlkitError for a folder and
    for a file of `reads`.
    """
    paths = [path for path in paths if not is_device(path)]
    for path in paths:
        if path.is_dir():
            raise HowlkitError(f"{printable(path)} is a folder; name a file")
        if any(_is_same(path, read) for read in reads):
            raise HowlkitError(
                f"{printable(path)} is read by this command, which would replace it; name another "
                "file to write"
            )
    there = [] if force else [path for path in paths if os.path.lexists(path)]
    if there:
        others = f" and {len(there) - 1} more" if len(there) > 1 else ""
        one = "exists" if len(there) == 1 else "exist"
        raise ExistingPathError(
            f"{printable(there[0])}{others} {one} already; add --force to replace "
            f"{'it' if len(there) == 1 else 'them'}, or name another --out"
        )


@contextlib.contextmanager
def claimed(paths: Sequence[Path], *, force: bool, reads: Sequence[Path] = ()) -> Iterator[None]:
    """Check the paths as `check_new` does, and keep them for this process until the block ends.

    Makes the folders that are missing, and each file that does not exist, empty; files that are
    still empty in the end are deleted. Raises OSError for a place that cannot be written to.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "new.mid")
    ...     with claimed([path], force=False):
    ...         claimed([path], force=False).__enter__()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    howlkit.commands.output_files.ExistingPathError: ...new.mid exists already; add --force ...
    """
    check_new(paths, force=force, reads=reads)
    made: list[Path] = []
    try:
        for path in paths:
            if not is_device(path) and not (force and os.path.lexists(path)):
                _make(path, made)
        yield
    finally:
        for path in made:
            with contextlib.suppress(OSError):
                if not path.stat().st_size:
                    path.unlink()


def _make(path: Path, made: list[Path]) -> None:
    """Make an empty file, and add it to `made`; ExistingPathError if another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(path, "xb"):
            made.append(path)
    except FileExistsError:
        check_new([path], force=False)
        raise


def is_device(path: Path) -> bool:
    """Say whether a path is a device, a pipe or a stream; these are written to, never replaced."""
    name = os.path.abspath(path)
    return name.startswith(STREAMS) or (path.exists() and not path.is_file() and not path.is_dir())


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them does not exist
        return False
