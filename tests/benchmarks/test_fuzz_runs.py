"""A hundred mutants of each kind: the rest is `make fuzz`."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/fuzz_runs.py"


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of memory")
@pytest.mark.parametrize("kind", ["weights", "configs", "datasets"])
def test_damaged_files_are_refused_at_once_and_run_nothing(kind):
    words = [sys.executable, SCRIPT, "--mutants", "100", "--kinds", kind]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{kind}: " in done.stdout and "BROKE" not in done.stdout
