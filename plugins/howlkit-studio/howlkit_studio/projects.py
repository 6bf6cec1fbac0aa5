"""The folders in which pieces lie: one a project, by an id that is drawn.

    FOLDER/projects/ID/history      the piece, with all that was ever done to it (history.py)
    FOLDER/projects/ID/NAME.mid     what was saved

FOLDER is the data folder of the user, or what HOWLKIT_STUDIO in the environment names. Nothing that
is there is ever replaced.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from howlkit import HowlkitError
from howlkit.commands.output_files import next_free
from howlkit.music.midi import printable
from howlkit_studio.document import Document
from howlkit_studio.history import History
from howlkit_studio.lines import read_lines

__all__ = ["FOLDER", "Listed", "Project", "Projects"]

FOLDER = "HOWLKIT_STUDIO"
"""The environment variable that names the folder."""

HISTORY, LOCK = "history", "lock"

_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Listed:
    """A project as it is listed: when: it was last changed, in seconds since 1970."""

    id: str
    name: str
    when: float


@dataclass(frozen=True)
class Project:
    """A project that is open, by this process alone."""

    id: str
    folder: Path
    history: History
    lock: FileLock

    def save(self, data: bytes, suffix: str) -> Path:
        """Write a file beside the history, under the piece's name and a free number."""
        stem = file_stem(self.history.name)
        path = next_free(self.folder / f"{stem}{suffix}")
        with open(path, "xb") as file:  # x: nobody else has made it since
            file.write(data)
        return path

    def close(self) -> None:
        """Put the history on the disk, and let others open the project."""
        self.history.close()
        self.lock.release()


class Projects:
    """All projects of a folder; None: that of the user."""

    def __init__(self, folder: Path | None = None) -> None:
        named = os.environ.get(FOLDER)
        home = folder or (Path(named) if named else user_data_path("howlkit") / "studio")
        self.folder = home / "projects"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HowlkitError(
                f"{printable(self.folder)} cannot be made: {error.strerror}; name another folder "
                f"by the environment variable {FOLDER}"
            ) from error

    def listed(self) -> list[Listed]:
        """Return the projects, the one that was changed last first."""
        found = []
        for folder in self.folder.iterdir():
            history = folder / HISTORY
            if _ID.fullmatch(folder.name) and history.is_file():
                found.append(Listed(folder.name, _name(history), history.stat().st_mtime))
        return sorted(found, key=lambda project: -project.when)

    def new(self, name: str, document: Document) -> Project:
        """Return a new project with a piece."""
        number = secrets.token_hex(8)
        folder = self.folder / number
        folder.mkdir()
        lock = _locked(folder)
        return Project(number, folder, History.begin(folder / HISTORY, name, document), lock)

    def open(self, number: str) -> Project:
        """Return a project; HowlkitError if there is none, or if it is open elsewhere."""
        folder = self.folder / number
        if not _ID.fullmatch(number) or not (folder / HISTORY).is_file():
            raise HowlkitError("there is no project of this id; look at the list again")
        lock = _locked(folder)
        try:
            return Project(number, folder, History.open(folder / HISTORY), lock)
        except BaseException:
            lock.release()
            raise


def file_stem(name: str) -> str:
    """Return the beginning of a file's name that is a piece's name, without what is no letter.

    >>> file_stem("../Waltz <1>.mid")
    'Waltz 1'
    """
    stem = re.sub(r"\.(mid|midi)$", "", name, flags=re.IGNORECASE)
    kept = "".join(c for c in stem if c.isalnum() or c in " -_")
    return " ".join(kept.split())[:80] or "piece"


def _locked(folder: Path) -> FileLock:
    lock = FileLock(folder / LOCK, thread_local=False)  # the thread that opens may not close
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise HowlkitError("this piece is open in another studio; close that one first") from None
    return lock


def _name(history: Path) -> str:
    """Return the name of a piece: what it was last called."""
    data = history.read_bytes()
    # A quotation mark in a text is escaped, so these bytes are an entry's own.
    at = max(data.rfind(b'"entry":"name"'), 0)
    start = data.rfind(b"\n", 0, at) + 1
    values, _ = read_lines(data[start : data.find(b"\n", at) + 1])
    return str(values[0]["name"]) if values else "?"
