"""The speed of sampling against what the machine allows, in turns on one thread.

    OMP_NUM_THREADS=1 python benchmarks/generating.py [--rows 256] [--long 100000] [--case NAME ...]

Networks have random weights, on which speed does not depend. Figures include everything: network,
heads, grammar, sampling (`autoregressive` with its defaults), bookkeeping.

limit     one stream: torch's matrix x vector with the number of weights that the network multiplies
          by (look-ups are not counted: embeddings, and what heads know of each other); many
          streams: torch's product of a (rows, 320) matrix with as many weights
compiled  the compiled step, used by default where numba is installed; plain: the step by torch
network   the compiled step without grammar, sampling and bookkeeping: always the likeliest value
eager     a peer: the same layers as torch's own modules, step by step, without grammar and sampling
          (the obvious first version)

Howl itself is quoted at 1.2 notes/s.
"""

import time

import numpy as np
import torch
from measuring import alternated, arguments, machine, rates, row, write

from howlkit.builtin.samplers import Autoregressive
from howlkit.protocols import StepMask
from howlkit.sampling.limits import Limit
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import MARK
from howlkit.training.recipe import Recipe

CASES = {
    "lstm": ("lstm", {}),
    "gru": ("gru", {}),
    "lstm 192, block 3": ("lstm", {"hidden": 192, "block": 3}),
}
ENDLESS = Limit(notes=10**9, ends=False)


def build(case):
    model, options = CASES[case]
    torch.manual_seed(0)
    recipe = Recipe.choose("tuple", model, values={model: options} if options else {})
    network = recipe.model.build(recipe.encoder.schema, recipe.heads).eval()
    # Random weights leap 32 beats a note, and would soon be at the end of the longest piece.
    network.start_at({"shift": [10**6] + [0] * (recipe.encoder.schema["shift"].n - 1)})
    return recipe, network


def weights_read(network):
    """Return the number of weights that a step multiplies by: all but the look-ups."""
    parts = (network.backbone, network.from_hidden, network.out)
    return sum(weight.numel() for part in parts for weight in part.parameters())


def limit(weights, rows):
    matrix = torch.randn(weights // 320, 320)
    inputs = torch.randn(rows, 320)
    if rows == 1:
        return lambda: torch.mv(matrix, inputs[0])
    return lambda: inputs @ matrix.T


def sampled(recipe, network, path, rows):
    runner = make_runner(network, recipe.encoder.schema, recipe.model, stepping=path)
    session = Session(runner, recipe.encoder, rows=rows, limit=ENDLESS)
    return Autoregressive().generate(session).__next__


def network_alone(recipe, network, rows):
    """Return a step of the compiled network that always takes the likeliest values."""
    schema = recipe.encoder.schema
    runner = make_runner(network, schema, recipe.model, stepping="compiled")
    steps, everywhere = schema.steps(rows), np.ones(rows, bool)
    choices = sum(field.choices for field in schema.decisions)
    least = np.zeros((rows, len(schema.decisions)), np.int64)
    step_mask = StepMask(np.ones((rows, choices), bool), least)
    step_mask.allowed[:, 1 : MARK.n] = False  # to go on is all that is allowed, as in `ENDLESS`
    uniforms, likeliest = np.zeros(least.shape), SamplingParams(temperature=0)
    at = dict(zip(("state", "hidden"), runner.start(steps[:, None]), strict=True))
    lengths = np.ones(rows, np.int64)

    def step():
        runner.sample_step(at["hidden"], steps, everywhere, lambda: step_mask, uniforms, likeliest)
        at["state"], at["hidden"] = runner.read(steps[:, None], **at, lengths=lengths)

    return step


def eager(network, rows):
    """Return a step of the backbone's and the heads' modules."""
    at = {"state": None}
    x = torch.randn(rows, 1, network.backbone.layers[0].input_size)
    heads = [network.head(field) for field in network.schema.decisions]

    def step():
        hidden, at["state"] = network.backbone(x, at["state"], None)
        mixed = network.from_hidden(hidden[:, 0]).split(network.heads.width, -1)
        return [head.logits(part) for head, part in zip(heads, mixed, strict=True)]

    return step


def block(step, times):
    def call():
        with torch.inference_mode():
            for _ in range(times):
                step()

    return call


def streams(case, rows, repeats):
    """Return the result rows of a case on `rows` streams, in notes a second."""
    recipe, network = build(case)
    steps = {
        "limit": limit(weights_read(network), rows),
        "eager": eager(network, rows),
        "compiled": sampled(recipe, network, "compiled", rows),
        "plain": sampled(recipe, network, "plain", rows),
        "network": network_alone(recipe, network, rows),
    }
    times = 100 if rows == 1 else 5
    taken = alternated(repeats, *(block(step, times) for step in steps.values()))
    speeds = {n: rates(rows * times, s) for n, s in zip(steps, taken, strict=True)}
    asked = {"compiled": ">= 0.8" if rows == 1 else ">= 0.7"}
    kind = "matrix x vector" if rows == 1 else "matrix product"
    return [
        row(
            f"{case}, {name}",
            speeds[name],
            "notes/s",
            data="one stream" if rows == 1 else f"{rows} streams",
            limit=speeds["limit"],
            limit_name=f"{kind}, {weights_read(network):,} weights",
            peer=speeds["eager"] if name == "compiled" else None,
            peer_name="torch's modules" if name == "compiled" else "",
            asked=asked.get(name, ""),
        )
        for name in ("compiled", "plain", "network")
    ]


def growth(case, notes, repeats):
    """Return result rows for pieces of several lengths up to `notes`."""
    recipe, network = build(case)
    step = sampled(recipe, network, "compiled", 1)
    best_step = block(limit(weights_read(network), 1), 100)
    made, rows = 0, []
    for length in (notes // 100, notes // 10, notes // 2, notes):
        block(step, length - made - 100 * (repeats + 1))()
        ours, best = (rates(100, s) for s in alternated(repeats, block(step, 100), best_step))
        made = length
        name = "matrix x vector"
        rows.append(
            row(f"{case}, up to note {length:,}", ours, "notes/s", data="one stream",
                limit=best, limit_name=name)
        )  # fmt: skip
    return rows


def first_note(case, repeats):
    """Return the milliseconds to the first note, with the model and its code loaded before."""
    recipe, network = build(case)
    sampled(recipe, network, "auto", 1)()
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        sampled(recipe, network, "auto", 1)()
        taken.append(1000 * (time.perf_counter() - began))
    return row(f"{case}, first note", taken, "ms", data="one stream", limit=50, limit_name="asked")


def main():
    parser = arguments(__doc__, "generating")
    parser.set_defaults(repeats=15)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--long", type=int, default=100_000)
    parser.add_argument("--case", action="append", choices=CASES)
    options = parser.parse_args()
    before = machine()
    torch.set_num_threads(options.threads)
    cases = options.case or list(CASES)
    rows = [first_note(cases[0], options.repeats)]
    for case in cases:
        rows += streams(case, 1, options.repeats)
    for case in cases:
        rows += streams(case, options.rows, options.repeats)
    rows += growth(cases[0], options.long, options.repeats)
    notes = [
        "The compiled step reads fewer weights than the limit counts: the first layer's inputs are"
        " looked up by value, and a head with one allowed value is skipped.",
        "Howl is published with 1.2 notes a second; it was not run.",
    ]
    write(options.json, "generating", rows, notes=notes, peers=["numba"], machine_before=before)


if __name__ == "__main__":
    main()
