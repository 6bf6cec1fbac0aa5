"""One run folder, one trainer: the second is refused, and a lock that is left over stops nobody."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from howlkit.dataset import prepare
from howlkit.errors import CheckpointError
from howlkit.sampling import Trained
from howlkit.training import run_folders, run_lock
from howlkit.training.run_lock import RunLock
from tests.conftest import tune, write
from tests.training.test_trainer import trainer

SMALL = [
    *("-o", "lstm.hidden=8", "-o", "training.batch=2", "-o", "training.validate_every=5"),
    *("-o", "training.patience=0"),  # a run ends only when it is stopped
]
STARTS = int(os.environ.get("HOWLKIT_STARTS", "3"))  # `make kills`: 50
PATIENCE = 300  # seconds: a hundred times what anything here takes

HOLD = """
import pathlib, sys, time
from howlkit.training.run_lock import RunLock
lock = RunLock.take(pathlib.Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def held_elsewhere(tmp_path):
    """A process that holds the lock of `tmp_path / "run"`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def wait_until(what):
    deadline = time.monotonic() + PATIENCE
    while not (result := what()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return result


def test_the_second_is_told_who_holds_the_lock(held_elsewhere, tmp_path):
    who = rf"run is being trained by process {held_elsewhere.pid} on \S+, since 20"
    with pytest.raises(CheckpointError, match=who):
        RunLock.take(tmp_path / "run")
    assert run_lock.holder(tmp_path / "run").pid == held_elsewhere.pid


def test_a_run_that_is_trained_just_now_is_not_told_to_resume(held_elsewhere, tmp_path):
    (tmp_path / "run" / "config.json").touch()
    with pytest.raises(CheckpointError) as told:
        run_folders.find_model(tmp_path / "run")
    assert f"it is being trained by process {held_elsewhere.pid}" in str(told.value)
    assert "--resume" not in str(told.value)


def test_the_lock_of_a_killed_process_stops_nobody(held_elsewhere, tmp_path):
    run = tmp_path / "run"
    held_elsewhere.kill()
    held_elsewhere.wait()
    assert json.loads((run / "training.json").read_text())["pid"] == held_elsewhere.pid
    assert run_lock.holder(run) is None
    with RunLock.take(run):
        assert run_lock.holder(run).pid == os.getpid()
    assert run_lock.holder(run) is None and not (run / "training.json").exists()


def test_a_pid_that_another_process_has_now_stops_nobody(tmp_path):
    RunLock.take(tmp_path).release()
    stale = {**vars(run_lock._this_process()), "pid": os.getppid()}  # a process that lives
    (tmp_path / "training.json").write_text(json.dumps(stale))
    assert run_lock.holder(tmp_path) is None
    RunLock.take(tmp_path).release()


@pytest.mark.parametrize("said", ["", "[]", '{"host": 1}', "\xff"])
def test_a_damaged_file_stops_nobody(tmp_path, said):
    (tmp_path / "training.json").write_text(said, encoding="latin-1")
    assert run_lock.holder(tmp_path) is None
    with RunLock.take(tmp_path):
        assert run_lock.holder(tmp_path).pid == os.getpid()


def test_the_lock_of_another_host_is_refused_with_what_to_do(tmp_path):
    run = tmp_path / "my run"
    run.mkdir()
    file = run / "training.json"
    file.write_text(json.dumps({"host": "attic", "pid": 7, "since": "2026-11-28 14:03:22+01:00"}))
    with pytest.raises(CheckpointError, match="by process 7 on attic, since 2026.*delete '.*json'"):
        RunLock.take(run)
    assert run_lock.holder(run).host == "attic"
    file.unlink()
    RunLock.take(run).release()


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
@pytest.mark.parametrize(
    ("code", "always"),
    [(errno.ENOSYS, True), (errno.ENOLCK, False), (errno.ENOLCK, True), (errno.EOPNOTSUPP, False)],
)
def test_a_file_system_without_locks_gets_one_of_a_file(tmp_path, monkeypatch, code, always):
    def refuse(file, how):
        import fcntl

        if always or how != fcntl.LOCK_UN:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", refuse)
    with RunLock.take(tmp_path):
        with pytest.raises(CheckpointError, match=f"by process {os.getpid()}"):
            RunLock.take(tmp_path)
        assert run_lock.holder(tmp_path) is not None
    assert run_lock.holder(tmp_path) is None


def test_a_process_that_says_late_who_it_is_is_named(tmp_path):
    with RunLock.take(tmp_path):
        said = (tmp_path / "training.json").read_bytes()
        (tmp_path / "training.json").unlink()
        late = threading.Timer(1.5, (tmp_path / "training.json").write_bytes, [said])
        late.start()
        with pytest.raises(CheckpointError, match=f"by process {os.getpid()}"):
            RunLock.take(tmp_path)
        late.join()


def test_a_lock_that_nothing_was_written_under_leaves_no_folder(tmp_path):
    RunLock.take(tmp_path / "a").release()
    assert not (tmp_path / "a").exists()
    with RunLock.take(tmp_path / "b"):
        (tmp_path / "b" / "config.json").touch()
    # filelock leaves its file, or in some versions deletes it.
    names = {path.name for path in (tmp_path / "b").iterdir()}
    assert names - {"training.lock"} == {"config.json"}


def test_two_processes_never_get_the_same_new_folder(tmp_path, monkeypatch):
    first = run_folders.take_next("tuple", "lstm", tmp_path)
    original, names = run_folders.next_free, []

    def late(*arguments):  # the name was free when it was looked for
        names.append(first.run if not names else original(*arguments))
        return names[-1]

    monkeypatch.setattr(run_folders, "next_free", late)
    second = run_folders.take_next("tuple", "lstm", tmp_path)
    assert (first.run.name, second.run.name) == ("tuple-lstm-1", "tuple-lstm-2")
    first.release(), second.release()


def test_a_trainer_holds_the_lock_while_it_trains_and_no_longer(tmp_path):
    made = trainer(tmp_path / "run", steps=2)
    seen = []
    made.show = lambda progress: seen.append(run_lock.holder(made.run))
    made.train()
    assert seen and all(one.pid == os.getpid() for one in seen)
    assert run_lock.holder(made.run) is None
    with RunLock.take(made.run):
        again = trainer(tmp_path / "run", steps=4)
        again.resume()
        with pytest.raises(CheckpointError, match="is being trained by"):
            again.train()


def start(log, *arguments):
    command = [sys.executable, "-m", "howlkit", "train", *arguments]
    with open(log, "w") as file:
        return subprocess.Popen(command, stderr=file, cwd=log.parent)


def logged(run):
    """Return the steps of the whole lines of metrics.jsonl."""
    log = run / "metrics.jsonl"
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return [json.loads(line)["step"] for line in lines]


def test_of_two_trainings_in_one_folder_one_is_refused_whenever_they_start(tmp_path, howlkit):
    """Start two; the one that trains is stopped, by Ctrl-C or killed; go on in this process."""
    for seed in range(4):
        write(tune(seed, 4), tmp_path / "music" / f"{seed}.mid")
    prepare([tmp_path / "music"], tmp_path / "data", workers=1)
    run, go_on = tmp_path / "run", []
    for number in range(STARTS):
        rng = random.Random(number)
        if not go_on or rng.random() < 0.5:  # a new run, or one to resume
            run, go_on = tmp_path / f"run {number}", []
        arguments = go_on or ["data", *SMALL]
        before = len(logged(run))
        logs = [tmp_path / f"{number}-{name}.txt" for name in "ab"]
        both = []
        for log, pause in zip(logs, (rng.choice([0, rng.uniform(0, 3)]), 0), strict=True):
            both.append(start(log, *arguments, "--steps", "10000000", "--out-dir", str(run)))
            time.sleep(pause)
        try:
            refused = wait_until(lambda both=both: [p for p in both if p.poll() is not None])
            (holder,) = (process for process in both if process not in refused)
            told = logs[both.index(refused[0])].read_text()
            assert refused[0].returncode == 1 and "Traceback" not in told
            assert f"is being trained by process {holder.pid} on " in told.splitlines()[-1], told
            wait_until(lambda run=run, before=before: len(logged(run)) > before)
            killed = rng.random() < 0.5
            holder.send_signal(signal.SIGKILL if killed else signal.SIGINT)
            assert holder.wait(PATIENCE) == (-signal.SIGKILL if killed else 130)
        finally:
            for process in both:
                process.kill()
                process.wait()
        go_on = ["--resume"]
        steps = max(logged(run)) + 5
        code, _, told = howlkit("train", "--resume", "--out-dir", run, "--steps", steps)
        assert code == 0, told
        assert logged(run) == sorted(set(logged(run))) and logged(run)[-1] == steps
        assert Trained.from_pretrained(run, stepping="plain").facts["step"] <= steps
        assert not (run / "training.json").exists()
