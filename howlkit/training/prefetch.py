"""Segments prepared ahead by other processes, equal to those that this process would prepare.

Process k of n prepares every n-th plan of `Windows.plans` from the k-th on. Plans are a pure
function of the position, so only the finished rows pass between processes. Each process is one
segment ahead: it waits until its rows are taken. How processes start and end is in
howlkit/dataset/processes.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset import Dataset
from howlkit.dataset.processes import follow_parent, starting
from howlkit.music.piece import Piece
from howlkit.schema import Steps
from howlkit.training.windows import Exchange, Position, Segment, Windows

__all__ = ["PartOf", "segments"]


@dataclass(frozen=True)
class PartOf:
    """The pieces of a part of a dataset by number, 0 .. len(indices) - 1; it pickles."""

    data: Dataset
    indices: NDArray[np.int64]

    def __call__(self, number: int) -> Piece:
        """Return a piece of the part; errors as `Dataset.piece`."""
        return self.data.piece(int(self.indices[number]))


def segments(
    windows: Windows,
    position: Position,
    *,
    workers: int = 0,
    exchange: Exchange = lambda own, total: own,
) -> Generator[Segment, None, None]:
    """Yield `windows.segments(position)`, prepared by `workers` other processes; 0: by this one.

    windows: must pickle, for workers. exchange: as `Windows.segments` has it; this process calls
    it. Close the iterator to end the processes. If a process dies, its share is prepared by this
    one, with a warning.
    """
    if not workers:
        yield from windows.segments(position, exchange=exchange)
        return
    rows = _prepared(windows, position, workers)
    try:
        yield from windows.segments(position, rows, exchange)
    finally:
        rows.close()


def _prepared(
    windows: Windows, position: Position, workers: int
) -> Generator[list[Steps], None, None]:
    """Yield the rows of each plan in order, from processes that end with this generator."""
    processes, readers = [], []
    try:
        with starting() as context:
            for number in range(workers):
                reader, writer = context.Pipe(duplex=False)
                arguments = (windows, position, number, workers, writer)
                process = context.Process(target=_prepare, args=arguments, daemon=True)
                process.start()
                writer.close()  # so that the end of the process is the end of the pipe
                processes.append(process)
                readers.append(reader)
        for plan, number in zip(windows.plans(position), cycle(range(workers)), strict=False):
            rows = _received(readers, number)
            yield windows.encoded(plan) if rows is None else rows
    finally:
        for reader in readers:
            reader.close()
        for process in processes:
            process.terminate()
            process.join()


def _received(readers: list[Connection], number: int) -> list[Steps] | None:
    """Return the rows that a process has prepared; None if the process is gone."""
    if readers[number].closed:
        return None
    try:
        rows: list[Steps] = readers[number].recv()
        return rows
    except (EOFError, OSError):
        readers[number].close()
        warnings.warn(
            "a process that prepares music ahead has ended; its share is prepared in the main one. "
            "In a script of your own, put what it does under `if __name__ == '__main__':`",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


def _prepare(
    windows: Windows, position: Position, number: int, workers: int, writer: Connection
) -> None:
    """Send the rows of every `workers`-th plan until nobody listens; this is another process."""
    follow_parent()
    with suppress(Exception):  # the main process meets the same error, and reports it
        for plan in islice(windows.plans(position), number, None, workers):
            writer.send(windows.encoded(plan))
