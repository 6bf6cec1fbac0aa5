"""A run on a disk that is full or read-only: a clear line, nothing lost, and it goes on later."""

import os
import subprocess
import sys

import pytest

from howlkit.errors import CheckpointError
from howlkit.training import checkpoint
from howlkit.training.progress import Budget
from tests.training.test_trainer import digest, trainer

ROOM = 2_000_000


@pytest.fixture
def disk(tmp_path):
    """A disk of its own, two megabytes of memory; skips where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("only root may mount a disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk):
    """Write a file into all the room that is left but for a few kilobytes; return its path."""
    stat = os.statvfs(disk)
    (disk / "other").write_bytes(b"x" * (stat.f_bavail * stat.f_frsize - 12_000))
    return disk / "other"


def remount(disk, how):
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def test_a_full_disk_and_a_read_only_one_lose_nothing_and_training_goes_on(disk, tmp_path):
    straight = trainer(tmp_path / "straight", steps=10)
    straight.train()
    straight.budget = Budget(steps=30)
    straight.train()
    trainer(disk / "run", steps=10).train()
    (run,) = disk.iterdir()
    for stop, again, reason in (
        (lambda: fill(disk), (disk / "other").unlink, "No space left on device"),
        (lambda: remount(disk, "ro"), lambda: remount(disk, "rw"), "Read-only file system"),
    ):
        weights = (run / "model/model.safetensors").read_bytes()
        stop()
        made = trainer(run, steps=30)
        with pytest.raises(CheckpointError, match=f"{reason}.*untouched"):
            made.resume()
            made.train()
        assert checkpoint.load_checkpoint(run).step == 10
        assert (run / "model/model.safetensors").read_bytes() == weights
        again()
    made = trainer(run, steps=30)
    made.resume()
    made.train()
    assert digest(made.network) == digest(straight.network)
    assert not [path for path in run.rglob("*") if "partial" in path.name]
