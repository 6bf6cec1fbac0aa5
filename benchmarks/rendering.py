"""How fast sound is made: seconds of music a CPU second, and the memory of long music.

    HOWLKIT_DATA=... python benchmarks/rendering.py [--repeats 3] [--files 10]

CPU seconds are those of one core, so the load by others matters less. The files are spread evenly
over pop909; the whole of each is rendered at 44,100 samples a second, and thrown away. The long
piece is made here, and rendered in a process of its own.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from measuring import arguments, machine, row, write

from howlkit.music import midi, sound
from howlkit.music.sound import bank
from howlkit.music.sound.instruments import INSTRUMENTS

RATE = 44100

LONG = """
import tracemalloc
from howlkit.music import Piece, sound
rows = [(480 * k, 960, 40 + 7 * k % 40, 80, 8 * (k % 3)) for k in range(60 * MINUTES)]
piece = Piece.of(rows, bpm=60)
tracemalloc.start()
for block in sound.render(piece):
    pass
print(tracemalloc.get_traced_memory()[1] / 2**20)
"""
"""A note a second by three instruments; prints the MiB that rendering needed beyond the piece."""


def pieces(count):
    """Return pieces of files that are spread evenly over pop909."""
    folder = Path(os.environ["HOWLKIT_DATA"]) / "pop909"
    files = sorted(folder.rglob("*.mid"))
    return [midi.read(path, extras=True) for path in files[:: max(len(files) // count, 1)][:count]]


def rendered(piece):
    """Return the seconds of sound, and the CPU seconds that it took."""
    began = time.process_time()
    count = sum(len(block) for block in sound.render(piece, RATE))
    return count / RATE, time.process_time() - began


def loaded():
    """Return the CPU seconds in which all instruments are read and decoded."""
    bank.instrument.cache_clear()
    began = time.process_time()
    for name in INSTRUMENTS:
        bank.instrument(name)
    return time.process_time() - began


def memory(minutes):
    code = LONG.replace("MINUTES", str(minutes))
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


def main():
    parser = arguments(__doc__, "rendering")
    parser.set_defaults(repeats=3)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--minutes", type=int, default=20, help="of the long piece")
    options = parser.parse_args()
    before = machine()
    music = pieces(options.files)
    rendered(music[0])  # the instruments are read
    speeds = []
    for _ in range(options.repeats):
        for piece in music:
            seconds, cpu = rendered(piece)
            speeds.append(seconds / cpu)
    notes = sum(map(len, music))
    rows = [
        row("howlkit render, bank", speeds, "seconds of music a CPU second",
            data=f"{len(music)} files of pop909, {notes:,} notes",
            limit=1.0, limit_name="real time", asked=">= 20"),
        row("all instruments read", [loaded() for _ in range(options.repeats)], "s",
            data=f"{bank.where().stat().st_size / 1e6:.1f} MB"),
        row("memory beyond the piece", [memory(minutes) for minutes in (1, options.minutes)], "MiB",
            data=f"a minute and {options.minutes} minutes of music"),
    ]  # fmt: skip
    write(options.json, "rendering", rows, machine_before=before)


if __name__ == "__main__":
    main()
