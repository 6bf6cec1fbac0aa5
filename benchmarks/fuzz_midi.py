"""Fuzz howlkit.music.midi: a damaged MIDI file must give a piece or a HowlkitError.

    python benchmarks/fuzz_midi.py [--mutants 100000] [--seed 0] [--seconds 1.0]

The files to damage are made here, and taken from the folder HOWLKIT_DATA if it is set (up to 200 of
at most 20 kB). A mutant depends only on the seed and its number. A child process reads the mutants
and notes the number of the present one: if it dies, the parent reports that mutant and starts
another child at the next. Of a mutant that can be read,

- no note may be read that its bytes do not hold: as many offsets have a pitch and a velocity in a
  row, after a note-on or where running status is possible, as there are notes with both;
- howlkit's quick reader must give what the exact one gives;
- what is written and read again must be `midi.as_written`.

Exits 1 after a crash, an error other than HowlkitError, a mutant that fails one of these, or one
that takes longer than --seconds to read, write, and read again.
"""

import argparse
import json
import mmap
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the tests compare readers with

from howlkit.errors import HowlkitError
from howlkit.music import midi
from howlkit.music.piece import DRUMS, KEY_SIGNATURE, PEDAL, TIME_SIGNATURE, Piece
from tests.music.midi.two_readers import EVERYTHING, compare

TELLING = [0, 1, 0x3F, 0x40, 0x7F, 0x80, 0x90, 0xB0, 0xC0, 0xF0, 0xF7, 0xFF]
EXTRAS_EVERY = 4  # so many mutants: one is read with what stands beside the notes
FINE = ("read, nothing mended", "read, mended", "refused")


def made():
    """Return the bytes of a few files that have every kind of event."""
    rng = np.random.default_rng(0)
    files = []
    for size in (1, 20, 200):
        rows = rng.integers(
            (0, 1, 0, 1, 0, 0), (50 * size, 300, 128, 128, 129, 4), size=(size, 6)
        ).tolist()
        rows.append((0, 10, 35, 90, DRUMS, 4))
        piece = Piece.of([tuple(row) for row in rows], ticks_per_beat=96 * (1 + size)).replace(
            pedals=np.array([(0, 30, 0), (40, 900, 1)], PEDAL),
            time_signatures=np.array([(0, 3, 4), (96, 7, 8)], TIME_SIGNATURE),
            key_signatures=np.array([(0, -3, 1)], KEY_SIGNATURE),
        )
        files.append(midi.to_bytes(piece))
    inner = files[1]
    wrapped = b"RMIDdata" + len(inner).to_bytes(4, "little") + inner
    smpte = inner[:12] + b"\xe7\x28" + inner[14:]
    longer = inner[:7] + b"\x0a" + inner[8:14] + b"more" + inner[14:]
    riff = b"RIFF" + len(wrapped).to_bytes(4, "little") + wrapped
    return [*files, riff, smpte, longer]


