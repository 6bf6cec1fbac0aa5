"""`howlkit plugins new`: what it writes is installed, tested, trained with, sampled with."""

import ast
import re
import subprocess
import sys

import numpy as np
import pytest

from howlkit.commands import plugin_template
from howlkit.commands.plugin_template import USE, Names
from howlkit.music import midi
from howlkit.plugins import Plugins
from howlkit.plugins.loading import KINDS
from tests.conftest import tune, write

QUIET = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check"]


def test_there_is_a_template_of_every_kind():
    assert set(USE) == set(KINDS)


def test_every_place_gets_a_name_of_its_own():
    names = Names("my-Swing_2")
    assert names.distribution == "howlkit-my-swing-2"
    assert names.module == "howlkit_my_swing_2"
    assert names.cls == "MySwing2"


@pytest.mark.parametrize("kind", USE)
def test_what_is_written_is_sound_and_has_nothing_left_of_the_template(howlkit, tmp_path, kind):
    code, out, err = howlkit("plugins", "new", kind, "my-own", "--dir", tmp_path)
    folder = tmp_path / "howlkit-my-own"
    assert code == 0 and out == f"{folder}\n" and f"plugins install -e {folder}" in err
    files = {path: path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert {"pyproject.toml", "README.md", "test_my_own.py"} <= {path.name for path in files}
    for path, text in files.items():
        assert not re.search(r"stencil|scaffold|\$", text, re.IGNORECASE), path
        if path.suffix == ".py":
            ast.parse(text)


EXAMPLES = {
    "encoder": "intervals",
    "augmenter": "swing swung jazz",
    "model": "",  # what it does is its tutorial's name
    "sampler": "breath breathe breathes breathing",
    "constraint": "tide",
    "source": "grids",
    "writer": "ledger",
    "renderer": "harp",
}
"""By kind, words of the component that its tutorial writes: those that say no more what it does."""


@pytest.mark.parametrize("kind", USE)
def test_what_is_written_has_no_word_of_another_example(tmp_path, kind):
    written = {}
    for name in ("zebu", "Quite_Odd-7"):
        folder = plugin_template.write(kind, name, tmp_path / name)
        snake = Names(name).module.removeprefix("howlkit_")
        own = f"{name}|{name.lower().replace('_', '-')}|{name.lower()}|{snake}|{Names(name).cls}"
        texts = [path.read_text() for path in folder.rglob("*.*")]
        written[name] = [re.sub(own, "NAME", text) for text in texts]
    first, second = (sorted(texts) for texts in written.values())
    assert first == second  # all that depends on the name has it
    words = {word.lower() for text in first for word in re.findall(r"[A-Za-z]+", text)}
    examples = {word for group in EXAMPLES.values() for word in group.split()}
    components = {component.name for component in Plugins.load([]).components}
    # A type and a function of Python, a column of the notes, keys of a mapping, chords of music.
    components -= {"tuple", "range", "velocity", "key", "chords"}
    assert words & (examples | components | set(USE)) == {kind}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("9lives", "not allowed as the name of a component: write a letter, then letters"),
        ("a--b", "not allowed as the name of a component"),
        ("../x", "not allowed as the name of a component"),
        ("none", "its class would be called None"),
        ("field", "its class would be called Field, which means something else in the code"),
        ("tuple", "there is 'tuple' already, the encoder of howlkit"),
        ("Tuple", "there is 'tuple' already"),
        ("heads", "'heads' is the name of the core's own options"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(howlkit, tmp_path, name, said):
    code, _, err = howlkit("plugins", "new", "encoder", name, "--dir", tmp_path)
    assert code == 1 and said in err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(howlkit, tmp_path):
    (tmp_path / "howlkit-swing").mkdir()
    code, _, err = howlkit("plugins", "new", "augmenter", "swing", "--dir", tmp_path)
    assert code == 1 and "exists already, and nothing is overwritten" in err
    assert not list((tmp_path / "howlkit-swing").iterdir())


def test_a_module_of_that_name_is_refused(howlkit, tmp_path, monkeypatch):
    (tmp_path / "howlkit_swing.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    code, _, err = howlkit("plugins", "new", "augmenter", "swing", "--dir", tmp_path)
    assert code == 1 and "howlkit plugins uninstall howlkit-swing" in err


def test_templates_need_no_torch_to_be_listed():
    modules = ", ".join(f"howlkit.commands.plugin_template.{kind}" for kind in USE)
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Installed ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(environment, tmp_path_factory):
    """A folder with a package of each kind in it, all of them installed; and music."""
    folder = tmp_path_factory.mktemp("made")
    for kind in USE:
        written = environment.howlkit("plugins", "new", kind, f"my-{kind}", cwd=folder)
        assert written.returncode == 0, written.stderr
    packages = [f"./howlkit-my-{kind}" for kind in USE]
    done = environment.howlkit("plugins", "install", *QUIET, *packages, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"Running: {environment.python} -m pip install --no-build-isolation" in done.stderr
    for kind in USE:
        assert f"There is howlkit-my-{kind} 0.1.0: {kind} my-{kind}" in done.stderr
    for seed in range(8):
        write(tune(seed), folder / f"music/{seed}.mid")
    return folder


def test_their_own_tests_pass(environment, made):
    folders = [made / f"howlkit-my-{kind}/tests" for kind in USE]
    finished = environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *folders)
    assert finished.returncode == 0, finished.stdout


@pytest.fixture(scope="module")
def run(environment, made):
    """A run trained with three of them."""
    parts = ["--encoder", "my-encoder", "--model", "my-model", "--augment", "my-augmenter"]
    small = ["-o", "my-model.width=32", "-o", "training.batch=4", "--steps", "40"]
    trained = environment.howlkit(
        "train", "music", *parts, *small, "--out-dir", "run", cwd=made, HOWLKIT_STRICT_PLUGINS="1"
    )
    assert trained.returncode == 0, trained.stderr
    return made / "run"


def test_what_was_trained_with_them_makes_music_with_them(environment, run):
    out = run.parent / "new.mid"
    sampled = environment.howlkit(
        "sample", run, "--sampler", "my-sampler", "--notes", "40", "--out", out
    )
    assert sampled.returncode == 0, sampled.stderr
    piece = midi.read(out)
    played = environment.howlkit("sample", run, "--notes", "9", "--out", run.parent / "new.csv")
    assert played.returncode == 0, played.stderr
    assert len((run.parent / "new.csv").read_text().splitlines()) == 10
    sound = run.parent / "new.wav"
    heard = environment.howlkit("render", out, "--renderer", "my-renderer", "--out", sound)
    assert heard.returncode == 0, heard.stderr
    assert sound.read_bytes()[:4] == b"RIFF"
    assert len(piece) == 40 and len(np.unique(piece.notes["pitch"])) > 3


WITHOUT_BUILTINS = """
import sys
sys.modules["howlkit.builtin"] = None  # importing it raises ModuleNotFoundError
from howlkit.cli import main
main()
"""


def test_the_core_trains_and_samples_without_any_built_in(environment, made):
    def alone(*arguments):
        return environment.run("-c", WITHOUT_BUILTINS, *arguments, cwd=made)

    parts = ["--encoder", "my-encoder", "--model", "my-model", "-o", "my-model.width=32"]
    trained = alone("train", "music", *parts, "--steps", "20", "--out-dir", "alone")
    assert trained.returncode == 0, trained.stderr
    sampled = alone("sample", "alone", "--sampler", "my-sampler", "--notes", "20", "--out", "a.mid")
    assert sampled.returncode == 0, sampled.stderr
    assert len(midi.read(made / "a.mid")) == 20
    refused = alone("train", "music", "--encoder", "tuple", "--model", "my-model", "--steps", "1")
    assert refused.returncode == 1 and "there is no encoder 'tuple'" in refused.stderr


def test_what_a_source_reads_is_prepared(environment, made):
    (made / "grids").mkdir()
    for number, bar in enumerate(("k.h.s.h.", "kkh.s.hh", "k.s.k.s.")):
        (made / f"grids/{number}.my-source").write_text(f"{bar}{bar}\n" * (4 + number))
    done = environment.howlkit("prepare", "grids", "--out", "dataset", cwd=made)
    assert done.returncode == 0, done.stderr
    told = environment.howlkit("info", "dataset", cwd=made)
    assert told.returncode == 0 and "\npieces: 3\n" in told.stdout


def test_pip_that_fails_is_a_line_and_what_pip_says(environment, made):
    done = environment.howlkit("plugins", "install", *QUIET, "./nowhere", cwd=made)
    assert done.returncode == 1 and done.stdout == ""
    assert "nowhere" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("howlkit: pip failed with exit code 1")


def test_only_plugins_are_uninstalled(environment, made):
    done = environment.howlkit("plugins", "uninstall", "--yes", "numpy")
    assert done.returncode == 1 and "no plugin 'numpy' is installed" in done.stderr


# The last test: it takes away what the others need.
def test_a_run_whose_plugins_are_gone_says_what_to_install(environment, run):
    names = [f"Howlkit_my.{kind}" for kind in USE]  # one name to pip, however it is spelt
    done = environment.howlkit("plugins", "uninstall", "--yes", *names)
    assert done.returncode == 0, done.stderr
    assert "-m pip uninstall --yes" in done.stderr
    assert "No plugins are installed now" in done.stderr
    sampled = environment.howlkit("sample", run, "--notes", "5")
    assert sampled.returncode == 1
    assert (
        "needs the encoder 'my-encoder' of howlkit-my-encoder 0.1.0, which is not" in sampled.stderr
    )
    assert "howlkit plugins install 'howlkit-my-encoder==0.1.0'" in sampled.stderr
    assert "Traceback" not in sampled.stderr
