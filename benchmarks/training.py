"""The speed of training against a bare loop on ready tensors; the parts of a step; feeding.

    HOWLKIT_DATA=folder python benchmarks/training.py [--threads 1] [--repeats 3]

The bare loop has the same module, optimizer and clipping, but no augmentation, encoding, metrics or
display; it trains on the same batches that howlkit reads, augments and encodes as it goes. The two
take turns, a segment (eight windows) each. Validation and checkpoints have their own row. The
work of a single process is measured in CPU time, so that other programs disturb it less.
HOWLKIT_DATA has pop909 and asap_performances; without it the chorales of howlkit are used.
"""

import os
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from measuring import alternated, arguments, machine, row, write

from howlkit.dataset import opening
from howlkit.network.batches import to_tensors
from howlkit.network.likelihood import encode_all, unigram
from howlkit.training import prefetch
from howlkit.training.optimizer import new_optimizer
from howlkit.training.progress import Budget
from howlkit.training.recipe import Recipe
from howlkit.training.trainer import Trainer
from howlkit.training.windows import Position, Windows

CPU = torch.device("cpu")
FOLDERS = {
    "pop909": ("tuple", "event", "remi", "pianoroll", "voices", "howl"),
    "asap_performances": ("tuple", "event", "remi", "pianoroll", "howl"),
}
VALIDATE_EVERY = 200  # steps, as by default
MANY = 10**9


def sources():
    """Yield (name, encoders, dataset)."""
    base = os.environ.get("HOWLKIT_DATA")
    if base is None:
        print("HOWLKIT_DATA is not set: the chorales that ship are used", file=sys.stderr)
    for name, encoders in FOLDERS.items() if base else [("chorales", FOLDERS["pop909"])]:
        paths = [Path(base) / name] if base else []
        yield name, encoders, opening.open_data(paths, tell=lambda line: None)


def trainer(folder, data, encoder, model, workers=0):
    """Return a Trainer as `howlkit train --augment transpose` makes it, that never validates."""
    values = {"training": {"validate_every": MANY}}
    if data.path.name.startswith("asap") and encoder in ("tuple", "pianoroll"):
        values[encoder] = {"clock": "seconds"}
    recipe = Recipe.choose(encoder, model, augment=["transpose"], values=values)
    part = data.indices("train")
    counts = np.asarray(data.note_counts)[part]
    options = recipe.training
    windows = Windows(
        prefetch.PartOf(data, part),
        counts,
        recipe.encoder,
        recipe.augmenters,
        notes=options.window,
        carry=options.carry,
        rows=options.batch,
    )
    pieces = [data.piece(int(i)) for i in part[:40]]
    validation, notes = [], 0
    for index in data.indices("validation"):
        validation.append(data.piece(int(index)))
        notes += len(validation[-1])
        if notes >= options.validation_notes:
            break
    folder.mkdir(parents=True, exist_ok=True)
    return Trainer(
        folder,
        recipe,
        windows,
        encode_all(recipe.encoder, validation),
        budget=Budget(steps=MANY),
        facts={"unigram": {n: c.tolist() for n, c in unigram(recipe.encoder, pieces).items()}},
        device=CPU,
        workers=workers,
    )


class Bare:
    """A plain torch loop on tensors that are ready."""

    def __init__(self, recipe):
        torch.manual_seed(0)
        self.network = recipe.model.build(recipe.encoder.schema, recipe.heads).train()
        training = recipe.training
        self.optimizer = new_optimizer(
            training.optimizer, self.network, training.rate, training.weight_decay
        )
        self.clip = training.clip

    def train(self, batches, scale):
        """Train on the windows of a segment, (inputs, targets, lengths) each."""
        state = None
        for inputs, targets, lengths in batches:
            sums, state = self.network(inputs, targets, lengths, state)
            (sums.sum() / scale).backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            state = {name: part.detach() for name, part in state.items()}


def notes_of(segment):
    return segment.notes_per_step * sum(float(b.lengths.sum()) for b in segment.batches)


def whole(name, data, model, options, scratch, workers):
    """Return the row of training beside the bare loop, segment by segment."""
    made = trainer(scratch / f"{name}-{model}-{workers}", data, "tuple", model, workers)
    bare = Bare(made.recipe)
    source = prefetch.segments(made.windows, Position(), workers=workers)
    # One process does all: its own time counts. With workers the time that it waits counts too.
    clock = time.perf_counter if workers else time.process_time
    ours, theirs = [], []
    for number in range(options.repeats + 1):
        began = clock()
        segment = next(source)
        fed = clock() - began
        ready = [to_tensors(batch, CPU) for batch in segment.batches]
        taken = {}
        for which in ("bare", "ours")[:: 1 if number % 2 else -1]:  # neither is always the first
            began = clock()
            if which == "ours":
                made._run_segment(segment)
            else:
                bare.train(ready, segment.scale)
            taken[which] = clock() - began
        if number:  # the first is the warm-up
            ours.append(notes_of(segment) / (fed + taken["ours"]))
            theirs.append(notes_of(segment) / taken["bare"])
    source.close()
    what = f"{model}, transposed and encoded on the fly, {workers} workers"
    return row(
        what,
        ours,
        "notes/s" if workers else "notes/s of CPU",
        data=f"{name}, tuple",
        limit=theirs,
        limit_name="bare torch loop, tensors ready",
        asked=">= 0.95",
    )


