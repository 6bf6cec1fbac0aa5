"""`import howlkit`: what it has, what it costs, and that a script with all of it is typed."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import howlkit
from tests.api import every_name


def test_importing_costs_nothing_and_shows_every_name():
    script = (
        "import sys, howlkit\n"
        "names = dir(howlkit)\n"
        "for late in ('numpy', 'torch', 'click', 'howlkit.music'): assert late not in sys.modules\n"
        "assert set(howlkit.__all__) <= set(names) and '__version__' in names"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_sampling_a_trained_model_needs_no_torch_to_be_named():
    """The functions that need no torch do not import it."""
    script = (
        "import sys, howlkit\n"
        "howlkit.encoder, howlkit.sampler, howlkit.read, howlkit.write, howlkit.prepare\n"
        "howlkit.encoder('tuple')\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_script_has_every_public_name():
    text = Path(every_name.__file__).read_text(encoding="utf-8")
    for name in howlkit.__all__:
        assert re.search(rf"\bhowlkit\.{name}\b|^    {name},$", text, re.MULTILINE), name


def test_that_script_runs(tmp_path):
    every_name.main(tmp_path)


def test_that_script_is_typed():
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(Path(every_name.__file__))],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_every_public_function_has_an_example():
    for name in howlkit.__all__:
        member = getattr(howlkit, name)
        if inspect.isfunction(member) and member.__module__.startswith("howlkit.api"):
            assert ">>> " in member.__doc__, name
