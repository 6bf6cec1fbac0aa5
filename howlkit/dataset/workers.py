"""A function applied to many items in several processes, in order, whatever happens to a process.

A process that dies (a crash inside a C++ library) costs one item: what was under way is done again
one item at a time, and the one at which a process dies again is handed to `lost`. Processes are
spawned, never forked; they leave Ctrl-C to their parent, and end when it does, even if killed.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Generic, TypeVar

from howlkit.errors import DataError

__all__ = ["in_order", "usable_cores"]

T = TypeVar("T")
R = TypeVar("R")

_CHUNK = 32  # items sent to a process at a time: enough that sending costs little
_AHEAD = 3  # chunks under way for each process: they go on while this one writes a shard


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    work: Callable[[T], R], items: Iterable[T], *, workers: int, lost: Callable[[T], R]
) -> Generator[R, None, None]:
    """Yield work(item) for each item, in the order of the items.

    workers: processes; 1 works in this one. `work`, items and results must pickle. Only a few
    chunks of items are under way at a time, so memory does not grow with their number.
    lost: what to yield for an item that kills its process.
    Raises DataError if processes cannot be started at all, and whatever `work` raises.
    """
    if workers == 1:
        yield from map(work, items)
        return
    source = iter(items)
    with _Crew(work, workers, lost) as crew:
        ahead: deque[tuple[list[T], Future[list[R]]]] = deque()
        while chunk := list(itertools.islice(source, _CHUNK)):
            ahead.append((chunk, crew.submit(chunk)))
            if len(ahead) > _AHEAD * workers:
                yield from crew.result(*ahead.popleft())
        while ahead:
            yield from crew.result(*ahead.popleft())


class _Crew(contextlib.AbstractContextManager["_Crew[T, R]"], Generic[T, R]):
    """Processes that do `work`, replaced when they die."""

    def __init__(self, work: Callable[[T], R], workers: int, lost: Callable[[T], R]) -> None:
        self._work, self._workers, self._lost = work, workers, lost
        self._pool = _start(workers)

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, chunk: Sequence[T]) -> Future[list[R]]:
        try:
            return self._pool.submit(_each, self._work, chunk)
        except (BrokenProcessPool, OSError):  # OSError: it is breaking at this very moment
            self._pool.shutdown()
            self._pool = _start(self._workers)
            return self._pool.submit(_each, self._work, chunk)

    def result(self, chunk: Sequence[T], future: Future[list[R]]) -> list[R]:
        try:
            return future.result()
        except BrokenProcessPool:  # who broke it cannot be told: it was one of those under way
            return list(self._one_by_one(chunk))

    def _one_by_one(self, chunk: Sequence[T]) -> Iterator[R]:
        pool = _start(1)
        try:
            for item in chunk:
                try:
                    yield pool.submit(self._work, item).result()
                except BrokenProcessPool:
                    pool.shutdown()
                    pool = _start(1)
                    yield self._lost(item)
        finally:
            pool.shutdown(cancel_futures=True)


def _start(workers: int) -> ProcessPoolExecutor:
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_settle
    )
    try:
        # All begin at once, and now: a pool that breaks while it begins another process hangs.
        first, *_ = [pool.submit(os.getpid) for _ in range(workers)]
        first.result()
    except BrokenProcessPool as error:
        pool.shutdown()
        raise DataError(
            "worker processes do not start. In a script of your own, put what it does under "
            "`if __name__ == '__main__':` (each worker imports the script); or use workers=1"
        ) from error
    return pool


def _settle() -> None:
    """In a new process: leave Ctrl-C to the parent, and end when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _each(work: Callable[[T], R], chunk: Sequence[T]) -> list[R]:
    return [work(item) for item in chunk]
