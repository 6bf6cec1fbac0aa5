"""Lines on stderr for people who wait; the display of training is in training_display.py."""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ["file_progress", "teller"]


def file_progress() -> Callable[[int, int], None] | None:
    """Return a function that shows how many files were read; None if stderr is no terminal."""

    def show(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\r{done:,} of {total:,} files{end}", end="", file=sys.stderr, flush=True)

    return show if sys.stderr.isatty() else None


def teller(*, quiet: bool) -> Callable[[str], None]:
    """Return a function that prints a line on stderr, or does nothing if `quiet`."""

    def tell(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr)

    return tell
