"""A pool of processes that apply a function to many items, in order, even if a process dies.

A process that dies (a crash inside a C++ library) costs one item: the chunk that it worked on is
done again one item at a time, and the item at which a process dies again is handed to `lost`. How
processes start and end is in processes.py.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from howlkit.dataset.processes import follow_parent, starting, without_main
from howlkit.errors import DataError

__all__ = ["WorkerPool", "usable_cores"]

T = TypeVar("T")
R = TypeVar("R")

_CHUNK = 32  # items sent to a process at a time: enough that sending costs little
_AHEAD = 5  # chunks under way for each process: they go on while this one writes a shard


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkerPool(contextlib.AbstractContextManager["WorkerPool"]):
    """Processes that work for this one: started when first needed, replaced when they die."""

    def __init__(self, workers: int = 1) -> None:
        """Make a pool of at most `workers` processes; 1: this process does all the work."""
        self.workers = workers
        self._started = 0
        self._processes: _Processes | None = None

    def __exit__(self, *_: object) -> None:
        self._end(cancel_futures=True)

    def close(self) -> None:
        """End the processes without waiting for them; they must have no work left."""
        self._end(wait=False)

    @property
    def started(self) -> int:
        """The number of processes that run already: handing them even little work is worth it."""
        return self._started if self._processes else 0

    def start(self, workers: int | None = None) -> None:
        """Start `workers` processes (None: all) if none run, without waiting for them."""
        if self._processes is None and self.workers > 1:
            self._started = self._started or min(self.workers, workers or self.workers)
            self._processes = _Processes(self._started)

    def map(
        self,
        work: Callable[[T], R],
        items: Iterable[T],
        *,
        lost: Callable[[T], R] | None = None,
        workers: int | None = None,
        chunk: int = _CHUNK,
        ahead: int = _AHEAD,
    ) -> Generator[R, None, None]:
        """Yield work(item) for each item, in the order of the items.

        `work`, items and results must pickle. lost: what to yield for an item that kills its
        process; None: nothing is tried again. workers: how many processes are worth starting for
        this; None: all. chunk: how many items are sent at a time. ahead: how many chunks for each
        process are under way beyond the one awaited; so memory does not grow with the items.
        Raises DataError if processes cannot be started at all, BrokenProcessPool if one dies and
        `lost` is None, and whatever `work` raises.
        """
        if 1 in (workers, self.workers):
            yield from map(work, items)
            return
        source, under_way = iter(items), deque[tuple[list[T], Future[list[R]]]]()
        while some := list(itertools.islice(source, chunk)):
            under_way.append((some, self._submit(work, some, workers)))
            if len(under_way) > ahead * self._started:
                yield from self._result(work, *under_way.popleft(), lost)
        while under_way:
            yield from self._result(work, *under_way.popleft(), lost)

    def _submit(
        self, work: Callable[[T], R], items: Sequence[T], workers: int | None
    ) -> Future[list[R]]:
        try:
            return self._ready(workers).submit(_each, work, items)
        except (BrokenProcessPool, OSError):  # OSError: it is breaking at this very moment
            self._end()
            return self._ready(workers).submit(_each, work, items)

    def _ready(self, workers: int | None) -> ProcessPoolExecutor:
        self.start(workers)
        assert self._processes is not None
        return self._processes.ready()

    def _end(self, *, wait: bool = True, cancel_futures: bool = False) -> None:
        processes, self._processes = self._processes, None
        if processes is not None:
            processes.executor.shutdown(wait, cancel_futures=cancel_futures)

    def _result(
        self,
        work: Callable[[T], R],
        items: Sequence[T],
        future: Future[list[R]],
        lost: Callable[[T], R] | None,
    ) -> list[R]:
        try:
            return future.result()
        except BrokenProcessPool:  # by one of the items under way; which one is not known
            if lost is None:
                raise
            return list(_one_by_one(work, items, lost))


def _one_by_one(work: Callable[[T], R], items: Sequence[T], lost: Callable[[T], R]) -> Iterator[R]:
    pool = _Processes(1).ready()
    try:
        for item in items:
            try:
                yield pool.submit(work, item).result()
            except BrokenProcessPool:
                pool.shutdown()
                pool = _Processes(1).ready()
                yield lost(item)
    finally:
        pool.shutdown(cancel_futures=True)


class _Processes:
    """An executor of the standard library, and whether its processes have started."""

    def __init__(self, workers: int) -> None:
        """Start processes without waiting for them; DataError if the system refuses."""
        # What workers read with comes from howlkit and installed packages.
        with starting() as context, without_main():
            self.executor = ProcessPoolExecutor(
                workers, mp_context=context, initializer=follow_parent
            )
            try:
                # All start at once, and now: a pool that breaks while it starts another hangs.
                self._first, *_ = [self.executor.submit(os.getpid) for _ in range(workers)]
            except OSError as error:
                self.executor.shutdown()
                raise DataError(
                    f"worker processes cannot be started: {error.strerror or error}; "
                    "use --workers 1"
                ) from error

    def ready(self) -> ProcessPoolExecutor:
        """Wait until a process has started and return the executor; DataError if none starts."""
        try:
            self._first.result()
        except BrokenProcessPool as error:
            self.executor.shutdown()
            raise DataError(
                "worker processes do not start; use --workers 1 of howlkit prepare, or "
                "howlkit.prepare(..., workers=1)"
            ) from error
        return self.executor


def _each(work: Callable[[T], R], chunk: Sequence[T]) -> list[R]:
    return [work(item) for item in chunk]
