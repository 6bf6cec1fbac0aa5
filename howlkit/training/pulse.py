"""Signs of life that the processes of a training give each other, apart from their work.

A process that hangs keeps its connections, and where waiting is usual (one validates, one saves)
the others would wait for minutes. So a thread of each process counts in torch's store, where the
others see it. A process whose count stands still for `limit` seconds is lost: the others kill it,
if they can, and end at once, as torch's own watchdog does with nccl, since their main thread may be
waiting inside torch.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist

__all__ = ["watched"]

BEAT = 1.0  # seconds between two signs

LEFT = "left"
"""What stands in place of a count once a process needs the others no more."""


@contextmanager
def watched(rank: int, size: int, limit: float, lost: Callable[[str], str]) -> Iterator[None]:
    """End this process if another one gives no sign for `limit` seconds inside this context.

    The store is that of MASTER_ADDR and MASTER_PORT in the environment, as torch made it.
    lost: from what was seen to the line that is printed then.
    """
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    # A connection of its own: the main thread may be waiting in the other one.
    store = dist.TCPStore(  # type: ignore[attr-defined] # it is there where processes can be joined
        address, port, is_master=False, timeout=timedelta(seconds=limit)
    )
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(store, rank, size, limit, lost, over))
    thread.daemon = True
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(limit)


def _watch(
    store: Any,  # noqa: ANN401 - a TCPStore, for which torch exports no type
    rank: int,
    size: int,
    limit: float,
    lost: Callable[[str], str],
    over: threading.Event,
) -> None:
    """Give signs and look for those of the others until `over` is set."""
    others = [other for other in range(size) if other != rank]
    counts = dict.fromkeys(others, "")
    changed = dict.fromkeys(others, time.monotonic())
    number, looked = 0, time.monotonic()
    try:
        while not over.wait(BEAT):
            number += 1
            store.set(_key(rank), f"{number} {os.getpid()}")
            now = time.monotonic()
            # Whoever was paused itself knows nothing of the others.
            pause, looked = now - looked, now
            for other in others:
                count = store.get(_key(other)).decode() if store.check([_key(other)]) else ""
                if count != counts[other] or count in ("", LEFT) or pause > limit / 2:
                    counts[other], changed[other] = count, now
                elif now - changed[other] > limit:
                    _kill_sibling(int(count.split()[1]))
                    _end(lost(f"process {other} gives no sign of life"))
        store.set(_key(rank), LEFT)
    except RuntimeError:  # the process that has the store is gone: torch tells it, as a rule
        if not over.wait(limit):
            _end(lost("the store that all share is gone"))


def _kill_sibling(number: int) -> None:
    """Kill a process that hangs, if it was started here by what started this one.

    torchrun would ask it to end, and wait 30 seconds; a process that is stopped hears nothing.
    """
    with suppress(OSError, ValueError, IndexError):  # on another machine, or gone by now
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        if int(fields[1]) == os.getppid():
            os.kill(number, signal.SIGKILL)


def _end(line: str) -> None:
    """End this process, whatever its main thread waits for; files are whole at every moment."""
    print(f"Error: {line}", file=sys.stderr, flush=True)
    os._exit(1)


def _key(rank: int) -> str:
    return f"howlkit/pulse/{rank}"
