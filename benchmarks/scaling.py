"""How `howlkit prepare` grows with the number of files and processes, and opening with the notes.

    HOWLKIT_DATA=folder python benchmarks/scaling.py [--files 1000 10000 100000]
        [--notes 100000000] [--work FOLDER]

Files: so many short excerpts of the music below HOWLKIT_DATA, each with some wrong notes, so that
none is an exact duplicate, are prepared by one process and then prepared again; seconds, and the
most memory that process ever had (Linux counts at least what this script has, some 60 MB).
Processes: the first so many files by one process and by two, in turns, beside a loop of pure Python
in one process and in two: what the machine itself gives.
Notes: a dataset of so many generated notes is written and opened by a fresh process.
Results are printed as JSON. All is written below --work (default: a temporary folder) and deleted
in the end; 100,000 files take 1.5 GB, 100 million notes 1.5 GB.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from howlkit import dataset, midi
from howlkit.piece import NOTE, Piece

A_FOLDER = 1000  # files in one
ORIGINALS = 400
ROUNDS = 3
PROCESS_FILES = 4000


def originals():
    """Return some pieces of every folder below HOWLKIT_DATA."""
    paths = sorted(midi.find([os.environ["HOWLKIT_DATA"]]))
    pieces = [midi.read(path) for path in paths[:: max(1, len(paths) // ORIGINALS)]]
    return [piece for piece in pieces if len(piece) > 100]


def perturbed(piece, rng):
    """Return 60 to 300 notes of a piece, a tenth of them wrong, no velocity as it was."""
    length = int(rng.integers(60, 300))
    first = int(rng.integers(max(1, len(piece) - length)))
    notes = piece.notes[first : first + length].copy()
    notes["start"] -= notes["start"].min()
    wrong = rng.random(len(notes)) < 0.1
    pitch = notes["pitch"] + wrong * rng.integers(-5, 6, len(notes))
    notes["pitch"] = np.clip(pitch, 0, 127)
    velocity = notes["velocity"] + rng.integers(-9, 10, len(notes))
    notes["velocity"] = np.clip(velocity, 1, 127)
    return piece.without_notes().replace(notes=notes)


def write_files(folder, first, stop, pieces):
    for number in range(first, stop):
        rng = np.random.default_rng(number)
        inside = folder / f"{number // A_FOLDER:04d}"
        inside.mkdir(parents=True, exist_ok=True)
        piece = perturbed(pieces[rng.integers(len(pieces))], rng)
        (inside / f"{number:07d}.mid").write_bytes(midi.to_bytes(piece))


def prepare(sources, out, workers=1):
    """Run `howlkit prepare`; return seconds, peak memory in MB, and what it reports."""
    command = [sys.executable, "-m", "howlkit", "prepare", *map(str, sources), "--out", str(out)]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--workers", str(workers)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"howlkit prepare ended with status {status}")
    report = json.loads((out / "report.json").read_text())
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "peak_mb": round(usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)),
        **{name: report[name] for name in ("found", "read", "unchanged", "exact_duplicates")},
    }


def files_scaling(work, sizes):
    """Return what preparing so many files takes, at first and again."""
    pieces, made, results = originals(), 0, []
    for size in sorted(sizes):
        write_files(work / "files", made, size, pieces)
        made = size
        out = work / "data"
        results.append({"first": prepare([work / "files"], out)})
        results[-1]["again"] = prepare([work / "files"], out)
        shutil.rmtree(out)
    return results


def spin(_):
    """Count for about a second, as fast as one core can."""
    return sum(number & 3 for number in range(12_000_000))


def processes_scaling(work, files):
    """Return how much faster two processes are than one: preparing, and doing nothing else."""
    folders = sorted((work / "files").iterdir())[: max(1, files // A_FOLDER)]
    rates = {"prepare": {1: [], 2: []}, "loop": {1: [], 2: []}}
    for _, workers in itertools.product(range(ROUNDS), (1, 2)):
        with multiprocessing.Pool(workers) as pool:
            pool.map(abs, range(workers))  # started
            began = time.perf_counter()
            pool.map(spin, range(4), chunksize=1)
            rates["loop"][workers].append(1 / (time.perf_counter() - began))
        took = prepare(folders, work / "data", workers)["seconds"]
        shutil.rmtree(work / "data")
        rates["prepare"][workers].append(1 / took)
    ratios = {
        what: [two / one for one, two in zip(rate[1], rate[2], strict=True)]
        for what, rate in rates.items()
    }
    return {
        what: {"median": round(statistics.median(found), 2), "all": [round(r, 2) for r in found]}
        for what, found in ratios.items()
    }


def generated(pieces, length):
    """Yield pieces of so many random notes."""
    for number in range(pieces):
        rng = np.random.default_rng(number)
        notes = np.zeros(length, NOTE)
        notes["start"] = np.cumsum(rng.integers(0, 240, length))
        notes["duration"] = rng.integers(1, 960, length)
        notes["pitch"], notes["velocity"] = rng.integers((21, 1), 109, (length, 2)).T
        yield Piece(notes=notes, name=f"generated/{number:06d}")


OPEN = """
import json, sys, time
from pathlib import Path
from howlkit.dataset import Dataset
began = time.perf_counter()
data = Dataset.open(Path(sys.argv[1]))
opened = time.perf_counter()
train = data.indices("train")
notes = len(data.piece(int(train[-1])))
print(json.dumps({"open": opened - began, "first_piece": time.perf_counter() - opened}))
"""


def opening(work, notes, length=2000):
    """Return the seconds in which a dataset of so many notes is opened, and then a piece of it."""
    out = work / "notes"
    report = dataset.prepare_pieces(generated(notes // length, length), out, near_duplicates=False)
    size = sum(path.stat().st_size for path in out.iterdir())
    command = [sys.executable, "-c", OPEN, str(out)]
    runs = [
        json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        for _ in range(5)
    ]
    return {
        "notes": report.notes,
        "pieces": report.read,
        "gigabytes": round(size / 1e9, 2),
        **{f"seconds_to_{what}": sorted(round(run[what], 4) for run in runs) for what in runs[0]},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--notes", type=int, default=100_000_000)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    if options.files and "HOWLKIT_DATA" not in os.environ:
        sys.exit("HOWLKIT_DATA must name a folder of MIDI files")
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        work, results = Path(folder), {}
        if options.files:
            results["files"] = files_scaling(work, options.files)
            results["two_processes"] = processes_scaling(work, PROCESS_FILES)
        if options.notes:
            results["opening"] = opening(work, options.notes)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
