"""What a note costs by `Session` stepping, at the start and after 20,000 notes.

    python benchmarks/stepping.py [--hidden 192] [--notes 20000]

The network has random weights; its speed does not depend on them. Prints milliseconds a note, the
median of ten blocks of 50 notes at either end, as JSON.
"""

import argparse
import json
import statistics
import time

import torch

from howlkit.recipe import Recipe
from howlkit.session import Limit, Session


def block(session, notes):
    began = time.perf_counter()
    for _ in range(notes):
        session.step()
    return 1000 * (time.perf_counter() - began) / notes


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--notes", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": options.hidden}})
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    # Random weights leap 32 beats a note, and would soon be at the end of the longest piece.
    network.start_at({"shift": [10**6] + [0] * (recipe.encoder.schema["shift"].n - 1)})
    session = Session(network, recipe.encoder, limit=Limit(ends=False))
    block(session, 50)  # warm-up
    start = [block(session, 50) for _ in range(10)]
    block(session, options.notes - int(session.notes[0]))
    later = [block(session, 50) for _ in range(10)]
    if int(session.notes[0]) != options.notes + 500:
        raise SystemExit("the piece ended early: nothing was measured")
    result = {
        "hidden": options.hidden,
        "threads": options.threads,
        "ms_a_note_at_the_start": statistics.median(start),
        f"ms_a_note_after_{options.notes}": statistics.median(later),
        "spread_start": [min(start), max(start)],
        "spread_later": [min(later), max(later)],
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
