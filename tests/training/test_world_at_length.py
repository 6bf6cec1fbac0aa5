"""Training on several processes at length, killed and interrupted: `make soak` and `make kills`.

docs/reliability.md says when these ran, and what they gave.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from howlkit.dataset import prepare
from howlkit.training.checkpoint import load_checkpoint
from tests.conftest import tune, write
from tests.training import ranks
from tests.training.test_run_lock import logged, wait_until
from tests.training.test_world import EXACT, RANDOM, lines

if sys.platform == "win32":
    pytest.skip("no such signals", allow_module_level=True)

soak = pytest.mark.skipif("HOWLKIT_SOAK" not in os.environ, reason="make soak runs it")
kills = pytest.mark.skipif("HOWLKIT_RANK_KILLS" not in os.environ, reason="make kills runs it")
KILLS = int(os.environ.get("HOWLKIT_RANK_KILLS", "0"))
LIMIT = 30  # seconds in which all processes have ended, once one of them has


def with_training(values, **training):
    return values | {"training": values["training"] | training}


@soak
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("size", [1, 2])
def test_40_steps_are_20_and_a_kill_and_20_bit_for_bit(tmp_path, size, workers):
    values = with_training(RANDOM, validate_every=20)
    common = {"steps": 40, "values": values, "workers": workers}
    straight = common | {"run": str(tmp_path / "straight")}
    broken = common | {"run": str(tmp_path / "broken")}
    dies = broken | {"die": [size - 1, 20, signal.SIGKILL]}
    codes = [code for code, _ in ranks.finish(ranks.start([straight, dies], size))]
    assert codes == [*[1] * (size - 1), -signal.SIGKILL]
    ranks.done([broken | {"resume": True, "attempt": 1}], size)
    assert ranks.ended(tmp_path / "broken")["began"] == 20
    ours, theirs = (
        tmp_path / name / "checkpoints" / "step-00000040" for name in ("broken", "straight")
    )
    for file in ("model.safetensors", "optimizer.safetensors"):
        assert (ours / file).read_bytes() == (theirs / file).read_bytes()
    states = [json.loads((folder / "state.json").read_text()) for folder in (ours, theirs)]
    for state in states:
        del state["position"]["seconds"]
    assert states[0] == states[1]
    assert lines(tmp_path / "broken") == lines(tmp_path / "straight")
    assert ranks.seen(tmp_path / "broken") == ranks.seen(tmp_path / "straight")
    assert ranks.costs(tmp_path / "broken") == ranks.costs(tmp_path / "straight")


@soak
def test_1_2_and_4_processes_have_the_same_losses_over_40_steps(tmp_path):
    found = {}
    for size in (1, 2, 4):
        run = tmp_path / str(size)
        task = {"run": str(run), "steps": 40, "values": EXACT, "dtype": "float64"}
        ranks.done([task], size)
        found[size] = ranks.costs(run)
        assert ranks.seen(run) == ranks.seen(tmp_path / "1")
        assert len({ranks.ended(run, rank)["digest"] for rank in range(size)}) == 1
        for ours, theirs in zip(lines(run), lines(tmp_path / "1"), strict=True):
            assert ours == pytest.approx(theirs, abs=1e-9)
    for size in (2, 4):
        apart = max(abs(found[size][step] / found[1][step] - 1) for step in range(40))
        print(f"{size} processes and one: losses of 40 steps at most {apart:.1e} apart")
        assert apart < 1e-9


@soak
def test_1_2_and_4_processes_have_the_same_first_gradients(tmp_path):
    values = with_training(EXACT, clip=0.0, batch=8)
    found = {}
    for size in (1, 2, 4):
        run = tmp_path / str(size)
        ranks.done([{"run": str(run), "steps": 1, "values": values, "gradients": True}], size)
        found[size] = np.load(run / "gradients-0.npy").astype(np.float64)
    for size in (2, 4):
        apart = np.linalg.norm(found[size] - found[1]) / np.linalg.norm(found[1])
        print(f"{size} processes and one: first gradients {apart:.1e} of their norm apart")
        assert apart < 1e-5


@soak
@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_moved_from_1_to_2_to_1_processes_sees_each_window_once(tmp_path, workers):
    common = {"steps": 40, "values": with_training(EXACT, validate_every=7), "workers": workers}
    ranks.done([common | {"run": str(tmp_path / "straight")}], 1)
    moved = common | {"run": str(tmp_path / "moved")}
    ranks.finish(ranks.start([moved | {"die": [0, 10, signal.SIGKILL]}], 1))
    again = moved | {"resume": True, "attempt": 1}
    ranks.finish(ranks.start([again | {"die": [1, 24, signal.SIGKILL]}], 2))
    assert load_checkpoint(tmp_path / "moved").step == 21
    ranks.done([again | {"attempt": 2}], 1)
    assert ranks.ended(tmp_path / "moved")["began"] == 21
    assert ranks.seen(tmp_path / "moved") == ranks.seen(tmp_path / "straight")


# Under torchrun, and without it ---------------------------------------------------------------


def command(folder):
    """Return `howlkit train` of a small network that never ends, into `folder / "run"`."""
    if not (folder / "data").exists():
        for seed in range(6):
            write(tune(seed, 8), folder / "music" / f"{seed}.mid")
        prepare([folder / "music"], folder / "data", workers=1)
    small = ["-o", "lstm.hidden=8", "-o", "training.batch=4", "-o", "training.window=32"]
    often = ["-o", "training.validate_every=10", "-o", "training.patience=0"]
    new = [str(folder / "data"), *small, *often, "--steps", "1000000"]
    resume = ["--resume"] if (folder / "run" / "config.json").exists() else new
    return ["-m", "howlkit", "train", *resume, "--out-dir", str(folder / "run")]


def torchrun(folder):
    """Start two processes with torchrun."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [sys.executable, *launch, *command(folder)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
    )