def originals():
    """Return the bytes of the files to damage."""
    folder = os.environ.get("HOWLKIT_DATA")
    if not folder:
        return made()
    small = [path for path in midi.find([folder]) if path.stat().st_size <= 20_000]
    return [path.read_bytes() for path in small[:: max(1, len(small) // 200)]] + made()


def mutant(files, seed, number):
    """Return mutant `number`: one of `files` with 1 to 4 changes."""
    rng = np.random.default_rng((seed, number))
    data = bytearray(files[rng.integers(len(files))])
    for _ in range(rng.integers(1, 5)):
        wound(data, files, rng)
    return bytes(data)


def wound(data, files, rng):
    """Change some of `data`: mostly single bytes, so that the file often still parses."""
    # One in eight hits the header or the first events, where most of the meaning is.
    reach = len(data) if rng.random() < 0.875 else min(len(data), 64)
    at, length = int(rng.integers(reach + 1)), int(rng.integers(1, 33))
    match int(rng.integers(24)):
        case 0:
            del data[at : at + length]
        case 1:
            data[at:at] = data[at : at + length] * int(rng.integers(1, 20))
        case 2:
            del data[at:]
        case 3:
            other = files[rng.integers(len(files))]
            start = int(rng.integers(len(other)))
            data[at : at + length] = other[start : start + length]
        case 4:
            data[at : at + 4] = rng.bytes(4)
        case kind if at < len(data):
            data[at] = (rng.integers(256), rng.choice(TELLING), data[at] ^ 1 << kind % 8)[kind % 3]


def held(data, piece):
    """Return whether the bytes of a file hold a note-on for each note of a piece.

    Running status comes after the last byte of a wait: one below 128, or the fourth of a wait.
    """
    codes = np.frombuffer(data, np.uint8).astype(np.int64)
    pitch, velocity = codes[1:-1], codes[2:]
    strikes = (codes >= 0x90) & (codes < 0xA0)
    low = codes < 0x80
    waited = low.copy()
    waited[3:] |= ~(low[3:] | low[2:-1] | low[1:-2] | low[:-3])
    running = (np.logical_or.accumulate(strikes) & waited)[:-2]
    possible = (strikes[:-2] | running) & (pitch < 0x80) & (velocity < 0x80)
    there = np.bincount((pitch << 7 | velocity)[possible], minlength=2**14)
    notes = piece.notes
    read = np.bincount(notes["pitch"].astype(np.int64) << 7 | notes["velocity"], minlength=2**14)
    return bool((read <= there).all())


def attempt(data, path, extras):
    """Read one mutant in every way; return what happened in a word, and the seconds of the CPU."""
    began = time.process_time()  # others' work does not count
    try:
        path.write_bytes(data)
        reading = midi.inspect(path, extras=extras)
        written = midi.to_bytes(reading.piece)
        again = midi.read_bytes(written, limits=EVERYTHING, extras=extras)
    except HowlkitError as error:
        outcome = "refused" if str(path) in str(error) else "refused without its name"
        return outcome, time.process_time() - began
    except Exception as error:  # the finding that this program looks for
        return f"{type(error).__name__}: {error}", time.process_time() - began
    took = time.process_time() - began
    wanted = midi.as_written(reading.piece)
    if again != wanted or again.extras != wanted.extras:
        return "read, then written wrong", took
    if not held(data, reading.piece):
        return "read, with a note that is not there", took
    if compare(data)[1]:
        return "read, and the quick reader differs", took
    mended = set(reading.repairs) & midi.DAMAGE
    return ("read, mended" if mended else "read, nothing mended"), took


def child(first, count, seed, notebook):
    """Read mutants `first` to `count`, noting each number before it is read; print a JSON tally."""
    files = originals()
    path = notebook.with_suffix(".mid")
    tally, slowest, worst = Counter(), 0.0, 0
    with notebook.open("r+b") as file, mmap.mmap(file.fileno(), 8) as page:
        for number in range(first, count):
            page[:8] = number.to_bytes(8, "little")
            data = mutant(files, seed, number)
            outcome, took = attempt(data, path, number % EXTRAS_EVERY == 0)
            tally[outcome] += 1
            if outcome not in FINE:
                print(f"mutant {number}: {outcome}", file=sys.stderr)
            if took > slowest:
                slowest, worst = took, number
    print(json.dumps({"tally": tally, "slowest": slowest, "worst": worst}))


def run(count, seed):
    """Run children until every mutant was read; return the tally, the slowest and who it was."""
    tally, slowest, worst, first = Counter(), 0.0, None, 0
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder, "number")
        notebook.write_bytes(bytes(8))
        while first < count:
            orders = [str(value) for value in (first, count, seed, notebook)]
            done = subprocess.run(
                [sys.executable, __file__, "--child", *orders], stdout=subprocess.PIPE, text=True
            )
            at = int.from_bytes(notebook.read_bytes(), "little")
            if done.returncode:
                tally["crashed"] += 1
                tally["before a crash"] += at - first
                print(f"mutant {at} ended the process with status {done.returncode}")
                first = at + 1
                continue
            found = json.loads(done.stdout)
            tally.update(found["tally"])
            if found["slowest"] >= slowest:
                slowest, worst = found["slowest"], found["worst"]
            first = count
    return tally, slowest, worst


def main():
    """Fuzz, print the figures, and exit 1 if something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    seconds = "of the CPU, the longest allowed for a mutant"
    parser.add_argument("--seconds", type=float, default=1.0, help=seconds)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        first, count, seed, notebook = args.child
        child(int(first), int(count), int(seed), Path(notebook))
        return
    began = time.perf_counter()
    tally, slowest, worst = run(args.mutants, args.seed)
    for outcome, times in tally.most_common():
        print(f"{times:9d} {outcome}")
    print(f"crashes: {tally['crashed']}; slowest: {slowest * 1000:.1f} ms (mutant {worst})")
    print(f"{args.mutants} mutants of seed {args.seed} in {time.perf_counter() - began:.0f} s")
    found = any(times for outcome, times in tally.items() if outcome not in FINE)
    sys.exit(int(found or slowest > args.seconds))


if __name__ == "__main__":
    main()
