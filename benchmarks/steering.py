"""Are rules kept in the files that come out, and what do they cost? Prints Markdown tables.

    python benchmarks/steering.py RUN [RUN ...] [--samples 200] [--notes 100] [--progressions 50]

Each RUN is sampled with a key, a range and a polyphony, and freely. The files are read by mido and
not by howlkit, and notes that break a rule are counted. Beside them stands what the music costs
under the model, in nats a note. Then each is sampled with chord progressions drawn at random, 8
bars each, and the notes on strong beats are counted (a note within an eighth of a beat of it).
"""

import argparse
import io
import time
from pathlib import Path

import measuring
import mido
import numpy as np

import howlkit
from howlkit.music import chords, midi

D_MINOR = {2, 4, 5, 7, 9, 10, 0}
LOW, HIGH, MOST = 48, 84, 3
DRUM_CHANNEL = 9
NAMES = ("C", "Dm", "Em", "F", "G", "Am", "A7", "Bb", "E7", "G7", "Fmaj7", "Bdim")


def strokes(piece):
    """Return the notes of a piece as mido reads them in its file: (tick, channel, pitch, end)."""
    file = mido.MidiFile(file=io.BytesIO(midi.to_bytes(piece)))
    found, down = [], {}
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type not in ("note_on", "note_off"):
                continue
            key = message.channel, message.note
            if key in down:
                found.append((down.pop(key), *key, tick))
            if message.type == "note_on" and message.velocity:
                down[key] = tick
    return sorted(found), file.ticks_per_beat


def outside(pieces):
    """Return how many notes there are, how many are outside key or range, and the most at once."""
    notes, wrong, most = 0, 0, 0
    for piece in pieces:
        found, _ = strokes(piece)
        notes += len(found)
        pitched = [pitch for _, channel, pitch, _ in found if channel != DRUM_CHANNEL]
        wrong += sum(not (LOW <= p <= HIGH and p % 12 in D_MINOR) for p in pitched)
        for tick, *_ in found:
            most = max(most, sum(begin <= tick < end for begin, *_, end in found))
    return notes, wrong, most


def on_strong_beats(piece, names):
    """Return how many notes begin on strong beats of 4/4, and how many of them belong to it."""
    found, per_beat = strokes(piece)
    belongs = [chords.Chord.of(name).classes for name in names]
    notes = good = 0
    for tick, channel, pitch, _ in found:
        beat = tick / per_beat
        near = round(beat / 2) * 2  # beats 0 and 2 of each bar
        if channel != DRUM_CHANNEL and abs(beat - near) < 1 / 8:
            notes += 1
            good += pitch % 12 in belongs[near // 4 % len(names)]
    return notes, good


def rules_kept(trained, arguments):
    """Return a row of the first table."""
    wishes = {"key": "D minor", "range": (LOW, HIGH), "max_polyphony": MOST}
    began = time.process_time()
    ruled = trained.sample(arguments.samples, notes=arguments.notes, seed=1, **wishes)
    took = time.process_time() - began
    free = trained.sample(arguments.samples, notes=arguments.notes, seed=1, without=["all"])
    notes, wrong, most = outside(ruled)
    nats = [trained.nats(pieces) for pieces in (ruled, free)]
    each = 1000 * took / notes
    return f"{notes:,} | {wrong} | {most} | {nats[0]:.2f} | {nats[1]:.2f} | {each:.1f}"


def chords_kept(trained, arguments):
    """Return a row of the second table."""
    rng, notes, good = np.random.default_rng(1), 0, 0
    for seed in range(arguments.progressions):
        names = [NAMES[k] for k in rng.choice(len(NAMES), 4, replace=False)]
        piece = trained.sample(seed=seed, bars=8, time_signature="4/4", chords=" | ".join(names))
        some, belong = on_strong_beats(piece, names)
        notes, good = notes + some, good + belong
    return f"{notes:,} | {good / max(notes, 1):.4f}"


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--notes", type=int, default=100)
    parser.add_argument("--progressions", type=int, default=50)
    arguments = parser.parse_args(words)
    machine = measuring.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores; {machine['date']}.\n")
    runs = [(run.name, howlkit.load(run, device="cpu")) for run in arguments.runs]
    print("| run | notes | outside | most at once | nats a note | freely | ms of CPU a note |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name, trained in runs:
        print(f"| {name} | {rules_kept(trained, arguments)} |", flush=True)
    print("\n| run | notes on strong beats | of the chord |\n|---|---|---|", flush=True)
    for name, trained in runs:
        print(f"| {name} | {chords_kept(trained, arguments)} |", flush=True)


if __name__ == "__main__":
    main()
