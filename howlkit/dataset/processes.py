"""How howlkit starts other processes: spawned, deaf to Ctrl-C, and ended when this one ends.

Processes are never forked: a fork copies threads' locks, which torch and numpy hold, and not the
threads that would release them. A terminal sends Ctrl-C to all processes of a program; only the
parent answers it, and ends the others. A process that outlives a killed parent would work for
nobody, so each watches its parent.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing.context import SpawnContext
from types import ModuleType

__all__ = ["follow_parent", "starting", "without_main"]


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Let processes that start in the block do without the program's main module.

    A spawned process imports the main module again, so a script without `if __name__ ==
    "__main__":` would begin anew in each. Work that needs nothing of that module needs not import
    it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")  # multiprocessing finds no file in it
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def starting() -> Iterator[SpawnContext]:
    """Give the context to start processes with; what is started inside ignores Ctrl-C.

    Each new process must call `follow_parent` first. This process ignores Ctrl-C too until the
    block ends: a process inherits that, so that no moment is left in which Ctrl-C breaks off its
    imports. Outside the main thread signals cannot be set, and that moment is left.
    """
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not the main thread
        yield multiprocessing.get_context("spawn")
        return
    try:
        yield multiprocessing.get_context("spawn")
    finally:
        signal.signal(signal.SIGINT, before)


def follow_parent() -> None:
    """Leave Ctrl-C to the parent process, and end this process when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
