"""Time and memory of `howlkit prepare` by files and processes, and of opening a dataset by notes.

    HOWLKIT_DATA=folder python benchmarks/scaling.py [--files 1000 10000 100000]
        [--processes 20000] [--notes 100000000] [--work FOLDER] [--repeats 3]

Files: one process prepares this many short excerpts of the music below HOWLKIT_DATA, each with
some wrong notes, so that none is an exact duplicate, and then prepares them again. Gives seconds,
and the peak memory of the process (Linux counts at least that of this script, some 60 MB).
Processes: one process and two prepare this many excerpts, and all of HOWLKIT_DATA, in turns; a loop
of pure Python, in one process and in two, shows what the machine can gain. CPU time is given too:
it says more than the clock if others use the machine.
Notes: a dataset of this many generated notes is written, and a new process opens it.
0 leaves a part out. Everything is written below --work (default: a temporary folder) and deleted at
the end; 100,000 files take 1.5 GB, 100 million notes 1.5 GB.
"""

import itertools
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import arguments, machine, row, write

from howlkit import dataset
from howlkit.music import midi
from howlkit.music.piece import NOTE, Piece

A_FOLDER = 1000  # files in one
ORIGINALS = 400
LOOPS = 4  # shared among the processes of the loop


def originals():
    """Return some pieces of every folder below HOWLKIT_DATA."""
    paths = sorted(midi.find([os.environ["HOWLKIT_DATA"]]))
    pieces = [midi.read(path) for path in paths[:: max(1, len(paths) // ORIGINALS)]]
    return [piece for piece in pieces if len(piece) > 100]


def perturbed(piece, rng):
    """Return 60 to 300 notes of a piece, a tenth of them wrong, with other velocities."""
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


def excerpts(folder, files, pieces):
    """Write `files` excerpts of pieces unless they exist; return their folders."""
    folders = [folder / f"{number:04d}" for number in range(-(-files // A_FOLDER))]
    for inside in folders:
        inside.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        path = folders[number // A_FOLDER] / f"{number:07d}.mid"
        if not path.exists():
            rng = np.random.default_rng(number)
            piece = perturbed(pieces[rng.integers(len(pieces))], rng)
            path.write_bytes(midi.to_bytes(piece))
    return folders


def prepare(sources, out, workers=1):
    """Run `howlkit prepare`; return seconds, CPU seconds, and peak memory in MB."""
    command = [sys.executable, "-m", "howlkit", "prepare", *map(str, sources), "--out", str(out)]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--workers", str(workers)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"howlkit prepare ended with status {status}")
    return {
        "seconds": time.perf_counter() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
    }


def files_scaling(work, sizes, pieces):
    """Yield result rows for preparing each number of files, and preparing them again."""
    for size in sorted(sizes):
        folders = excerpts(work / "files", size, pieces)
        for what in ("prepared by one process", "again, nothing read anew"):
            took = prepare(folders, work / "data")
            data = f"{size:,} excerpts"
            yield row(what, [took["seconds"]], "s", data=data)
            yield row(f"{what}: memory", [took["peak"]], "MB", data=data)
        unchanged = json.loads((work / "data" / "report.json").read_text())["unchanged"]
        if unchanged != size:
            sys.exit(f"of {size} files {unchanged} were known when prepared again")
        shutil.rmtree(work / "data")


def spin(_):
    """Count for about a second, as fast as one core can."""
    return sum(number & 3 for number in range(12_000_000))


def loops(processes):
    """Return the seconds in which `processes` processes count `LOOPS` times."""
    with multiprocessing.Pool(processes) as pool:
        pool.map(abs, range(processes))  # started
        began = time.perf_counter()
        pool.map(spin, range(LOOPS), chunksize=1)
        return time.perf_counter() - began


def processes_scaling(work, sources, data, repeats):
    """Yield result rows for two processes that prepare `sources`, against one."""
    rates = {(what, n): [] for what in ("prepare", "loop", "cpu") for n in (1, 2)}
    for _, workers in itertools.product(range(repeats), (1, 2)):
        took = prepare(sources, work / "data", workers)
        found = json.loads((work / "data" / "report.json").read_text())["found"]
        shutil.rmtree(work / "data")
        rates["prepare", workers].append(found / took["seconds"])
        rates["cpu", workers].append(took["cpu"])
        rates["loop", workers].append(LOOPS / loops(workers))
    for what, unit, asked in (
        ("prepare", "files/s", ">= 1.7"),
        ("cpu", "s", ""),
        ("loop", "loops/s", ""),
    ):
        named = {"prepare": "prepare", "cpu": "prepare: CPU time", "loop": "a loop of pure Python"}
        yield row(
            f"{named[what]}, two processes",
            rates[what, 2],
            unit,
            data=data,
            limit=rates[what, 1],
            limit_name="one process",
            asked=asked,
        )


def generated(pieces, length):
    """Yield pieces of `length` random notes."""
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
    """Yield result rows for opening a dataset of `notes` notes, and for its first piece."""
    out = work / "notes"
    report = dataset.prepare_pieces(generated(notes // length, length), out, near_duplicates=False)
    command = [sys.executable, "-c", OPEN, str(out)]
    runs = [
        json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        for _ in range(5)
    ]
    data = f"{report.notes:,} notes, {report.read:,} pieces"
    for what, name in (("open", "opened"), ("first_piece", "the first piece, then")):
        yield row(name, [run[what] * 1000 for run in runs], "ms", data=data)


def main():
    parser = arguments(__doc__, "scaling")
    parser.set_defaults(repeats=3)
    parser.add_argument("--files", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--processes", type=int, default=20_000)
    parser.add_argument("--notes", type=int, default=100_000_000)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    sizes = [size for size in options.files if size]
    if (sizes or options.processes) and "HOWLKIT_DATA" not in os.environ:
        sys.exit("HOWLKIT_DATA must name a folder of MIDI files")
    before, rows = machine(), []
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        work = Path(folder)
        pieces = originals() if sizes or options.processes else []
        if options.processes:  # first: it is what others disturb most
            folders = excerpts(work / "files", options.processes, pieces)
            data = f"{options.processes:,} excerpts"
            rows += processes_scaling(work, folders, data, options.repeats)
            whole = [os.environ["HOWLKIT_DATA"]]
            rows += processes_scaling(work, whole, "the folders of HOWLKIT_DATA", options.repeats)
        rows += files_scaling(work, sizes, pieces)
        if options.notes:
            rows += opening(work, options.notes)
    write(options.json, "scaling", rows, machine_before=before)


if __name__ == "__main__":
    main()
