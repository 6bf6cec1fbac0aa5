"""What a note costs, beside what the machine allows, in one run on one core.

    python benchmarks/generating.py [--blocks 15] [--rows 256] [--long 100000] [--case NAME ...]

Networks have random weights; their speed does not depend on them. Everything is included: network,
heads, grammar, sampling (`autoregressive` as it is by default), bookkeeping.

limit     one stream: torch's matrix x vector over as many weights as the network has, embedding
          tables and what heads know of each other (look-ups) not counted; many streams: torch's
          product of a (rows, 320) matrix with as many weights
compiled  the step that is used where numba is installed; plain: torch's
network   the compiled step without grammar, sampling and bookkeeping: the likeliest value of all
eager     the same layers by torch's own modules, one step at a time, and nothing else: no grammar,
          no sampling (what a user would write first)

Blocks of all of them take turns, so that a busy machine is busy for all; medians, their spread (the
quartiles) and the medians of the ratios to the limit beside each are printed as JSON. Howl itself
is quoted at 1.2 notes/s.
"""

import argparse
import json
import platform
import statistics
import time

import numpy as np
import torch

from howlkit.builtin.autoregressive import Autoregressive
from howlkit.compiled import CompiledStep
from howlkit.protocols import Outlook
from howlkit.recipe import Recipe
from howlkit.schema import MARK
from howlkit.session import Limit, Session
from howlkit.shaping import Shaping

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
    """Return how many weights a step multiplies by: all but the look-ups."""
    parts = (network.backbone, network.from_hidden, network.out)
    return sum(weight.numel() for part in parts for weight in part.parameters())


def limit(weights, rows):
    matrix = torch.randn(weights // 320, 320)
    inputs = torch.randn(rows, 320)
    if rows == 1:
        return lambda: torch.mv(matrix, inputs[0])
    return lambda: inputs @ matrix.T


def sampled(recipe, network, path, rows):
    session = Session(network, recipe.encoder, rows=rows, limit=ENDLESS, stepping=path)
    return Autoregressive().generate(session).__next__


def network_alone(recipe, network, rows):
    """Return a step of the compiled network that always takes the likeliest values."""
    schema = recipe.encoder.schema
    runner = CompiledStep(network, schema)
    steps, everywhere = schema.steps(rows), np.ones(rows, bool)
    choices = sum(field.choices for field in schema.decisions)
    least = np.zeros((rows, len(schema.decisions)), np.int64)
    outlook = Outlook(np.ones((rows, choices), bool), least)
    outlook.allowed[:, 1 : MARK.n] = False  # to go on is all that is allowed, as in `ENDLESS`
    uniforms, likeliest = np.zeros(least.shape), Shaping(temperature=0)
    at = dict(zip(("state", "hidden"), runner.start(steps[:, None]), strict=True))
    lengths = np.ones(rows, np.int64)

    def step():
        runner.decide_all(at["hidden"], steps, everywhere, lambda: outlook, uniforms, likeliest)
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


def timed(step, times):
    began = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - began) / times


def compare(steps, *, blocks, block_of):
    """Return by name the seconds a step of each block, the named taking turns."""
    seconds = {name: [] for name in steps}
    with torch.inference_mode():
        for step in steps.values():
            timed(step, 20)
        for _ in range(blocks):
            for name, step in steps.items():
                seconds[name].append(timed(step, block_of))
    return seconds


def table(seconds, rows):
    """Return notes a second by name, with their spread, and the ratio to the limit."""
    result = {}
    for name, values in seconds.items():
        low, middle, high = statistics.quantiles([rows / value for value in values], n=4)
        pairs = zip(seconds["limit"], values, strict=True)
        result[name] = {
            "notes_a_second": round(middle),
            "quartiles": [round(low), round(high)],
            "of_limit": round(statistics.median(best / value for best, value in pairs), 3),
        }
    return result


def streams(case, rows, blocks):
    recipe, network = build(case)
    weights = weights_read(network)
    steps = {
        "limit": limit(weights, rows),
        "compiled": sampled(recipe, network, "compiled", rows),
        "plain": sampled(recipe, network, "plain", rows),
        "network": network_alone(recipe, network, rows),
        "eager": eager(network, rows),
    }
    seconds = compare(steps, blocks=blocks, block_of=100 if rows == 1 else 5)
    pairs = zip(seconds["network"], seconds["compiled"], strict=True)
    share = statistics.median(alone / whole for alone, whole in pairs)
    return {"weights": weights, "network_of_compiled": round(share, 3), **table(seconds, rows)}


def growth(case, notes, blocks):
    """Return microseconds a note around several lengths up to `notes`, the limit beside each."""
    recipe, network = build(case)
    step = sampled(recipe, network, "compiled", 1)
    beside = limit(weights_read(network), 1)
    made, result = 0, {}
    for length in [notes // 100, notes // 10, notes // 2, notes]:
        timed(step, length - made - 100 * blocks)
        seconds = compare({"limit": beside, "compiled": step}, blocks=blocks, block_of=100)
        made = length + 20  # what warms up
        result[length] = table(seconds, 1)["compiled"]
    return result


def first_note(case, times=9):
    """Return milliseconds from the call to the first note, the code being loaded."""
    recipe, network = build(case)
    taken = [timed(lambda: sampled(recipe, network, "compiled", 1)(), 1) for _ in range(times + 1)]
    return {
        "first_in_process": round(1000 * taken[0], 1),
        "median": round(1000 * statistics.median(taken[1:]), 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--long", type=int, default=100_000)
    parser.add_argument("--case", action="append", choices=CASES)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cases = options.case or list(CASES)
    result = {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "threads": 1,
        },
        "first_note_ms": first_note(cases[0]),
        "one_stream": {case: streams(case, 1, options.blocks) for case in cases},
        f"{options.rows}_streams": {
            case: streams(case, options.rows, options.blocks) for case in cases
        },
        "growth": growth(cases[0], options.long, options.blocks) if options.long else None,
        "howl_notes_a_second_as_published": 1.2,
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
