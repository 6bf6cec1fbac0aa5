"""Lines for people who wait until a model is ready: that it loads, or that code is compiled."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

from howlkit.commands.shared_options import tell

__all__ = ["PATIENCE", "loading_notices"]

PATIENCE = 3.0  # seconds to wait before a line says what takes so long


@contextlib.contextmanager
def loading_notices() -> Iterator[None]:
    """Print a line as soon as the block compiles something, or if it takes longer than PATIENCE.

    Machine code that is kept from an earlier time is no reason for a line.
    """
    waiting = threading.Timer(PATIENCE, lambda: tell("Loading the model"))
    waiting.daemon = True
    # By its name: importing it imports numba, which not every model needs.
    log, notice = logging.getLogger("howlkit.sampling.kernels"), _CompilingNotice(waiting)
    before = log.level
    log.addHandler(notice)
    log.setLevel(logging.INFO)
    waiting.start()
    try:
        yield
    finally:
        waiting.cancel()
        log.removeHandler(notice)
        log.setLevel(before)


class _CompilingNotice(logging.Handler):
    """Prints a line when the first function is compiled, in place of the one that waits."""

    def __init__(self, waiting: threading.Timer) -> None:
        super().__init__()
        self._waiting, self._told = waiting, False

    def emit(self, record: logging.LogRecord) -> None:
        """Print the line, once."""
        if not self._told:
            self._told = True
            self._waiting.cancel()
            tell("Compiling the model's step, once on this machine; it may take ten seconds")
