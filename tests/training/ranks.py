"""Trains in processes of their own, one or several, for the tests of training on several.

`python -m tests.training.ranks TASKS` does the tasks (JSON, a list) one after another, in the world
that the environment names. A task:

    run: the folder. steps: of the budget. values: options by component. dtype: float32 or float64.
    workers. resume: go on with the run. die: [rank, step, signal], which that rank sends itself.
    stop_at: the first rank gets Ctrl-C after this step. gradients: keep those of the first step.
    diverging: the way of `tests.training.diverging`, whose model learns short tunes and a long one.
    command: in place of all these, arguments of `howlkit`.

Each rank leaves `RUN/seen-RANK.jsonl`, a line for each step: digests of the rows that it trained
on, and the sums of nats; and at the end of a task `RUN/ended-RANK.json`, or `RUN/stopped-RANK.txt`
with the error. `gradients` are in `RUN/gradients-RANK.npy`.
"""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from howlkit import cli
from howlkit.errors import DataError, HowlkitError
from howlkit.training.trainer import Interrupted
from howlkit.training.world import joined_world
from tests.conftest import tune
from tests.training.diverging import Diverging
from tests.training.test_trainer import digest, trainer

PIECES = [tune(seed, bars=4 + 3 * seed) for seed in range(7)]
"""Of unequal lengths, so that rows end at different steps, and a segment has too few of them."""


def start(tasks, size=1, **environment):
    """Start `size` processes that do the tasks, as a scheduler would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": "1",
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    command = [sys.executable, "-m", "tests.training.ranks", json.dumps(tasks)]
    return [
        subprocess.Popen(
            command,
            env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank)} | environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for rank in range(size)
    ]


def finish(processes):
    """Wait for processes; return the exit code and stderr of each."""
    told = [process.communicate(timeout=300)[1] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, told, strict=True)]


def done(tasks, size=1, **environment):
    """Do tasks in `size` processes, all of which must succeed."""
    for code, told in finish(start(tasks, size, **environment)):
        assert code == 0, told


def seen(run):
    """Return by step the digests of all rows trained on, sorted, as the last process saw it."""
    rows = {}
    for path in sorted(Path(run).glob("seen-*.jsonl")):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            own = rows.setdefault(entry["step"], {}).setdefault(entry["attempt"], [])
            own += entry["rows"]
    return {step: sorted(attempts[max(attempts)]) for step, attempts in rows.items()}


def costs(run):
    """Return the nats of each step, over all ranks, as the last process saw them."""
    nats = {}
    for path in sorted(Path(run).glob("seen-*.jsonl")):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            nats.setdefault(entry["step"], {}).setdefault(entry["attempt"], []).append(
                entry["nats"]
            )
    return {step: sum(attempts[max(attempts)]) for step, attempts in nats.items()}


def ended(run, rank=0):
    """Return what a rank wrote at the end of a task."""
    return json.loads((Path(run) / f"ended-{rank}.json").read_text())


def _rows(batch):
    """Return a digest of each row of a window that has steps."""
    found = []
    for row, length in enumerate(batch.lengths):
        if length:
            columns = [batch.inputs, batch.targets]
            data = [side[name][row, :length] for side in columns for name in sorted(side)]
            found.append(hashlib.sha256(b"".join(map(bytes, data))).hexdigest()[:16])
    return found


def _watch(made, task, log, attempt):
    """Log each update of a trainer, and let it die where its task says so."""
    update, rank = made._update, made.world.rank
    dies = task.get("die", [None, None, None])

    def watched(batch, scale):
        if dies[:2] == [rank, made.step]:
            os.kill(os.getpid(), dies[2])
        nats = update(batch, scale)
        entry = {"step": made.step, "attempt": attempt, "rows": _rows(batch), "nats": nats.item()}
        log.write(json.dumps(entry) + "\n")
        log.flush()
        if made.step + 1 == task.get("stop_at") and made.world.first:
            os.kill(os.getpid(), signal.SIGINT)
        return nats

    made._update = watched


def _keep_gradients(made):
    """Write the gradients of the first step, of all weights in a row."""
    step, path = made.optimizer.step, made.run / f"gradients-{made.world.rank}.npy"

    def kept():
        parts = [p.grad.flatten() for p in made.network.parameters() if p.grad is not None]
        if not path.exists():
            np.save(path, torch.cat(parts).numpy())
        step()

    made.optimizer.step = kept


def do(task, world):
    """Do one task."""
    if "command" in task:
        with contextlib.suppress(SystemExit):
            cli.main(task["command"])
        return
    torch.set_default_dtype(getattr(torch, task.get("dtype", "float32")))
    run, rank = Path(task["run"]), world.rank
    music = {"pieces": PIECES}
    if "diverging" in task:
        music = {
            "model": Diverging(task["diverging"]),
            "pieces": [*(tune(seed, bars=5) for seed in range(3)), tune(7, bars=40)],
        }
    made = trainer(
        run,
        **music,
        steps=task["steps"],
        values=task.get("values"),
        world=world,
        workers=task.get("workers", 0),
    )
    if task.get("resume"):
        made.resume()
    if task.get("gradients"):
        _keep_gradients(made)
    began = made.step
    with (run / f"seen-{rank}.jsonl").open("a") as log:
        _watch(made, task, log, task.get("attempt", 0))
        try:
            made.train()
        except Interrupted as stop:
            assert stop.number == signal.SIGINT
        except (DataError, SystemExit) as error:
            (run / f"stopped-{rank}.txt").write_text(f"{type(error).__name__}: {error}")
    told = {"began": began, "step": made.step, "digest": digest(made.network)}
    if made.average is not None:
        parts = (tensor.numpy().tobytes() for tensor in made.average.tensors.values())
        told["average"] = hashlib.sha256(b"".join(parts)).hexdigest()
    (run / f"ended-{rank}.json").write_text(json.dumps(told))


def main():
    torch.set_num_threads(1)
    try:
        with joined_world() as world:
            for task in json.loads(sys.argv[1]):
                do(task, world)
    except HowlkitError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
