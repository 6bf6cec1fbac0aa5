"""Training on several processes: as one would have trained, whatever happens to them."""

import json
import os
import signal
import sys

import numpy as np
import pytest
import torch

from howlkit.errors import HowlkitError
from howlkit.training.checkpoint import load_checkpoint
from howlkit.training.world import ALONE, joined_world
from tests.conftest import tune, write
from tests.training import ranks
from tests.training.test_not_finite import is_kept
from tests.training.test_trainer import trainer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such signals")

EXACT = {
    "lstm": {"dropout": 0.0},
    "training": {"batch": 5, "ema": 0.9, "validate_every": 5, "optimizer": "adamw"},
}
RANDOM = {
    "lstm": {"dropout": 0.3},
    "training": {"batch": 5, "ema": 0.9, "validate_every": 5, "optimizer": "muon", "accumulate": 2},
}
STEPS = 11


@pytest.fixture(autouse=True)
def float32():
    """What a task sets in this process is set back."""
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes did, which one launch is enough for; the second one is killed at last."""
    folder = tmp_path_factory.mktemp("two")
    for seed in range(3):
        write(tune(seed, 4), folder / "music" / f"{seed}.mid")

    def task(name, values, **more):
        return {"run": str(folder / name), "steps": STEPS, "values": values, **more}

    small = ["-o", "lstm.hidden=8", "-o", "training.batch=2", "--steps", "2"]
    train = ["train", str(folder / "music"), *small, "--out-dir", str(folder / "command")]
    tasks = [
        {"command": train},
        {"command": train},  # refused, since the folder is not empty
        task("exact", EXACT, dtype="float64"),
        task("straight", RANDOM),
        task("stopped", RANDOM, stop_at=7),
        task("stopped", RANDOM, resume=True, attempt=1),
        task("diverging", {"training": {"batch": 4, "carry": 12}}, diverging="loss"),
        task("killed", EXACT, die=[1, 8, signal.SIGKILL]),
    ]
    ended = ranks.finish(ranks.start(tasks, 2, HOWLKIT_CACHE=str(folder / "cache")))
    return folder, ended


def lines(run):
    """Return what was logged, without the clock."""
    logged = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in logged:
        line |= {f"{name} of a note": nats for name, nats in (line.pop("fields") or {}).items()}
    return [{n: v for n, v in line.items() if "second" not in n} for line in logged]


def test_the_first_process_alone_says_what_is_trained(two):
    folder, ((_, first), (_, second)) = two
    assert "for 2 steps on 2 processes (cpu) into" in first
    assert first.count("Done after 2 steps") == 1 and first.count("is not empty") == 1
    assert "Training" not in second and "not empty" not in second
    assert (folder / "command" / "model" / "model.safetensors").is_file()


def test_two_processes_train_as_one(two, tmp_path):
    folder, _ = two
    alone = {"run": str(tmp_path / "alone"), "steps": STEPS, "values": EXACT, "dtype": "float64"}
    ranks.do(alone, ALONE)
    assert ranks.seen(folder / "exact") == ranks.seen(tmp_path / "alone")
    together, one = lines(folder / "exact"), lines(tmp_path / "alone")
    assert len(one) == len(together) == 3
    for ours, theirs in zip(together, one, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-9)


def test_all_processes_have_the_same_weights_and_averages(two):
    folder, _ = two
    for run in ("exact", "straight", "stopped"):
        first, second = (ranks.ended(folder / run, rank) for rank in range(2))
        assert first == second


def test_stopped_and_resumed_two_processes_end_with_the_same_bits(two):
    folder, _ = two
    assert ranks.ended(folder / "stopped")["began"] == 7
    straight, stopped = (load_checkpoint(folder / run) for run in ("straight", "stopped"))
    for name in ("model", "optimizer"):
        ours, theirs = getattr(straight, name), getattr(stopped, name)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert {"rng", "ranks/1/rng", "carried/h"} <= straight.optimizer.keys()
    assert (
        lines(folder / "straight")[-1]["validation"] == lines(folder / "stopped")[-1]["validation"]
    )


def test_the_first_process_names_the_piece_that_stopped_being_finite_in_either(two):
    folder, _ = two
    run = folder / "diverging"
    told, other = ((run / f"stopped-{rank}.txt").read_text() for rank in range(2))
    assert other == "SystemExit: 1" and told.startswith("DataError: training stopped")
    assert "in one of the 4 pieces" in told and "'tune 7', near bar 7" in told
    assert f"weights of step {is_kept(run)}," in told


def test_a_process_that_is_killed_ends_the_others_and_one_goes_on(two, tmp_path):
    folder, ((code, told), (killed, _)) = two
    assert killed == -signal.SIGKILL and code == 1
    last = told.splitlines()[-1]
    assert "process 0 of 2 ends, since another one has ended" in last and "--resume" in last
    task = {"run": str(folder / "killed"), "steps": STEPS, "values": EXACT}
    ranks.do(task | {"resume": True, "attempt": 1}, ALONE)
    assert ranks.ended(folder / "killed")["began"] == 5
    ranks.do(task | {"run": str(tmp_path / "alone")}, ALONE)
    assert ranks.seen(folder / "killed") == ranks.seen(tmp_path / "alone")


@pytest.mark.parametrize("parts", [2, 5, 9])
def test_a_batch_in_parts_is_the_batch(tmp_path, parts):
    torch.set_default_dtype(torch.float64)
    weights = []
    for accumulate in (1, parts):
        values = {"lstm": {"dropout": 0.0}, "training": {"batch": 5, "accumulate": accumulate}}
        made = trainer(tmp_path / str(accumulate), steps=6, values=values, pieces=ranks.PIECES)
        made.train()
        weights.append(torch.cat([p.detach().flatten() for p in made.network.parameters()]))
    assert torch.allclose(*weights, rtol=0, atol=1e-12)


def test_several_processes_without_an_address_are_told_how_to_start(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(HowlkitError, match="not RANK.*torchrun --nproc-per-node 2"), joined_world():
        pass


def test_one_process_needs_no_group(monkeypatch):
    for size in ("", "1"):
        monkeypatch.setenv("WORLD_SIZE", size)
        with joined_world() as world:
            assert world is ALONE
    assert not torch.distributed.is_initialized()
    assert os.environ.get("RANK") is None and np.array_equal(ALONE.summed(np.ones(2)), np.ones(2))
