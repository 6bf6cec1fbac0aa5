"""The folder of a dataset: whether it is howlkit's, and which process may write to it.

howlkit overwrites and deletes only files of its own names in a folder of its own. A folder is
howlkit's if it has howlkit's dataset.json; without one, if it has nothing but files with howlkit's
names (names.py), the lock among them.
"""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from howlkit.dataset.manifest import FORMAT, read_manifest
from howlkit.dataset.names import LOCK, MANIFEST, is_ours
from howlkit.errors import BusyError, DataError, printable

__all__ = ["NO_LOCKS", "writing"]

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
"""What a file system without locks answers."""


@contextlib.contextmanager
def writing(out: Path) -> Iterator[Path]:
    """Make the folder if need be, lock it for this process, and give it to write to.

    Raises DataError if the folder is another program's, or if anything inside the block cannot be
    written; BusyError if another process has the lock.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        _check_ours(out)
        with _locked(out):
            yield out
    except OSError as error:
        cause = printable(error.strerror or error)
        raise DataError(f"{printable(out)} cannot be written: {cause}") from error


def _check_ours(out: Path) -> None:
    """Raise DataError if the folder is another program's, or a dataset of another format."""
    said = _said(out / MANIFEST)
    if isinstance(said, dict) and {"format", "howlkit"} <= said.keys():
        if said["format"] != FORMAT:
            read_manifest(out)  # raises
        return
    names = sorted(path.name for path in out.iterdir())
    strange = [name for name in names if not is_ours(name)]
    if isinstance(said, dict):  # whole JSON, but another program's
        strange = [MANIFEST]
    elif names and LOCK not in names:
        strange = names
    if strange:
        raise DataError(
            f"{printable(out)} is not empty and no dataset: {printable(strange[0])!r} is in it; "
            "name a new folder"
        )


def _said(file: Path) -> Any:  # noqa: ANN401 - any JSON
    """Return the contents of a JSON file; None if it is missing or damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Keep two processes from writing to one folder, where system and file system have locks."""
    with open(out / LOCK, "ab") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows
            pass
        except BlockingIOError as error:
            raise BusyError(
                f"another howlkit is preparing into {printable(out)} at this moment; "
                "wait for it to end"
            ) from error
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        yield