def children(process):
    """Return the processes that a process has started, in the order of their starts."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in listed.read_text().split()]


def trains_on(folder):
    """Wait until a run has trained ten steps more."""
    before = len(logged(folder / "run"))
    wait_until(lambda: len(logged(folder / "run")) > before)


def is_gone(pid):
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


@kills
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="it looks for processes in /proc")
def test_a_rank_killed_or_stopped_at_any_moment_ends_the_run_with_a_whole_checkpoint(tmp_path):
    taken = {signal.SIGKILL: [], signal.SIGSTOP: []}
    for number in range(KILLS):
        chance = random.Random(number)
        process = torchrun(tmp_path)
        trains_on(tmp_path)
        pids = children(process)
        time.sleep(chance.uniform(0, 0.3))
        how = signal.SIGSTOP if number % 4 == 3 else signal.SIGKILL
        began = time.monotonic()
        os.kill(chance.choice(pids), how)
        told = process.communicate(timeout=LIMIT)[1]
        taken[how].append(time.monotonic() - began)
        assert process.returncode and all(map(is_gone, pids)), told
        assert load_checkpoint(tmp_path / "run").step <= logged(tmp_path / "run")[-1]
    for how, seconds in taken.items():
        most = max(seconds, default=0)
        print(f"{len(seconds)} times {how.name}: all had ended after {most:.1f} s at most")
    steps = logged(tmp_path / "run")
    assert steps == sorted(set(steps))


@soak
def test_ctrl_c_under_torchrun_saves_and_ends(tmp_path):
    process = torchrun(tmp_path)
    trains_on(tmp_path)
    pids = children(process)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=LIMIT)[1]
    assert told.count("Stopped and saved after") == 1
    assert all(map(is_gone, pids))
    step = load_checkpoint(tmp_path / "run").step
    assert f"after {step} steps" in told and step >= logged(tmp_path / "run")[-1]


@soak
@pytest.mark.parametrize("ill", [0, 1])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_without_torchrun_a_rank_that_is_gone_or_hangs_ends_the_others(tmp_path, how, ill):
    values = with_training(EXACT, validate_every=1_000_000)  # it hangs in a step
    task = {"run": str(tmp_path / "run"), "steps": 2_000_000, "values": values}
    both = ranks.start([task], 2)
    trains_on(tmp_path)
    began = time.monotonic()
    both[ill].send_signal(how)
    code, told = ranks.finish([both[1 - ill]])[0]
    taken = time.monotonic() - began
    both[ill].kill()
    both[ill].communicate()
    print(f"{how.name} of rank {ill}: the other ended after {taken:.1f} s")
    assert code == 1 and "since another one has ended or does not answer" in told
    assert taken < LIMIT
    assert load_checkpoint(tmp_path / "run").step == 0
