"""No bytes of a music file, a dataset, a run or a model reach pickle, marshal, compile or eval.

Commands read all of them twice, in a process of their own: first to import what reading needs, then
with a hook on the interpreter's audit events, and with pickle's functions taken away.
"""

import os
import subprocess
import sys

import pytest

from tests.conftest import tune, write

READ = """
import sys
from howlkit.cli import main

def howlkit(*words):
    try:
        main([*words])
    except SystemExit as stop:
        assert not stop.code, words

def read_everything(folder):
    run, data, new = folder + "/run", folder + "/data", folder + "/new.mid"
    small = ["-o", "lstm.hidden=8", "-o", "training.batch=2"]
    howlkit("prepare", folder + "/music", "--out", data, "--workers", "1")
    howlkit("train", data, *small, "--steps", "2", "--out-dir", run)
    howlkit("train", "--resume", "--out-dir", run, "--steps", "3")
    howlkit("train", data, "--init", run, "--steps", "1", "--out-dir", folder + "/next")
    howlkit("sample", run, "--notes", "4", "--seed", "1", "--out", new)
    howlkit("replay", new, "--run", run)
    howlkit("evaluate", run, data)
    howlkit("audit", new, "--data", run)
    for each in (run, data, new):
        howlkit("info", each)
"""

WATCH = """
import marshal, pickle, sys, typing

REFUSED = {"pickle.find_class", "marshal.load", "marshal.loads", "compile", "exec"}

def watch():
    def refuse(event, arguments):
        # The typing module compiles the annotations of howlkit's own classes, which it asks for.
        if event in REFUSED and sys._getframe(1).f_code.co_filename != typing.__file__:
            raise RuntimeError(f"refused: {event} {str(arguments)[:200]}")

    def no_pickle(*arguments, **options):
        raise RuntimeError(f"refused: pickle of {str(arguments)[:200]}")

    pickle.load = pickle.loads = pickle.Unpickler = marshal.load = marshal.loads = no_pickle
    sys.addaudithook(refuse)
"""


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=os.environ | {"HOWLKIT_SAMPLE_STEPPING": "plain", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def test_nothing_that_is_read_is_unpickled_compiled_or_evaluated(tmp_path):
    for part in ("once", "again"):
        for seed in range(3):
            write(tune(seed, 6), tmp_path / part / "music" / f"{seed}.mid")
    twice = "read_everything(sys.argv[1])\nwatch()\nread_everything(sys.argv[2])\n"
    done = run(READ + WATCH + twice, tmp_path / "once", tmp_path / "again")
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "again" / "new.mid").is_file()


@pytest.mark.parametrize("wrong", ["eval('1 + 1')", "pickle.loads(b'N.')", "marshal.loads(b'N')"])
def test_the_watch_sees_what_it_is_for(wrong):
    """Otherwise the test above could not fail."""
    done = run(f"{WATCH}\nwatch()\n{wrong}\n")
    assert done.returncode == 1 and "refused: " in done.stderr
