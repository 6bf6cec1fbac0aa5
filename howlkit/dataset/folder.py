"""The folder of a dataset: which files in it are ours, and who may write to it.

Nothing is ever overwritten or deleted that is not ours by name and by place: a folder is ours if
its dataset.json is, or else if nothing is in it but files of our names, the lock among them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from howlkit.dataset.manifest import FORMAT, read_manifest
from howlkit.dataset.names import LOCK, MANIFEST, is_ours
from howlkit.errors import BusyError, DataError, printable

__all__ = ["writing"]


@contextlib.contextmanager
def writing(out: Path) -> Iterator[Path]:
    """Give the folder to write to, for this process alone.

    Raises DataError if that cannot be, or when writing fails; BusyError if another process has it.
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
    """Raise DataError for a folder of something else, or a dataset of another format."""
    said = _said(out / MANIFEST)
    if isinstance(said, dict) and {"format", "howlkit"} <= said.keys():
        if said["format"] != FORMAT:
            read_manifest(out)  # raises
        return
    names = sorted(path.name for path in out.iterdir())
    strange = [name for name in names if not is_ours(name)]
    if isinstance(said, dict):  # whole, and somebody else's
        strange = [MANIFEST]
    elif names and LOCK not in names:
        strange = names
    if strange:
        raise DataError(
            f"{printable(out)} is not empty and no dataset: {printable(strange[0])!r} is in it; "
            "name a new folder"
        )


def _said(file: Path) -> Any:  # noqa: ANN401 - whatever stands there
    """Return what a file of JSON says; None if there is none, or if it is damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Keep two processes from writing to one folder, where the system has such locks."""
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
        yield
