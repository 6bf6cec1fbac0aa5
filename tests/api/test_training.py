"""howlkit.train and howlkit.load, as people use them in scripts."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import howlkit
from howlkit.errors import ArgumentError, HowlkitError, OptionError, PluginError
from howlkit.music import midi
from tests.conftest import tune

SMALL = {"lstm.hidden": 16, "training.batch": 2, "training.window": 32}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "music").mkdir()
    for seed in range(9):
        midi.write(tune(seed, 4), tmp_path / "music" / f"tune-{seed}.mid")
    return tmp_path


def weights(folder):
    return (folder / "model" / "model.safetensors").read_bytes()


def test_python_trains_to_the_bytes_of_the_command_line(here, howlkit):
    import howlkit as door

    words = [f"-o{name}={value}" for name, value in SMALL.items()]
    given = ("train", "music", "--steps", 4, "--seed", 3, "--augment", "velocity", *words)
    code, _, err = howlkit(*given, "--out-dir", "cli")
    assert code == 0, err
    trained = door.train(
        "music", steps=4, seed=3, augment="velocity", options=SMALL, out_dir="python"
    )
    assert weights(here / "cli") == weights(here / "python")
    assert str(trained.path) == "python" and trained.encoder.name == "tuple"


def test_what_is_shown_is_what_the_command_line_shows_and_quiet_shows_nothing(here, capsys):
    howlkit.train("music", steps=4, options=SMALL, out_dir="one")
    out, err = capsys.readouterr()
    assert out == "" and "Training tuple + lstm" in err and "Done after 4 steps" in err
    howlkit.train("music", steps=4, options=SMALL, out_dir="two", quiet=True)
    assert capsys.readouterr() == ("", "")
    assert weights(here / "one") == weights(here / "two")


def test_components_are_given_by_name_or_made(here):
    by_name = howlkit.train(
        "music", encoder="event", model="gru", augment="velocity", steps=2, out_dir="a", quiet=True,
        options={"gru.hidden": 16, "event.clock": "beats", "training.batch": 2},
    )  # fmt: skip
    made = howlkit.train(
        [here / "music"], encoder=howlkit.encoder("event", clock="beats"), steps=2, out_dir="b",
        model=howlkit.model("gru", hidden=16), augment=[howlkit.augmenter("velocity")], quiet=True,
        options={"training": {"batch": 2}},
    )  # fmt: skip
    assert by_name.recipe == made.recipe
    assert weights(here / "a") == weights(here / "b")


def test_a_run_goes_on_and_another_starts_from_it(here):
    howlkit.train("music", steps=2, options=SMALL, out_dir="run", quiet=True)
    on = howlkit.train(resume="run", steps=4, quiet=True)
    assert on.facts["step"] == 4
    assert howlkit.train(resume=True, out_dir="run", steps=5, quiet=True).facts["step"] == 5
    tuned = howlkit.train("music", init=on, steps=1, options={"training.batch": 2}, quiet=True)
    assert tuned.model == on.model and str(tuned.path) == os.path.join("runs", "tuple-lstm-1")
    assert howlkit.load().path == tuned.path  # the newest in runs/


def test_resuming_refuses_what_cannot_change(here):
    with pytest.raises(ArgumentError, match=r"leave out encoder, seed\. Only steps, minutes"):
        howlkit.train(resume=True, encoder="tuple", seed=1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"modle": "lstm"}, ArgumentError, "no argument 'modle'. Did you mean 'model'"),
        ({"encoder": "tupel"}, PluginError, "Did you mean 'tuple'"),
        ({"encoder": 5}, OptionError, r"such as howlkit\.encoder\("),
        ({"options": {"window": 256}}, OptionError, "'training.window': 256"),
        ({"options": {"gru.hidden": 9}}, OptionError, "does not use"),
        ({"options": {"training.windov": 9}}, OptionError, "Did you mean 'window'"),
        ({"steps": 0}, ArgumentError, "steps is 0; a whole number is needed, 1 or more"),
        ({"minutes": float("nan")}, ArgumentError, "minutes is nan"),
        ({"device": "gpu"}, ArgumentError, "auto, cpu, cuda, mps"),
        ({"precision": 16}, ArgumentError, "'32' or 'bf16'"),
        ({"data": 5}, ArgumentError, "music is 5, a int; a path is needed"),
        ({"data": [tune()]}, ArgumentError, r"howlkit\.prepare\(pieces, out='data'\)"),
        ({"data": "nowhere"}, HowlkitError, "nowhere"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(here, arguments, error, message):
    with pytest.raises(error, match=message):
        howlkit.train(**({"data": "music", "steps": 2, "quiet": True} | arguments))
    assert not (here / "runs").exists() or not list((here / "runs").glob("*/model"))


def test_ctrl_c_saves_and_returns_what_is_trained(here, capsys):
    def interrupt():
        while not (here / "run" / "metrics.jsonl").is_file():  # it trains
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    trained = howlkit.train("music", minutes=5, options=SMALL, out_dir="run")
    assert "Stopped and saved after" in capsys.readouterr().err
    steps = trained.facts["step"]
    assert steps > 0
    assert howlkit.train(resume="run", steps=steps + 3, quiet=True).facts["step"] >= steps


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM")
def test_sigterm_saves_and_ends_the_process(here):
    script = (
        "import howlkit\n"
        f"howlkit.train('music', minutes=5, options={SMALL!r}, out_dir='run')\n"
        "print('went on')"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    while not (here / "run" / "metrics.jsonl").is_file():
        time.sleep(0.05)
    process.terminate()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM and out == b""
    assert howlkit.load(here / "run").facts["step"] > 0


def test_loading_says_what_is_wrong():
    for arguments, message in (
        ({"path": 5}, "path is 5"),
        ({"path": "x", "device": "gpu"}, "device is 'gpu'"),
        ({"path": "x", "stepping": "compile"}, "Did you mean 'compiled'"),
        ({"path": "x"}, "does not exist"),
    ):
        with pytest.raises(HowlkitError, match=message):
            howlkit.load(**arguments)
