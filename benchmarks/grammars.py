"""The time of a step outside the network, for each encoder: the grammar, and the rest.

    python benchmarks/grammars.py [--rows 256] [--repeats 5] [--encoder event]

Each built-in encoder with lstm of the default sizes, random weights, compiled code where there is
some, one stream and many. In microseconds a step of a session: `grammar` is the encoder's own code
(allowed, step_mask, push, derived), `network` what decides and reads, and `the rest` uniforms,
checks and bookkeeping, all timed as they are called. The limit is the network's time.
"""

import time
from collections import defaultdict

import torch
from measuring import arguments, machine, row, write

from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.training.recipe import Recipe

ENCODERS = ("tuple", "howl", "event", "remi", "voices", "pianoroll")
GRAMMAR = ("allowed", "step_mask", "push", "derived")
NETWORK = ("begin", "sample_field", "accept", "sample_step", "read")
STEPS = {1: (50, 300), 256: (5, 15)}  # to warm up, and to time


class Watch:
    """Seconds by part; a timed call inside another one counts for its own part only."""

    def __init__(self):
        self.seconds, self._inner = defaultdict(float), [0.0]

    def __call__(self, part, call):
        """Return `call`, timed."""

        def timed(*args, **kwargs):
            self._inner.append(0.0)
            began = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                took = time.perf_counter() - began
                self.seconds[part] += took - self._inner.pop()
                self._inner[-1] += took

        return timed

    def over(self, part, thing, names):
        """Time these methods of one object."""
        for name in names:
            setattr(thing, name, self(part, getattr(thing, name)))


def stepped(recipe, network, rows):
    """Return the name of the runner, and the microseconds a step of each part."""
    warm, steps = STEPS[1 if rows == 1 else 256]
    made = Session(
        make_runner(network, recipe.encoder.schema, recipe.model),
        recipe.encoder,
        rows=rows,
        limit=Limit(ends=False),
    )
    for _ in range(warm):
        made.step()
    watch = Watch()
    grammar = made._at.grammar._grammar  # the encoder's own
    watch.over("grammar", grammar, [name for name in GRAMMAR if hasattr(grammar, name)])
    watch.over("network", made._rows.runner, NETWORK)
    watch("step", lambda: [made.step() for _ in range(steps)])()
    return made.stepping, {name: 1e6 * part / steps for name, part in watch.seconds.items()}


def measured(name, rows, repeats):
    """Return the rows of an encoder."""
    torch.manual_seed(0)
    recipe = Recipe.choose(name, "lstm")
    network = recipe.model.build(recipe.encoder.schema, recipe.heads).eval()
    taken = [stepped(recipe, network, rows) for _ in range(repeats + 1)][1:]
    parts = {part: [one[part] for _, one in taken] for part in ("grammar", "network", "step")}
    data = f"{'one stream' if rows == 1 else f'{rows} streams'}, {taken[0][0]}"
    return [
        row(f"{name}: grammar", parts["grammar"], "us a step", data=data,
            limit=parts["network"], limit_name="network", asked="< 1"),
        row(f"{name}: the rest", parts["step"], "us a step", data=data,
            limit=parts["network"], limit_name="network"),
    ]  # fmt: skip


def main():
    parser = arguments(__doc__, "grammars")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--encoder", action="append", choices=ENCODERS)
    options = parser.parse_args()
    before = machine()
    torch.set_num_threads(options.threads)
    rows = [
        made
        for streams in (1, options.rows)
        for name in options.encoder or ENCODERS
        for made in measured(name, streams, options.repeats)
    ]
    notes = ["Random weights: which steps are made differs from those of a trained model."]
    write(options.json, "grammars", rows, notes=notes, peers=["numba"], machine_before=before)


if __name__ == "__main__":
    main()
