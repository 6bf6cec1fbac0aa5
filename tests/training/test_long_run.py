"""A night of training in minutes: nothing grows that should not (`make soak`).

`python -m tests.training.test_long_run FOLDER STEPS WORKERS` trains so many steps of a very small
network by a clock that goes on by 28,800 seconds (8 hours) meanwhile, with a validation and a
checkpoint every 20 steps, and prints a line of JSON for each hour.
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from howlkit.api.training_display import Display
from howlkit.training.progress import Budget
from tests.conftest import tune
from tests.training.test_trainer import trainer

HOURS = 8
STEPS = int(os.environ.get("HOWLKIT_LONG_STEPS", "40000"))
EVERY, KEEP = 20, 3
TINY = {
    "lstm": {"hidden": 4, "dropout": 0.1},
    "heads": {"embedding": 4, "width": 4},
    "training": {"batch": 2, "window": 8, "carry": 4, "validate_every": EVERY, "patience": 0},
}


def of_process(number):
    """Return the memory in megabytes and the number of open handles of a process."""
    folder = Path(f"/proc/{number}")
    pages = int((folder / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(list((folder / "fd").iterdir()))


def size(folder):
    """Return the number of files in a folder and of the bytes in them."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def train(folder, steps, workers):
    """Train, and print what there is at the end of each hour."""
    ticks = itertools.count()
    a_look = HOURS * 3600 / steps  # the trainer looks at its clock once a step
    pieces = [tune(seed, bars=3) for seed in range(8)]
    values = TINY | {"training": TINY["training"] | {"ema": 0.99}}
    clock = lambda: next(ticks) * a_look  # noqa: E731
    run = Path(folder) / "run"
    made = trainer(run, values=values, pieces=pieces, workers=workers, clock=clock)
    made.budget, made.keep = Budget(minutes=60 * HOURS), KEEP
    hours, show = 0, None

    def looked(progress):
        nonlocal hours
        show(progress)
        if progress.seconds >= 3600 * (hours + 1):
            hours += 1
            children = Path("/proc/self/task").glob("*/children")
            family = [os.getpid(), *(int(p) for path in children for p in path.read_text().split())]
            found = [of_process(number) for number in family]
            checkpoints, log = size(run / "checkpoints"), (run / "metrics.jsonl").stat().st_size
            line = {"hour": hours, "step": progress.step, "memory": sum(m for m, _ in found)}
            line |= {"handles": sum(h for _, h in found), "processes": len(family)}
            print(json.dumps(line | {"checkpoints": checkpoints, "log": log}), flush=True)

    with Display() as display:
        display.begin(made)
        show, made.show = made.show, looked
        made.train()


@pytest.mark.skipif("HOWLKIT_SOAK" not in os.environ, reason="make soak runs it")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="it looks into /proc")
@pytest.mark.parametrize("workers", [0, 2])
def test_memory_handles_and_files_stay_as_they_are_over_8_hours(tmp_path, workers):
    command = [sys.executable, "-m", "tests.training.test_long_run", tmp_path, STEPS, workers]
    done = subprocess.run(
        [*map(str, command)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    hours = [json.loads(line) for line in done.stdout.splitlines()]
    first, last = hours[0], hours[-1]
    print(f"{workers} workers, {last['step']:,} steps, by the hour:")
    print("memory, MB: " + ", ".join(f"{each['memory']:.1f}" for each in hours))
    print("handles: " + ", ".join(str(each["handles"]) for each in hours))
    print(f"a checkpoint every {EVERY} steps; files of them and bytes: {last['checkpoints']}")
    print(f"log: {last['log'] / last['step'] * 10:.0f} bytes a line, a line every ten steps")
    assert last["hour"] == HOURS and last["step"] >= 0.9 * STEPS
    assert last["memory"] < first["memory"] + 3 and last["handles"] == first["handles"]
    assert last["processes"] == first["processes"]
    files, stored = last["checkpoints"]
    assert files == 4 * KEEP + 1 and stored < 1.1 * first["checkpoints"][1]
    assert last["log"] < 1.2 * first["log"] * last["step"] / first["step"]  # no line gets longer
    steps = [json.loads(line)["step"] for line in _lines(tmp_path)]
    assert steps == sorted(set(steps)) and len(steps) <= last["step"] // 10 + 2
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()


def _lines(folder):
    return (folder / "run" / "metrics.jsonl").read_text().splitlines()


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    train(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
