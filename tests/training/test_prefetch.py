"""Music prepared by other processes: the same as by one, whatever happens to them."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from howlkit.builtin.augmenters import Transpose
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.training.prefetch import segments
from howlkit.training.windows import Position, Windows
from tests.conftest import random_piece
from tests.training.test_trainer import digest, trainer

PIECES = [random_piece(seed, notes) for seed, notes in enumerate([5, 40, 333, 64, 200, 1, 90])]


def windows():
    counts = np.array([len(piece) for piece in PIECES])
    return Windows(PIECES.__getitem__, counts, Tuple(), [Transpose()], notes=16, carry=4, rows=3)


def assert_alike(one, other):
    assert one.after == other.after and one.scale == other.scale
    for ours, theirs in zip(one.batches, other.batches, strict=True):
        assert np.array_equal(ours.lengths, theirs.lengths)
        for name in ours.inputs:
            assert np.array_equal(ours.inputs[name], theirs.inputs[name])
            assert np.array_equal(ours.targets[name], theirs.targets[name])


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("position", [Position(), Position(1, 3)])
def test_stretches_of_other_processes_are_those_of_this_one(workers, position):
    here, there = (segments(windows(), position, workers=n) for n in (0, workers))
    for _ in range(20):  # over the end of an epoch
        assert_alike(next(here), next(there))
    there.close()
    assert not multiprocessing.active_children()


def test_what_a_process_that_dies_would_have_prepared_is_prepared_here():
    here, there = (segments(windows(), Position(), workers=n) for n in (0, 2))
    assert_alike(next(here), next(there))
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    with pytest.warns(RuntimeWarning, match="has ended"):
        for _ in range(200):  # more than the pipe still holds of what it has prepared
            assert_alike(next(here), next(there))
    there.close()


def test_a_run_with_workers_ends_with_the_bits_of_one_without(tmp_path):
    digests = []
    for workers in (0, 2):
        made = trainer(tmp_path / str(workers), steps=20, workers=workers)
        made.train()
        digests.append(digest(made.network))
    assert digests[0] == digests[1]
    assert not multiprocessing.active_children()


@pytest.mark.skipif(sys.platform == "win32", reason="no process groups")
def test_ctrl_c_reaches_training_alone_and_leaves_no_process(tmp_path):
    """As a terminal sends it: to all processes of the group, at any moment."""
    script = textwrap.dedent(
        """
        import pathlib, sys
        from howlkit.training.trainer import Interrupted
        from tests.training.test_trainer import trainer
        if __name__ == "__main__":
            made = trainer(pathlib.Path(sys.argv[1]), steps=100_000, workers=2)
            made.show = lambda progress: print(progress.step, flush=True)
            try:
                made.train()
            except Interrupted:
                print("stopped", made.step)
        """
    )
    path = tmp_path / "script.py"
    path.write_text(script)
    command = [sys.executable, str(path), str(tmp_path / "run")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment,
    )
    child.stdout.readline()  # it trains
    os.killpg(child.pid, signal.SIGINT)
    out, errors = child.communicate(timeout=60)  # until the last that holds these pipes has ended
    assert child.returncode == 0 and "stopped" in out
    assert errors == ""
    again = trainer(tmp_path / "run", steps=100_000)
    again.resume()
    assert again.step == int(out.split()[-1])
