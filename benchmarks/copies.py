"""Measure whether planted copies are found, how often real pieces are flagged, and the time.

    HOWLKIT_DATA=... OMP_NUM_THREADS=1 python benchmarks/copies.py [FOLDER ...] [--plants 500]

FOLDERs, by default all of HOWLKIT_DATA, become one dataset. Three things are measured:

planted   passages of 8, 16 and 32 notes of training pieces, chords struck together as a grid has
          them, transposed by up to 6 semitones and stretched by 0.7 to 1.4, between 100 notes of a
          held-out piece before and after, with other notes added at random times. One is found if
          a passage covers 60 % of it and shares 60 % of its notes.
flagged   the share of excerpts of held-out pieces that are above a yardstick made of others: the
          test part judged by the validation part
speed     1,000 outputs of 300 notes, half copies and half held-out music, against all training
          music

Writes runs/bench/copies.json in the form of measuring.py.
"""

import os
import time
from pathlib import Path

import numpy as np
from measuring import arguments, machine, row, write

from howlkit.dataset import Dataset, prepare
from howlkit.evaluation.copying.index import TrainingIndex
from howlkit.evaluation.copying.note_lines import NoteLines
from howlkit.evaluation.copying.passages import find
from howlkit.evaluation.copying.yardstick import Yardstick
from howlkit.music.piece import NOTE, Piece

PREPARED = Path("runs/bench/copies")
FOUND = 0.6
AROUND = 100  # notes of other music before a copy, and after it


def main():
    """Measure, print and write the result."""
    parser = arguments(__doc__, "copies")
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--plants", type=int, default=500)
    parser.add_argument("--outputs", type=int, default=1000)
    given = parser.parse_args()
    before = machine()
    folders = given.folders or [Path(os.environ["HOWLKIT_DATA"])]
    if not (PREPARED / "dataset.json").exists():
        prepare(folders, PREPARED)
    data = Dataset.open(PREPARED)
    began = time.process_time()
    index = TrainingIndex.of(data.part("train"))
    indexing = time.process_time() - began
    lines = NoteLines.of(data.part("validation")), NoteLines.of(data.part("test"))
    notes = f"{len(index.lines.pitch):,} training notes"
    rows = [row("index", [indexing], "s of CPU", data=notes)]
    for size in (8, 16, 32):
        for added in (0.0, 1 / 8, 1 / 4):
            share = planted(index, lines[0], size, added, given.plants)
            what = f"found: {size} notes, {added:.0%} added"
            rows.append(row(what, [share], "%", data=f"{given.plants} plants"))
            print(rows[-1]["what"], f"{share:.1f} %", flush=True)
    rows.append(flagged(data, index))
    print(rows[-1]["what"], rows[-1]["median"], flush=True)
    rows.append(speed(index, lines, given.outputs))
    print(rows[-1]["what"], rows[-1]["median"])
    write(given.json, "copies", rows, machine_before=before)


def passage(rng, lines, size):
    """Return the times and pitches of some notes in a row of a random line."""
    while True:
        line = lines.line(int(rng.integers(len(lines))))
        if len(line.pitch) > size:
            first = int(rng.integers(len(line.pitch) - size))
            return line.time[first : first + size].astype(float), line.pitch[first : first + size]


def plant(rng, index, hosts, size, added):
    """Return a piece with a copy in it, and the milliseconds of its first and last note."""
    while True:
        time_of, pitch = passage(rng, index.lines, size)
        moved = pitch.astype(int) + int(rng.choice([-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6]))
        if 0 <= moved.min() and moved.max() < 128:
            break
    before, after = passage(rng, hosts, AROUND), passage(rng, hosts, AROUND)
    length = (time_of[-1] - time_of[0]) * rng.uniform(0.7, 1.4)
    scale = length / max(time_of[-1] - time_of[0], 1)
    first = before[0][-1] - before[0][0] + 300
    copy = first + (time_of - time_of[0]) * scale
    others = first + rng.uniform(0, max(length, 1), round(size * added))
    times = [
        before[0] - before[0][0],
        copy,
        others,
        after[0] - after[0][0] + first + length + 300,
    ]
    pitches = [before[1], moved, rng.choice(before[1], len(others)), after[1]]
    table = np.zeros(sum(map(len, times)), NOTE)
    table["start"] = np.round(np.concatenate(times) * 0.96)  # ticks, at 120 beats a minute
    table["pitch"], table["duration"], table["velocity"] = np.concatenate(pitches), 100, 80
    return Piece(table), (first - 2, first + length + 2)


def planted(index, hosts, size, added, count):
    """Return how many of 100 planted copies are found."""
    rng = np.random.default_rng(size)
    plants = [plant(rng, index, hosts, size, added) for _ in range(count)]
    lines = NoteLines.of(piece for piece, _ in plants)
    passages = find(lines, index)
    whose = lines.line_of(passages.first)
    found = 0
    for number, (_, (begin, end)) in enumerate(plants):
        line = lines.time[lines.begins[number] : lines.begins[number + 1]]
        inside = (line >= begin) & (line <= end)
        mine = passages.take(whose == number)
        found += any(
            shared >= FOUND * size
            and (inside & (line >= lines.time[first]) & (line <= lines.time[last])).sum()
            >= FOUND * inside.sum()
            for first, last, shared in zip(mine.first, mine.last, mine.shared, strict=True)
        )
    return 100 * found / count


def flagged(data, index, notes=300):
    """Return the row of how many excerpts of the test part are above the validation part's."""
    parts = [some(data, part) for part in ("validation", "test")]
    yardstick, judged = (Yardstick.of(pieces, index) for pieces in parts)
    limit = yardstick.standard(notes).limit
    longest = judged.longest(notes)
    share = 100 * float((longest > limit).mean())
    what = f"held-out excerpts flagged, of {notes} notes, limit {limit}"
    return row(what, [share], "%", data=f"{len(longest)} excerpts of the test part")


def some(data, part, most=60_000):
    """Yield pieces of a part with `most` notes together, drawn at random."""
    numbers = np.random.default_rng(1).permutation(data.indices(part))
    kept = np.cumsum(data.note_counts[numbers]) <= most
    for number in numbers[kept].tolist():
        yield data.piece(number)


def speed(index, lines, outputs):
    """Return the row of the time that outputs take."""
    rng = np.random.default_rng(7)
    pieces = []
    for number in range(outputs):
        pieces.append(plant(rng, index, lines[number % 2], 100 if number % 2 else 16, 0.1)[0])
    query = NoteLines.of(pieces)
    began, clock = time.process_time(), time.perf_counter()
    find(query, index)
    took, wall = time.process_time() - began, time.perf_counter() - clock
    what = f"{outputs} outputs, {len(query.pitch):,} notes"
    return row(what, [took], "s of CPU", data=f"{len(index.lines.pitch):,} notes; {wall:.0f} s")


if __name__ == "__main__":
    main()