def feed(name, data, encoder, options, scratch):
    """Return the row of what preparing a window takes, beside a bare step on it."""
    made = trainer(scratch / f"{name}-{encoder}", data, encoder, "lstm")
    bare = Bare(made.recipe)
    source = made.windows.segments(Position())
    shares, steps = [], []
    for number in range(options.repeats + 2):
        began = time.process_time()
        segment = next(source)
        prepared = (time.process_time() - began) / len(segment.batches)
        ready = [to_tensors(segment.batches[len(segment.batches) // 2], CPU)]
        began = time.process_time()
        bare.train(ready, segment.scale)
        if number > 1:
            shares.append(1000 * prepared)
            steps.append(1000 * (time.process_time() - began))
    return row(
        "preparing a window, in this process",
        shares,
        "ms of CPU",
        data=f"{name}, {encoder}",
        limit=steps,
        limit_name="bare step on it, lstm",
        asked="<= 0.05",
    )


def between(name, data, options, scratch):
    """Return the row of a validation, a kept model and a checkpoint, beside 200 steps."""
    made = trainer(scratch / "between", data, "tuple", "lstm")
    segment = next(made.windows.segments(Position()))
    steps = len(segment.batches)

    def judge():
        made._at.best = None
        made._validate()
        made.save()

    training, judging = alternated(options.repeats, lambda: made._run_segment(segment), judge)
    return row(
        f"validation of 50,000 notes and checkpoint, every {VALIDATE_EVERY} steps",
        judging,
        "s",
        data=f"{name}, tuple, lstm",
        limit=[VALIDATE_EVERY * s / steps for s in training],
        limit_name=f"{VALIDATE_EVERY} steps",
    )


def parts(name, data, encoder, model, options, scratch):
    """Return rows of where the time of a step goes, forwards and backwards."""
    made = trainer(scratch / f"parts-{encoder}-{model}", data, encoder, model)
    some = islice(made.windows.segments(Position()), 8)
    batch = max((s.batches[1] for s in some if len(s.batches) > 1), key=lambda b: b.lengths.sum())
    network = made.network.train()
    inputs, targets, _ = to_tensors(batch, CPU)
    flat = {name: column.flatten(0, 1) for name, column in targets.items()}
    decisions = network.schema.decisions
    with torch.no_grad():
        x = network.embed(inputs)
        hidden = network.backbone(x, None)[0].flatten(0, 1)
        head_inputs = network.head_inputs(hidden)
    x, hidden, head_inputs = (part.requires_grad_() for part in (x, hidden, head_inputs))

    def chained():
        weight = network.from_fields * network.head_mask
        return network.head_inputs(hidden) + network.embed.project(decisions[:-1], flat, weight)

    def loss():
        shares = torch.split(head_inputs, network.heads.width, -1)
        heads = [network.head(field) for field in decisions]
        costs = [
            head.nats(share, flat[head.field.name])
            for head, share in zip(heads, shares, strict=True)
        ]
        return torch.stack([cost.sum() for cost in costs])

    def optimize():
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        made.optimizer.step()

    def with_gradient(forward):
        def call():
            out = forward()
            out.backward(torch.ones_like(out))

        return call

    calls = {
        "whole step": lambda: made._update(batch, 1000),
        "embedding": with_gradient(lambda: network.embed(inputs)),
        "recurrence": with_gradient(lambda: network.backbone(x, None)[0]),
        "what heads are given (hidden vector, fields decided)": with_gradient(chained),
        "last layers and loss": with_gradient(loss),
        "clipping and optimizer": optimize,
    }
    times = [[] for _ in calls]
    for number in range(3 * options.repeats + 2):
        for call, taken in zip(calls.values(), times, strict=True):
            began = time.process_time()
            call()
            if number > 1:  # before that it is the warm-up
                taken.append(time.process_time() - began)
    for what, taken in zip(calls, times, strict=True):
        yield row(
            f"{model}: {what}",
            [1000 * s for s in taken],
            "ms of CPU",
            data=f"{name}, {encoder}",
            limit=[1000 * s for s in times[0]],
            limit_name="the whole step",
        )


def main():
    parser = arguments(__doc__, "training")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    before, rows, places = machine(), [], list(sources())
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        name, _, data = places[0]
        for model in ("lstm", "gru"):
            rows += [whole(name, data, model, options, scratch, workers) for workers in (0, 2)]
        rows.append(between(name, data, options, scratch))
        for place, encoders, data_there in places:
            rows += [feed(place, data_there, e, options, scratch) for e in encoders]
        for encoder, model in (("tuple", "lstm"), ("tuple", "gru"), ("pianoroll", "lstm")):
            rows += parts(name, data, encoder, model, options, scratch)
    notes = [f"torch on {options.threads} thread(s); batches of 16 x 128 notes, default sizes"]
    write(options.json, "training", rows, notes=notes, machine_before=before)


if __name__ == "__main__":
    main()
