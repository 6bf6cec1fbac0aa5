"""What training learns in the same minutes, plain and by default: a Markdown table, pair by pair.

    HOWLKIT_DATA=folder python benchmarks/learning.py [--folders pop909,nottingham]
        [--encoders tuple,remi] [--minutes 2] [--samples 60] [--runs runs/learning]

Each encoder is trained with lstm on each folder twice: plain, with no input but the last step, no
augmentation, AdamW and no temperatures, and with what `howlkit train` does by default. Minutes are
those of one processor, on one thread, so other programs do not shorten a run. Stopped, it goes on
where it was: trainings are resumed, and what was measured lies in RUNS as JSON.

nats: of the unigram model's, whole validation part. told: `howlkit statistics --told`, of as many
samples of a minute as --samples says. in scale: share of the notes in the best scale of 12 seconds
(8 bars of 4/4 at 160 beats a minute), mean over excerpts of 45 seconds, with that of the validation
part behind it. length: median notes of ten samples that the model ends, over that of the training
part.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

import howlkit
from howlkit.dataset.opening import open_data
from howlkit.errors import HowlkitError
from howlkit.evaluation.told import tell_apart
from howlkit.evaluation.told.excerpts import cut_all
from howlkit.evaluation.told.pitches import window_scale_share
from howlkit.network.likelihood import encode_all, unigram_nats
from howlkit.options import by_component
from howlkit.sampling import tuning
from howlkit.training import setup
from howlkit.training.progress import Budget

FOLDERS = ("pop909", "nottingham", "asap_performances", "freedoom")
ENCODERS = ("tuple", "remi", "event", "pianoroll", "voices", "howl")
ENDED = 10  # samples that the model ends

IN_SECONDS = {"asap_performances": {f"{name}.clock": "seconds" for name in ("tuple", "pianoroll")}}
OWN = {"voices": {"voices.assign": "pitch"}}
PLAIN = {
    "heads.repeats": "",
    "heads.relative": False,
    "heads.intervals": False,
    "heads.elapsed": False,
    "heads.pitch_classes": 0,
    "heads.harmony": 0,
    "heads.sounding": False,
    "heads.held": False,
    "heads.pulse": 0,
    "heads.votes": False,
    "training.optimizer": "adamw",
}
WAYS = ("plain", "default")


def plan_of(folder, encoder, way, arguments):
    """Return the plan of a training."""
    source = Path(os.environ["HOWLKIT_DATA"]) / folder
    chosen = {**IN_SECONDS.get(folder, {}), **OWN.get(encoder, {})}
    values = {name: value for name, value in chosen.items() if name.startswith(f"{encoder}.")}
    return setup.TrainingPlan(
        sources=(source,),
        encoder=encoder,
        augment=() if way == "plain" else None,
        values=by_component({**values, **(PLAIN if way == "plain" else {})}),
        budget=Budget(minutes=arguments.minutes),
    )


def train(run, plan, way):
    """Train a run up to its budget of processor minutes, or resume it."""
    said = {"device": "cpu", "tell": lambda line: print(line, file=sys.stderr)}
    if (run / "checkpoints" / "latest").exists():
        trainer = setup.reopen(run, Budget(), **said)
    else:
        trainer = setup.begin(plan, run, **said)
    trainer.clock = time.process_time
    trainer.train()
    if way == "default":  # `howlkit train` does so
        print(tuning.tune(run), file=sys.stderr)


def measured(run, data, samples):
    """Return what a run has learnt, by name."""
    trained = howlkit.load(run, device="cpu")
    held_out = [data.piece(int(index)) for index in data.indices("validation")]
    counts = {name: np.asarray(seen) for name, seen in trained.facts["unigram"].items()}
    unigram = unigram_nats(counts, encode_all(trained.encoder, held_out)).nats_per_note
    nats = trained.nats(held_out)
    made = trained.sample(samples, seconds=60, seed=1)
    try:
        told = tell_apart(made, held_out)
    except HowlkitError as error:  # a folder with too few pieces, or pieces that are too short
        print(f"{run.name}: {error}", file=sys.stderr)
        told = None
    lengths = [len(piece) for piece in trained.sample(ENDED, seed=2)]
    there = np.asarray(data.note_counts)[data.indices("train")]
    return {
        "steps": trained.facts["step"],
        "nats": nats,
        "ratio": nats / unigram,
        "told": told and told.told.value,
        "interval": told and told.told.interval,
        "real": told and told.real_from_real,
        "in_scale": [in_scale(pieces) for pieces in (made, held_out)],
        "length": float(np.median(lengths) / np.median(there)),
    }


def in_scale(pieces):
    """Return the share of the notes in the best scale of 12 seconds, over first excerpts."""
    excerpts = cut_all(pieces, 45.0).first(1).all_excerpts
    return float(np.nanmean([window_scale_share(excerpt) for excerpt in excerpts]))


def result(folder, encoder, way, arguments):
    """Return what is known of a run, which is trained and measured if need be."""
    run = arguments.runs / f"{folder}-{encoder}-{way}"
    kept = run.with_suffix(".json")
    if not kept.is_file():
        plan = plan_of(folder, encoder, way, arguments)
        if not run.with_suffix(".trained").is_file():
            train(run, plan, way)
            run.with_suffix(".trained").touch()
        data = open_data(plan.sources, tell=lambda line: None)
        kept.write_text(json.dumps(measured(run, data, arguments.samples)))
    return json.loads(kept.read_text())


def row(folder, encoder, plain, default):
    """Return a row of the table, each cell plain, then by default."""
    pairs = (plain, default)
    told = ["too few pieces" if each["told"] is None else f"{each['told']:.1f}" for each in pairs]
    cells = [
        " / ".join(f"{each['steps']:,}" for each in pairs),
        " / ".join(f"{each['nats']:.3f}" for each in pairs),
        " / ".join(f"{each['ratio']:.3f}" for each in pairs),
        " / ".join(told),
        " / ".join(f"{each['in_scale'][0]:.3f}" for each in pairs),
        f"{default['in_scale'][1]:.3f}",
        " / ".join(f"{each['length']:.2f}" for each in pairs),
    ]
    return f"| {folder} | {encoder} | {' | '.join(cells)} |"


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folders", default=",".join(FOLDERS))
    parser.add_argument("--encoders", default=",".join(ENCODERS))
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--ways", default=",".join(WAYS), help="one alone makes no table")
    parser.add_argument("--runs", type=Path, default=Path("runs/learning"))
    arguments = parser.parse_args(words)
    arguments.runs.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    print(
        "| folder | encoder | updates | nats a note | of unigram | told | in scale | real "
        "| length |\n|---|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    for folder in arguments.folders.split(","):
        for encoder in arguments.encoders.split(","):
            ways = arguments.ways.split(",")
            found = [result(folder, encoder, way, arguments) for way in ways]
            if len(found) == len(WAYS):
                print(row(folder, encoder, *found), flush=True)


if __name__ == "__main__":
    main()
