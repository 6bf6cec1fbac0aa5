"""The scripts in examples/ run beside a folder of MIDI files, and use public names only."""

import ast
import json
import os
import re
import runpy
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from howlkit.music import chorales, midi
from howlkit.testing import model_checks
from tests.docs.test_tutorials import public_modules

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NATS = re.compile(
    r"^(\d\.\d{3}) nats a note, held out; a unigram model: (\d\.\d{3})$", re.MULTILINE
)

needs_transformers = pytest.mark.skipif(
    find_spec("transformers") is None, reason="transformers is not installed"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    (folder / "my_midi").mkdir()
    for number, piece in enumerate(chorales.load()[:30]):
        midi.write(piece, folder / "my_midi" / f"{number:02d}.mid")
    return folder


def run(folder, script, *arguments):
    """Run an example as people do; return its stdout."""
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / script, *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def trained(folder):
    """The stdout of train.py, which has saved `model`."""
    return run(folder, "train.py", "my_midi", "model", 30)


def test_a_loop_of_ones_own_learns_more_than_a_unigram_model(folder, trained):
    nats, baseline = map(float, NATS.search(trained).groups())
    assert nats < baseline
    assert (folder / "model" / "model.safetensors").is_file()


def test_what_it_saved_is_sampled_step_by_step(folder, trained):
    run(folder, "sample.py", "model", "new.mid", 8)
    piece = midi.read(folder / "new.mid")
    assert 4 < piece.beats_long <= 16
    black = sum(pitch % 12 in (1, 3, 6, 8, 10) for pitch in piece.notes["pitch"].tolist())
    assert len(piece) > 8 and black / len(piece) < 0.1


def test_the_command_line_says_what_the_saved_model_needs(folder, trained, howlkit):
    code, _, err = howlkit("sample", folder / "model", "--out", folder / "not.mid")
    assert code == 1
    assert "needs the model 'own', the class __main__.OwnModel of a script" in err
    assert "howlkit plugins new model own" in err
    assert json.loads((folder / "model/config.json").read_text())["facts"]["unigram"]["pitch"]


def test_the_model_written_by_hand_keeps_to_the_contract():
    model = runpy.run_path(str(ROOT / "examples/train.py"))["OwnModel"](width=24)
    for check in model_checks(model):
        check()


@needs_transformers
@pytest.mark.slow
def test_a_model_of_hugging_face_learns_and_samples(folder):
    printed = run(folder, "hugging_face.py", "my_midi", "gpt.mid", 10)
    nats, baseline = map(float, NATS.search(printed).groups())
    assert nats < baseline + 1
    assert len(midi.read(folder / "gpt.mid")) > 20


@needs_transformers
@pytest.mark.slow
def test_that_model_keeps_to_the_contract():
    model = runpy.run_path(str(ROOT / "examples/hugging_face.py"))["Gpt"](width=16)
    for check in model_checks(model):
        if check.law.__name__ != "gradients_reach_every_parameter":  # words have no use here
            check()


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_examples_use_public_names_only(script):
    tree = ast.parse(script.read_text(encoding="utf-8"))
    found = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("howlkit"):
            assert node.module in public_modules()
            names, module = [alias.name for alias in node.names], node.module
        elif isinstance(node, ast.Import):
            assert all(a.name == "howlkit" for a in node.names if a.name.startswith("howlkit"))
            continue
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id != "howlkit":
                continue
            names, module = [node.attr], "howlkit"
        else:
            continue
        assert set(names) <= set(import_module(module).__all__)
        found += 1
    assert found > 1


@pytest.mark.parametrize("name", ["train", "sample"])
def test_examples_are_read_on_one_page(name):
    assert len((ROOT / f"examples/{name}.py").read_text().splitlines()) < 60
