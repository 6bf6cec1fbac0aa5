"""Runs `howlkit ARGUMENTS` as a process that stops when the process that compares is gone.

    python -m howlkit.evaluation.trials.child train my_midi --encoder tuple ...

The other process holds the standard input of this one. When it closes it, or is killed, this
process gets SIGTERM, for which `howlkit train` saves a checkpoint and stops. So no training goes on
for nobody, and nothing is lost.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def _stop_at_end_of_input() -> None:
    # Not sys.stdin.read: Python cannot end while a thread waits in it.
    os.read(sys.stdin.fileno(), 1)
    signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    runpy.run_module("howlkit", run_name="__main__", alter_sys=True)
