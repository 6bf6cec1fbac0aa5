"""Runs that are stopped, killed, out of disk or given more time lose no work."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from howlkit.errors import CheckpointError
from howlkit.sampling.trained import Trained
from howlkit.training import checkpoint
from howlkit.training.progress import Budget
from howlkit.training.trainer import Interrupted
from tests.training.test_trainer import digest, trainer


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("stop", [10, 17])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, stop, ema, optimizer):
    values = {"training": {"ema": ema, "optimizer": optimizer}}
    straight = trainer(tmp_path / "a", values=values)
    straight.train()

    first = trainer(tmp_path / "b", values=values)
    original = first._update

    def update(*arguments):
        result = original(*arguments)
        if first.step + 1 == stop:
            os.kill(os.getpid(), signal.SIGINT)
        return result

    first._update = update
    with pytest.raises(Interrupted) as stopped:
        first.train()
    assert stopped.value.number == signal.SIGINT and first.step == stop
    second = trainer(tmp_path / "b", values=values)
    second.resume()
    assert second.step == stop
    second.train()
    assert digest(second.network) == digest(straight.network)
    models = [tmp_path / name / "model" / "model.safetensors" for name in "ab"]
    assert models[0].read_bytes() == models[1].read_bytes()


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_killed_run_resumes_at_its_last_checkpoint_with_the_same_bits(tmp_path, optimizer):
    values = {"training": {"optimizer": optimizer}}
    straight = trainer(tmp_path / "a", steps=40, values=values)
    straight.train()
    script = textwrap.dedent(
        """
        import os, pathlib, signal, sys, torch
        torch.set_num_threads(1)
        from tests.training.test_trainer import trainer
        values = {"training": {"optimizer": sys.argv[2]}}
        made = trainer(pathlib.Path(sys.argv[1]), steps=40, values=values)
        update = made._update
        def killed(*arguments):
            if made.step == 27:
                os.kill(os.getpid(), signal.SIGKILL)
            return update(*arguments)
        made._update = killed
        made.train()
        """
    )
    command = [sys.executable, "-c", script, str(tmp_path / "b"), optimizer]
    done = subprocess.run(command, check=False)
    assert done.returncode == -signal.SIGKILL
    second = trainer(tmp_path / "b", steps=40, values=values)
    second.resume()
    assert second.step == 20
    second.train()
    assert digest(second.network) == digest(straight.network)


def test_a_damaged_checkpoint_falls_back_to_one_that_is_whole(tmp_path):
    made = trainer(tmp_path / "run", steps=10)
    made.train()
    good = checkpoint.load_checkpoint(made.run)
    bad = made.run / "checkpoints" / "step-00000099"
    bad.mkdir()
    for path in (made.run / "checkpoints" / "step-00000010").iterdir():
        data = path.read_bytes()
        (bad / path.name).write_bytes(data[:-1] if path.suffix == ".safetensors" else data)
    (made.run / "checkpoints" / "latest").write_text("step-00000099\n")
    assert checkpoint.load_checkpoint(made.run).step == good.step == 10


def test_no_whole_checkpoint_is_an_error_that_says_what_to_do(tmp_path):
    made = trainer(tmp_path / "run", steps=10)
    with pytest.raises(CheckpointError, match="--init"):
        made.resume()
    made.train()
    (made.run / "checkpoints" / "step-00000010" / "state.json").write_text("{}")
    with pytest.raises(CheckpointError, match="missing or damaged"):
        made.resume()


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
@pytest.mark.parametrize("room", [100, 5_000, 60_000])
def test_a_disk_that_takes_no_more_leaves_what_was_saved(tmp_path, room):
    import resource

    made = trainer(tmp_path / "run", steps=10)
    made.train()
    weights = (made.run / "model" / "model.safetensors").read_bytes()
    made.budget = Budget(steps=30)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(CheckpointError, match="File too large.*untouched"):
            made.train()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert checkpoint.load_checkpoint(made.run).step == 10
    assert (made.run / "model" / "model.safetensors").read_bytes() == weights
    assert not [p for p in made.run.rglob("*") if "partial" in p.name]
    again = trainer(made.run, steps=30)  # there is room: it goes on from what was saved
    again.resume()
    again.train()
    assert checkpoint.load_checkpoint(made.run).step == 30


KILLS = int(os.environ.get("HOWLKIT_KILLS", "10"))  # `make kills`: 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_whenever_it_is_killed_while_saving_there_is_a_whole_checkpoint(tmp_path):
    script = textwrap.dedent(
        """
        import os, pathlib, random, signal, sys, time, torch
        torch.set_num_threads(1)
        from howlkit.training import checkpoint
        from tests.training.test_trainer import trainer
        run, kills = pathlib.Path(sys.argv[1]), int(sys.argv[2])
        made = trainer(run, steps=40)
        made.train()
        last = 40
        for number in range(kills):
            ready, begun = os.pipe()
            child = os.fork()
            if not child:
                made.resume()
                while True:
                    made._at.step += 1
                    made.save()
                    os.write(begun, b"saved")
            os.read(ready, 5)
            time.sleep(random.Random(number).uniform(0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(ready), os.close(begun)
            step = checkpoint.load_checkpoint(run).step
            assert step > last, (number, step, last)
            last = step
        print(last)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "run"), str(KILLS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 40 + KILLS


def test_a_killed_run_logs_each_step_once_when_resumed(tmp_path):
    made = trainer(tmp_path / "run", steps=20)
    made.train()
    torn = '{"step": 30, "epoch"'
    log = made.run / "metrics.jsonl"
    log.write_text(log.read_text() + json.dumps({"step": 25}) + "\n" + torn)
    again = trainer(tmp_path / "run", steps=40)
    again.resume()
    again.train()
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == [10, 20, 30, 40]


def test_a_run_killed_before_its_first_validation_can_be_resumed(tmp_path):
    first = trainer(tmp_path / "run", steps=20)
    first._update = None  # the first step fails in a way nobody foresaw
    with pytest.raises(TypeError):
        first.train()
    second = trainer(tmp_path / "run", steps=20)
    second.resume()
    assert second.step == 0
    second.train()
    straight = trainer(tmp_path / "straight", steps=20)
    straight.train()
    assert digest(second.network) == digest(straight.network)


def test_a_run_stopped_early_goes_on_when_it_is_given_more(tmp_path):
    values = {"training": {"patience": 2, "rate": 0.0}}
    trainer(tmp_path / "run", steps=500, values=values).train()
    more = trainer(tmp_path / "run", steps=600, values=values)
    more.resume()
    more.extend()
    assert more.train().progress.step == 50  # two validations later, not at once


def test_so_many_checkpoints_are_kept_and_each_can_be_sampled(tmp_path):
    made = trainer(tmp_path / "run", steps=40, values={"training": {"validate_every": 10}})
    made.keep = 3
    made.train()
    kept = sorted(path.name for path in (made.run / "checkpoints").glob("step-*"))
    assert kept == ["step-00000020", "step-00000030", "step-00000040"]
    early, last = (
        Trained.from_pretrained(made.run, stepping=None, checkpoint=step) for step in (20, 40)
    )
    assert digest(last.network) == digest(made.network) != digest(early.network)
    assert (early.facts["step"], early.facts["nats_per_note"]) == (20, None)
    with pytest.raises(CheckpointError, match="no checkpoint of step 10.*20, 30, 40"):
        Trained.from_pretrained(made.run, checkpoint=10)
    made.keep = 1
    made.budget = Budget(steps=41)
    made.train()
    assert [path.name for path in (made.run / "checkpoints").glob("step-*")] == ["step-00000041"]
