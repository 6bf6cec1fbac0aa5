"""Runs `howlkit ARGUMENTS` as a process that stops when the process that compares is gone.

    python -m howlkit.evaluation.trials.child TIMES train my_midi --encoder tuple ...

The other process holds the standard input of this one. When it closes it, or is killed, this
process gets SIGTERM, for which `howlkit train` saves a checkpoint and stops. So no training goes on
for nobody, and nothing is lost. At its end it appends a line to the file TIMES: a JSON object with
the seconds that it ran, and those of them that it had a processor.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import sys
import threading
import time


def _stop_at_end_of_input() -> None:
    # Not sys.stdin.read: Python cannot end while a thread waits in it.
    os.read(sys.stdin.fileno(), 1)
    signal.raise_signal(signal.SIGTERM)


def _add_times(file: str, began: float) -> None:
    ran = {"wall": time.perf_counter() - began, "cpu": time.process_time()}
    with open(file, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(ran) + "\n")


if __name__ == "__main__":
    atexit.register(_add_times, sys.argv.pop(1), time.perf_counter())
    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    runpy.run_module("howlkit", run_name="__main__", alter_sys=True)
