"""How well do bars made anew lead to what follows? Prints Markdown tables.

    python benchmarks/replacing.py RUN --judge OTHER [--pieces 100] [--bars 4] [--takes 4]

RUN makes the middle bars of pieces of its test and validation parts anew. OTHER judges, a run that
learnt the same training part from another seed: it chose nothing, so it does not flatter what RUN
chose. Judged are the nats of the notes that follow the bars, and shown is how much of the gap
between a plain continuation (the mean of 32) and the original is closed. Beside it stands the best
of the 32. Then the first takes are told from the original bars by `statistics --told`.

Both runs must have learnt from the same dataset. Rows are told on stderr as they are done.
"""

import argparse
import sys
from pathlib import Path

import measuring
import numpy as np

import howlkit
from howlkit.evaluation import leakage
from howlkit.evaluation.bootstrap import Resamples
from howlkit.evaluation.measuring import indices_of
from howlkit.evaluation.told import tell_apart
from howlkit.sampling import Region
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.replacing.as_it_was import joins_of
from howlkit.sampling.replacing.asked import takes_of
from howlkit.sampling.replacing.takes import difference
from howlkit.sampling.wishes import Wishes

FEWEST = 16
"""Notes that the bars, what comes before them and what follows must have, each."""

MANY = 32
"""How many plain continuations the best is taken of."""

SECONDS = 5.0
"""How much of the bars is told apart: four bars at 180 beats a minute last as long."""

WAYS = ("original", "nothing", "plain continuation", f"best of {MANY}", "first take", "all takes")


def middle_bars(piece, bars):
    """Return the first and the last of some bars in the middle of a piece; None if it is short."""
    middle = piece.notes["start"][len(piece) // 2]
    begin, length = piece.bar_at(int(middle))
    first = begin // length + 1
    try:
        region = Region.of(piece, bars=(first, first + bars - 1))
    except howlkit.HowlkitError:
        return None
    counts = (len(region.before), len(region.original), len(region.after))
    return (first, first + bars - 1) if min(counts) >= FEWEST else None


def made(trained, piece, bars, arguments):
    """Return notes for the bars by name of the way, several of each, and distances of the takes."""
    region = Region.of(piece, bars=bars)

    def taken(takes, **chosen):
        return takes_of(
            trained, region, takes=takes, seed=0, params=SamplingParams(top_p=0.98),
            wishes=Wishes(), given=None, watch=None, provenance=False, **chosen,
        )  # fmt: skip

    plain = taken(MANY, candidates=MANY, rounds=0)  # all of them, the one that joins best first
    takes = taken(arguments.takes, candidates=None)
    apart = [
        difference(one.notes, other.notes)
        for k, one in enumerate(takes) for other in takes[:k]
    ]  # fmt: skip
    notes = {
        "original": [region.original],
        "nothing": [region.original[:0]],
        "plain continuation": [take.notes for take in plain],
        f"best of {MANY}": [plain[0].notes],
        "first take": [takes[0].notes],
        "all takes": [take.notes for take in takes],
    }
    return notes, apart


def judged(judge, piece, bars, notes):
    """Return by way the nats a note of what follows the bars, the mean over its notes."""
    several = [each for made_so in notes.values() for each in made_so]
    nats = iter(joins_of(judge, Region.of(piece, bars=bars), several).tolist())
    return {way: np.mean([next(nats) for _ in made_so]) for way, made_so in notes.items()}


def only(piece, bars):
    """Return some bars of a piece, as a piece of their own."""
    region = Region.of(piece, bars=bars)
    notes = region.original.copy()
    notes["start"] -= region.begin
    tempo = float(piece.seconds(region.stop) - piece.seconds(region.begin))
    beats = (region.stop - region.begin) / piece.ticks_per_beat
    tempos = np.array([(0, round(1e6 * tempo / beats))], piece.tempos.dtype)
    return howlkit.Piece(notes, ticks_per_beat=piece.ticks_per_beat, tempos=tempos)


def table(nats, groups):
    """Yield a table: nats of the notes that follow, and the share of the gap that is closed."""
    sums = Resamples(groups).sums(nats)
    gap = sums["plain continuation"] - sums["original"]
    yield "| in the bars | nats of a note that follows | of the gap closed | 95 % |"
    yield "|---|---|---|---|"
    for way in WAYS:
        closed = (sums["plain continuation"] - sums[way]) / gap
        low, high = closed.interval
        mean = sums[way].value / len(groups)
        yield f"| {way} | {mean:.3f} | {closed.value:.2f} | {low:.2f}..{high:.2f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--judge", type=Path, required=True, metavar="OTHER")
    parser.add_argument("--pieces", type=int, default=100)
    parser.add_argument("--bars", type=int, default=4)
    parser.add_argument("--takes", type=int, default=4)
    arguments = parser.parse_args()
    trained, judge = (howlkit.load(run, device="cpu") for run in (arguments.run, arguments.judge))
    music = leakage.dataset_of(arguments.run)
    indices = np.concatenate(
        [indices_of(music, part, advice="take a run with one") for part in ("test", "validation")]
    )
    nats, apart, groups = {way: [] for way in WAYS}, [], []
    bars_of = {"original": [], "plain continuation": [], "first take": []}
    for index in indices.tolist():
        piece = music.piece(index)
        if len(groups) == arguments.pieces:
            break
        if (bars := middle_bars(piece, arguments.bars)) is None:
            continue
        notes, distances = made(trained, piece, bars, arguments)
        for way, mean in judged(judge, piece, bars, notes).items():
            nats[way].append(mean)
        region, rng = Region.of(piece, bars=bars), np.random.default_rng(index)
        for way, found in bars_of.items():
            any_one = notes[way][int(rng.integers(len(notes[way])))]
            found.append(only(region.with_notes(any_one), bars))
        apart += distances
        groups.append(music.groups[index])
        print(len(groups), *(f"{nats[way][-1]:.2f}" for way in WAYS), file=sys.stderr)
    machine = measuring.machine()
    print(
        f"{len(groups)} pieces, {arguments.bars} bars each, judged by another run. "
        f"{machine['cpu']}, {machine['date']}.\n"
    )
    for line in table(nats, np.array(groups)):
        print(line)
    near = np.array(apart)
    print(
        f"\nTakes differ from each other in {100 * near.mean():.0f} % of their notes, and at the "
        f"least in {100 * near.min():.0f}; in less than a third in {(near < 1 / 3).mean():.1%} of "
        "all pairs.\n"
    )
    real = bars_of.pop("original")
    for way, found in bars_of.items():
        told = tell_apart(found, real, seconds=SECONDS)
        low, high = told.told.interval
        print(
            f"{way}: told from the original bars in {told.told.value:.1f} of 100 "
            f"({low:.1f}..{high:.1f}); real from real {told.real_from_real:.1f}"
        )


if __name__ == "__main__":
    main()
