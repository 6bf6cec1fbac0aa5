"""How long takes of four bars take to make, and their first note: wall time and CPU time.

    OMP_NUM_THREADS=1 python benchmarks/takes.py RUN [--takes 4] [--repeats 21]

The piece is two minutes long and the bars lie in its middle. The run is loaded and has made takes
before; what comes before the bars is heard anew each time. The first note is the first that
`watch` is shown.
"""

import time
from pathlib import Path

import numpy as np
import torch
from measuring import arguments, machine, row, write

import howlkit
from howlkit.evaluation import leakage
from howlkit.evaluation.measuring import indices_of
from howlkit.sampling import Region

SECONDS = 120.0


def two_minutes(run):
    """Return a piece of the validation part cut to two minutes, and the bars in its middle."""
    music = leakage.dataset_of(run)
    for index in indices_of(music, "validation", advice="take a run with one").tolist():
        piece = music.piece(index)
        if piece.seconds_long >= SECONDS:
            piece = piece.excerpt(seconds=(0, SECONDS))
            begin, length = piece.bar_at(int(piece.ticks(SECONDS / 2)))
            first = begin // length + 1
            return piece, (first, first + 3)
    raise SystemExit(f"{run} has no validation piece of {SECONDS:g} seconds")


class Clocked:
    """Takes made again and again, and when their first note and all of them were there."""

    def __init__(self, trained, piece, bars, takes):
        self.trained, self.piece, self.bars, self.takes = trained, piece, bars, takes
        self.first, self.whole = [], []  # (wall, CPU) seconds

    def make(self, seed):
        """Make the takes once."""
        began = time.perf_counter(), time.process_time()
        first = []

        def watch(notes):
            if len(notes) and not first:
                first.append((time.perf_counter() - began[0], time.process_time() - began[1]))

        self.trained.replace(self.piece, bars=self.bars, takes=self.takes, seed=seed, watch=watch)
        self.first += first
        self.whole.append((time.perf_counter() - began[0], time.process_time() - began[1]))


def main():
    parser = arguments(__doc__, "takes")
    parser.add_argument("run", type=Path)
    parser.add_argument("--takes", type=int, default=4)
    parser.set_defaults(repeats=21)
    options = parser.parse_args()
    before = machine()
    torch.set_num_threads(options.threads)
    piece, bars = two_minutes(options.run)
    clocked = Clocked(howlkit.load(options.run, device="cpu"), piece, bars, options.takes)
    for seed in range(2):
        clocked.make(seed)
    clocked.first, clocked.whole = [], []
    for seed in range(options.repeats):
        clocked.make(seed)
    region = Region.of(piece, bars=bars)
    data = f"{len(region.before)} notes before, {len(region.original)} in bars {bars[0]}-{bars[1]}"
    rows = []
    for what, found, asked in (
        ("first note", clocked.first, "<= 0.3"),
        (f"{options.takes} takes", clocked.whole, "<= 1"),
    ):
        for k, clock in enumerate(("wall", "CPU")):
            seconds = np.array(found)[:, k].tolist()
            rows.append(row(f"{what}, {clock}", seconds, "s", data=data, asked=asked))
    write(options.json, "takes", rows, peers=["numba"], machine_before=before)


if __name__ == "__main__":
    main()
