"""One run folder, one trainer: the lock that a process holds while it sets a run up and trains it.

RUN/training.lock is locked by the operating system, through filelock. The system gives the lock
back when the process ends, however it ends, so a lock is never left over, a pid that was given to
another process misleads nobody, and of two processes that start at once one gets it. The file
itself stays, empty, unless the version of filelock deletes it. Where a file system has no locks, a
file with the pid and the start time of its process takes their place.

RUN/training.json says who holds the lock. It is deleted when training ends, and left over by a
process that is killed. On the same host such a file is ignored, since the lock is free. If it names
another host, the lock is refused: not every network file system carries locks from host to host.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from howlkit.atomic_files import write_whole
from howlkit.dataset.folder import NO_LOCKS
from howlkit.errors import CheckpointError, printable, quoted
from howlkit.training.checkpoint import saving

__all__ = ["FILES", "Holder", "RunLock", "holder"]

LOCK, SOFT_LOCK, HOLDER = "training.lock", "training.softlock", "training.json"

FILES = frozenset((LOCK, SOFT_LOCK, HOLDER))
"""The names of the files in a run's folder that belong to the lock."""

WAIT = 0.5
"""Seconds to wait for a lock."""

NAMED = 5
"""Seconds by which a process that got the lock has written who it is, on a busy machine too."""


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock. since: when it began, in local time."""

    host: str
    pid: int
    since: str

    def __str__(self) -> str:
        """Return who it is, in words.

        >>> str(Holder("attic", 4711, "2026-11-28 14:03:22+01:00"))
        'process 4711 on attic, since 2026-11-28 14:03:22+01:00'
        """
        return printable(f"process {self.pid} on {self.host}, since {self.since}")


class RunLock:
    """The lock of `run`, a run's folder, held from `take` until `release`; a context manager.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, RunLock.take(Path(folder)):
    ...     RunLock.take(Path(folder))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    howlkit.errors.CheckpointError: ... is being trained by process ...
    """

    def __init__(self, run: Path, lock: BaseFileLock, made: bool) -> None:
        self.run, self._lock, self._made = run, lock, made

    @classmethod
    def take(cls, run: Path, *, made: bool = False) -> RunLock:
        """Lock the folder of a run for this process; make the folder if need be.

        made: the caller has just made the folder. Raises CheckpointError if another process holds
        the lock, or if nothing can be written.
        """
        with saving(run):
            made |= not run.exists()
            run.mkdir(parents=True, exist_ok=True)
            lock = _acquire(run, WAIT)
        if lock is None:
            raise CheckpointError(_refusal(run))
        taken = cls(run, lock, made)
        try:
            _check_host(run)
            with saving(run / HOLDER):
                write_whole(run / HOLDER, (json.dumps(asdict(_this_process())) + "\n").encode())
        except BaseException:
            lock.release()
            raise
        return taken

    def release(self) -> None:
        """Give the lock back; the second call does nothing.

        If `take` made the folder and nothing else was written to it, the folder is deleted.
        """
        if not self._lock.is_locked:
            return
        with contextlib.suppress(OSError):  # it is then ignored, as that of a killed process
            (self.run / HOLDER).unlink(missing_ok=True)
            if self._made and all(path.name in FILES for path in self.run.iterdir()):
                (self.run / LOCK).unlink(missing_ok=True)
        self._lock.release()
        if self._made:
            with contextlib.suppress(OSError):  # it is not empty, mostly
                self.run.rmdir()

    def __enter__(self) -> RunLock:
        """Return the lock itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lock back."""
        self.release()


def holder(run: Path) -> Holder | None:
    """Return the process that trains into a run's folder at this moment; None if none does.

    A process on another host counts, as in `RunLock.take`, though it may have been killed.
    """
    said = _said(run)
    if said is None:
        return None
    if said.host != socket.gethostname():
        return said
    try:
        lock = _acquire(run, 0)
    except OSError:  # a folder of another user; who may write there left the file
        return said
    if lock is None:
        return said
    lock.release()
    return None


def _acquire(run: Path, wait: float) -> BaseFileLock | None:
    """Return the lock of a folder, taken; None if it was not free for `wait` seconds."""
    try:
        _try_locks(run / LOCK)
        return _taken(FileLock(run / LOCK, thread_local=False), wait)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return _taken(SoftFileLock(run / SOFT_LOCK, thread_local=False), wait)


def _try_locks(file: Path) -> None:
    """Raise OSError if a file system has no locks at all, ENOSYS as a rule.

    filelock answers ENOSYS by a lock of its own under the same name, and in versions before 4.1 the
    next process deletes that one and takes the lock too. Other errors it hands on, once it locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows, where all file systems have locks
        return
    with open(file, "ab") as opened:
        fcntl.flock(opened, fcntl.LOCK_UN)  # which gives back no lock of another process


def _taken(lock: BaseFileLock, wait: float) -> BaseFileLock | None:
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        return None
    return lock


def _this_process() -> Holder:
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    return Holder(socket.gethostname(), os.getpid(), since)


def _said(run: Path) -> Holder | None:
    """Return who training.json says holds the lock; None if it is missing or damaged."""
    try:
        said = json.loads((run / HOLDER).read_text(encoding="utf-8"))
        return Holder(str(said["host"]), int(said["pid"]), str(said["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _check_host(run: Path) -> None:
    """Raise CheckpointError if a process of another host may hold the lock."""
    said = _said(run)
    if said is not None and said.host != socket.gethostname():
        raise CheckpointError(
            f"{printable(run)} is being trained by {said}. This host cannot see whether that "
            f"process still runs; if it does not, delete {quoted(run / HOLDER)} and try again"
        )


def _refusal(run: Path) -> str:
    until = time.monotonic() + NAMED
    while (who := _said(run)) is None and time.monotonic() < until:
        time.sleep(0.05)
    return (
        f"{printable(run)} is being trained by {who or 'another process'}: "
        "two trainers in one folder would lose work. "
        "Wait for it to end, or stop it with Ctrl-C, which saves it; or train into another "
        "--out-dir"
    )
