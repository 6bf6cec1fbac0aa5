"""How silly is what is sampled, beside the music trained on? Prints a Markdown table.

    HOWLKIT_DATA=folder python benchmarks/habits.py DATA [--encoders tuple,remi,event] [--minutes 3]
        [--samples 200] [--notes 1000] [--runs runs/habits] [--temperature T]

DATA is a folder of HOWLKIT_DATA, or any path. Each encoder is trained with lstm into RUNS/ENCODER,
unless there is a run already: so many minutes of one processor, on one thread, so other programs do
not shorten a run. Then pieces of that many notes are sampled without rules, and with those that
hold by default. Beside them stand as many pieces of DATA, up to their first notes: as they are, and
as the encoder plays them. What is counted are Pieces, before anything is written as MIDI. Rows are
told as they are done. Among ENCODERS miditok-TSD is howlkit-miditok with that tokenizer.
"""

import argparse
import inspect
import os
import sys
from pathlib import Path

import learning
import measuring
import numpy as np
import torch

import howlkit
from howlkit.dataset.opening import open_data
from howlkit.music import habits
from howlkit.music.tables import DRUMS
from howlkit.options import by_component
from howlkit.sampling.trained import Trained
from howlkit.training import setup
from howlkit.training.progress import Budget

ENCODERS = ("tuple", "remi", "event", "pianoroll", "voices", "howl")
OPTIONS = {"voices": {"voices.assign": "pitch"}}

MANY_COPIES = 5
"""A passage and more than four repeats of it."""


def restrikes(pieces):
    """Return the restrikes in 100 notes of all pieces."""
    notes = sum(np.count_nonzero(piece.notes["program"] != DRUMS) for piece in pieces)
    return 100 * sum(int(habits.restrikes(piece).sum()) for piece in pieces) / max(notes, 1)


def polyphony(pieces):
    """Return the median over pieces of the typical number of notes at once."""
    return np.nanmedian([habits.typical_polyphony(piece) for piece in pieces])


def held(pieces):
    """Return how many in 100 notes are held to the end of their piece, a mean over pieces."""
    return 100 * np.nanmean([habits.held_to_the_end(piece) for piece in pieces])


def programs(pieces):
    """Return the mean number of programs in a piece."""
    return np.mean([len(np.unique(piece.notes["program"])) for piece in pieces])


def loops(pieces):
    """Return in how many of 100 pieces eight or more notes repeat more than four times in a row."""
    return 100 * np.mean([habits.loop_copies(piece) > MANY_COPIES for piece in pieces])


FIGURES = {
    "struck again while sounding, % of notes": restrikes,
    "notes at once, median": polyphony,
    "held to the end, % of notes": held,
    "programs a piece": programs,
    "loops, % of pieces": loops,
}


def train(data, encoder, run, minutes):
    """Train a run, unless there is one."""
    if (run / "model" / "model.safetensors").is_file():
        return
    name, _, tokenizer = encoder.partition("-")
    values = {f"{name}.tokenizer": tokenizer} if tokenizer else OPTIONS.get(name, {})
    plan = setup.TrainingPlan(
        sources=(data,),
        encoder=name,
        values=by_component(values),
        budget=Budget(minutes=minutes),
    )
    learning.train(run, plan)


def sampled(trained, arguments, **rules):
    """Return new pieces."""
    return trained.sample(
        arguments.samples,
        notes=arguments.notes,
        seed=1,
        temperature=arguments.temperature,
        **rules,
    )


def real(data, most, notes):
    """Return some pieces of a dataset, each up to its first notes."""
    chosen = np.random.default_rng(1).permutation(len(data))[:most]
    pieces = (data.piece(int(index)) for index in chosen)
    return [piece.replace(notes=piece.notes[:notes]) for piece in pieces]


def rows(encoder, originals, trained, arguments):
    """Yield the rows of the table for one encoder."""
    coder = trained.encoder
    played = [coder.decode(coder.encode(piece), like=piece) for piece in originals]
    if "without" in inspect.signature(Trained.sample).parameters:
        before = sampled(trained, arguments, without=["all"])
        after = sampled(trained, arguments)
    else:  # there are no rules
        before, after = sampled(trained, arguments), None
    for name, figure in FIGURES.items():
        cells = [
            "-" if pieces is None else f"{figure(pieces):.3g}"
            for pieces in (originals, played, before, after)
        ]
        yield f"| {encoder} | {name} | {' | '.join(cells)} |"


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", metavar="DATA")
    parser.add_argument("--encoders", default=",".join(ENCODERS))
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--notes", type=int, default=1000)
    parser.add_argument("--temperature", type=float, help="default: as the run advises")
    parser.add_argument("--runs", type=Path, default=Path("runs/habits"))
    arguments = parser.parse_args(words)
    torch.set_num_threads(1)
    # A path that is absolute stays as it is.
    source = Path(os.environ.get("HOWLKIT_DATA", ".")) / arguments.data
    originals = real(
        open_data([source], tell=lambda line: print(line, file=sys.stderr)),
        arguments.samples,
        arguments.notes,
    )
    machine = measuring.machine()
    heat = arguments.temperature
    drawn = "drawn as the runs advise" if heat is None else f"at temperature {heat:g}"
    print(
        f"{source.name}: {len(originals)} pieces, and {arguments.samples} samples of "
        f"{arguments.notes} notes each, {drawn}. "
        f"{machine['cpu']}, {machine['cores']} cores; {machine['date']}; howlkit "
        f"{measuring.versions()['howlkit']}.\n\n"
        "| encoder | | real | as it plays them | without rules | by default |\n"
        "|---|---|---|---|---|---|",
        flush=True,
    )
    for encoder in arguments.encoders.split(","):
        run = arguments.runs / encoder
        train(source, encoder, run, arguments.minutes)
        for row in rows(encoder, originals, howlkit.load(run, device="cpu"), arguments):
            print(row, flush=True)


if __name__ == "__main__":
    main()
