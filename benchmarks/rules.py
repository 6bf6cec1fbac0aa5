"""What rules about notes cost a step, beside the step of the network; in turns on one thread.

    HOWLKIT_DATA=... OMP_NUM_THREADS=1 python benchmarks/rules.py [--run RUN] [--minutes 2]

How often a step is drawn again depends on the model, so the weights are those of RUN, or of tuple
with lstm, trained for so many minutes on pop909. One row is sampled by compiled steps, with
`autoregressive` and its defaults; times are CPU time of one core.

network        the compiled step without grammar, sampling and bookkeeping
default rules  restrikes, loops and bounds, which `howlkit sample` has unless told otherwise
all rules      a key, a range, instruments and a polyphony too
"""

import os
import tempfile
import time
from pathlib import Path

import torch
from generating import ENDLESS, block, network_alone
from measuring import alternated, arguments, machine, row, write

import howlkit
from howlkit.builtin.samplers import Autoregressive
from howlkit.sampling.steering import constraints_of
from howlkit.sampling.wishes import Wishes

ASKED = {"key": "D minor", "range": "48-84", "instruments": "piano", "max_polyphony": 6}
RULES = {
    "no rules": None,
    "default rules": Wishes(),
    "all rules": Wishes(**ASKED),
}
STEPS = 50  # in a timing


class Counted:
    """A session that makes one row without an end, and how many draws its steps took."""

    def __init__(self, trained, wishes):
        constraints = [] if wishes is None else constraints_of(wishes)
        self.session = trained.session(seed=1, limit=ENDLESS, constraints=constraints)
        runner, self.draws = self.session._rows.runner, 0
        sample_step = runner.sample_step

        def counted(*given):
            self.draws += 1
            return sample_step(*given)

        runner.sample_step = counted
        self.step = Autoregressive().generate(self.session).__next__

    @property
    def draws_a_step(self):
        """The draws that a step took, all in all."""
        return self.draws / (int(self.session.lengths[0]) - 1)


def opened(run, minutes, folder):
    """Return the model of a run; without one, of a run that is trained now in a folder."""
    if run is not None:
        return howlkit.load(run, device="cpu")
    data = Path(os.environ["HOWLKIT_DATA"], "pop909")
    return howlkit.train(data, minutes=minutes, out_dir=folder, device="cpu", quiet=True)


def measured(trained, repeats):
    """Return the rows of the result."""
    made = {name: Counted(trained, wishes) for name, wishes in RULES.items()}
    network = network_alone(trained.recipe, trained.network, 1)
    steps = [network, *(each.step for each in made.values())]
    series = alternated(
        repeats, *(block(step, STEPS) for step in steps), warmup=4, clock=time.thread_time
    )
    alone, *taken = ([1e6 * s / STEPS for s in samples] for samples in series)
    none = taken[0]
    unit, rows = "us of CPU a step", [row("network", alone, "us of CPU a step", data="one stream")]
    for (name, each), took in zip(made.items(), taken, strict=True):
        rows.append(
            row(name, took, unit, data=f"one stream, {each.draws_a_step:.2f} draws a step",
                limit=none, limit_name="no rules", asked="<= 1.1" if name[0] == "d" else "")
        )  # fmt: skip
    for name, took, asked in zip(list(made)[1:], taken[1:], ("<= 0.2", "<= 1"), strict=True):
        added = [a - b for a, b in zip(took, none, strict=True)]
        rows.append(
            row(f"{name}: what they add", added, unit, data="one stream", limit=alone,
                limit_name="network", asked=asked)
        )  # fmt: skip
    return rows


def main():
    parser = arguments(__doc__, "rules")
    parser.set_defaults(repeats=101)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--minutes", type=float, default=2.0)
    options = parser.parse_args()
    before = machine()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        trained = opened(options.run, options.minutes, Path(folder, "run"))
        rows = measured(trained, options.repeats)
    notes = [
        "All rules are the default ones and " + ", ".join(f"{k} {v}" for k, v in ASKED.items())
        + ". What is drawn again costs a whole draw; the better a model knows its music, the fewer"
        " draws break a rule."
    ]  # fmt: skip
    write(options.json, "rules", rows, notes=notes, peers=["numba"], machine_before=before)


if __name__ == "__main__":
    main()
