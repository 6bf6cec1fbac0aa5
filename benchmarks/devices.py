"""Two processes that train one network, against two independent trainings side by side.

    python benchmarks/devices.py [--processes 2] [--steps 48] [--repeats 3]

Each process has one thread and 16 rows of the chorales a step, so the network of two processes
learns from 32. The two ways take turns. What averaging gradients costs is the ratio of the second
rate to the first; rates are in notes a second of the clock, which is fair on a quiet machine only,
and in notes a second of CPU time, which leaves out what other programs took, and what processes
wait for each other.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from measuring import arguments, machine, row, write

WARM_UP = 8  # steps, a segment


def train(folder, steps):
    """Train in this process, in its world; print notes, and seconds of the clock and of the CPU."""
    from howlkit.dataset import opening
    from howlkit.network.likelihood import unigram
    from howlkit.training.progress import Budget
    from howlkit.training.recipe import Recipe
    from howlkit.training.setup import windows_of
    from howlkit.training.trainer import Trainer
    from howlkit.training.world import joined_world

    torch.set_num_threads(1)
    with joined_world() as world:
        training = {"batch": 16 * world.size, "validate_every": 10**9}
        recipe = Recipe.choose(
            "tuple", "lstm", augment=["transpose"], values={"training": training}
        )
        data = opening.open_data([], tell=lambda line: None)
        windows = windows_of(recipe, data, 0, world)
        some = data.indices("train")[:20]
        run = Path(folder) / f"{os.getpid()}"
        run.mkdir()
        made = Trainer(
            run,
            recipe,
            windows,
            None,
            budget=Budget(steps=WARM_UP + steps),
            facts={"unigram": unigram(recipe.encoder, [data.piece(int(i)) for i in some])},
            device=torch.device("cpu"),
            world=world,
        )
        update, seen = made._update, {"notes": 0}

        def counted(batch, scale):
            if made.step == WARM_UP:
                seen.update(notes=0, clock=time.perf_counter(), cpu=time.process_time())
            seen["notes"] += int(batch.lengths.sum())
            nats = update(batch, scale)
            if made.step == WARM_UP + steps - 1:
                seen["clock"] = time.perf_counter() - seen["clock"]
                seen["cpu"] = time.process_time() - seen["cpu"]
            return nats

        made._update = counted
        made.save_model = lambda: None
        made.train()
        print(json.dumps(seen))


def rates(folder, processes, steps, *, together):
    """Return notes a second of the clock and of the CPU, of all processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    size = {"WORLD_SIZE": str(processes if together else 1)}
    command = [sys.executable, __file__, "--one", folder, "--steps", str(steps)]
    started = [
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ
            | {"OMP_NUM_THREADS": "1", "RANK": str(rank), "LOCAL_RANK": str(rank)}
            | (address | size),
        )
        for rank in range(processes)
    ]
    found = [json.loads(each.communicate()[0].splitlines()[-1]) for each in started]
    notes = sum(one["notes"] for one in found)
    by_clock = sum(one["notes"] / one["clock"] for one in found)
    return by_clock, notes / sum(one["cpu"] for one in found)


def main():
    parser = arguments(__doc__, "devices")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--steps", type=int, default=48, help="that are timed")
    parser.add_argument("--one", metavar="FOLDER", help="train in this process, for the others")
    parser.set_defaults(repeats=3)
    options = parser.parse_args()
    if options.one:
        train(options.one, options.steps)
        return
    before, apart, together = machine(), [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.repeats):
            for found, joined in ((apart, False), (together, True)):
                found.append(rates(folder, options.processes, options.steps, together=joined))
    rows = [
        row(
            f"{options.processes} processes, one network",
            [each[place] for each in together],
            unit,
            data="chorales, 16 rows a process",
            peer=[each[place] for each in apart],
            peer_name=f"{options.processes} independent trainings side by side",
            asked=">= 0.85",
        )
        for place, unit in enumerate(("notes/s", "notes/s of CPU"))
    ]
    notes = ["one thread a process; load before it began: " + str(before.get("load"))]
    write(options.json, "devices", rows, notes=notes, machine_before=before)


if __name__ == "__main__":
    main()
