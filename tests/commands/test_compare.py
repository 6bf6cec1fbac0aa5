"""`howlkit compare` as users meet it: trained by real processes, killed, gone on with, told."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from howlkit.evaluation.trials.plan import TrialPlan
from howlkit.training import run_lock
from howlkit.training.progress import Budget
from tests.conftest import walk, write

SMALL = ["-o", "heads.width=16", "-o", "training.batch=4"]
TINY = [*SMALL, "-o", "lstm.hidden=16"]


@pytest.fixture
def here(tmp_path, monkeypatch, music, howlkit):
    """A folder to work in, with a dataset `data` of twelve walks."""
    monkeypatch.chdir(tmp_path)
    assert howlkit("prepare", "music", "--out", "data", "--validation", 0.3, "--test", 0.2)[0] == 0
    return tmp_path


def weights(run):
    return (Path(run) / "model" / "model.safetensors").read_bytes()


def test_a_comparison_has_a_table_json_and_a_plot_and_grows(here, howlkit, monkeypatch):
    monkeypatch.setenv("HOWLKIT_TRAIN_OPTION", "training.rate=0.1")  # not for what is compared
    asked = ["compare", "data", "--models", "lstm", *TINY, "--steps", 3, "--out-dir", "out"]
    code, out, err = howlkit(*asked, "--encoders", "tuple", "--plot", "nats.svg")
    assert code == 0, err
    assert "Trained for 3 steps each on 1 thread of " in out and "one after another" in out
    row = next(line for line in out.splitlines() if line.startswith("tuple"))
    assert ".." in row and "0.0 %" in row
    assert "tuple + lstm" in Path("nats.svg").read_text()
    assert err.strip().splitlines()[-1] == (
        "Make music with tuple + lstm: howlkit sample out/runs/tuple+lstm-0 --out new.mid"
    )
    config = json.loads(Path("out/runs/tuple+lstm-0/config.json").read_text())
    assert config["recipe"]["training"]["rate"] == 0.005

    before = weights("out/runs/tuple+lstm-0")
    # The plot is this command's own, and may be replaced.
    more = ["--encoders", "tuple,remi", "--jobs", 2, "--json", "--plot", "nats.svg"]
    code, out, err = howlkit(*asked, *more)
    assert code == 0 and "1 of 2 runs are trained already" in err
    assert weights("out/runs/tuple+lstm-0") == before
    report = json.loads(out)
    assert report == json.loads(Path("out/comparison.json").read_text())
    assert report["budget"] == {"steps": 3, "minutes": None} and report["threads"] == 1
    assert [pair["encoder"] for pair in report["pairs"]] == ["tuple", "remi"]
    assert report["bootstrap"]["groups"] == report["pieces"] > 1 and report["failed"] == []
    for pair in report["pairs"]:
        low, high = pair["intervals"]["nats_per_second"]
        assert low < pair["nats_per_second"] < high
        assert pair["parameters"] > 1000 and pair["losses"]["notes_lost"] == 0
        assert pair["training_notes_per_second"] > 0 and pair["sampling_notes_per_second"] > 0
        (run,) = pair["runs"]
        assert 0 < run["trained"]["processor_share"] < 2
        assert run["steps"] == 3 and run["recipe"]["encoder"]["name"] == pair["encoder"]
        nats = sum(piece["nats"] for piece in run["by_piece"])
        notes = sum(piece["notes"] for piece in run["by_piece"])
        assert nats / notes == pytest.approx(pair["nats_per_note"])
    assert [p["runs"][0]["trained"]["jobs"] for p in report["pairs"]] == [1, 2]
    assert "remi + lstm" in Path("nats.svg").read_text()

    # `howlkit evaluate` says the same of the same run.
    evaluated = json.loads(howlkit("evaluate", "out/runs/remi+lstm-0", "--json")[1])
    remi = report["pairs"][1]
    for name in ("nats_per_note", "nats_per_second", "ratio"):
        assert evaluated[name] == pytest.approx(remi[name])
        assert evaluated["intervals"][name] == pytest.approx(remi["intervals"][name])

    # Another part needs no other training.
    code, out, err = howlkit(*asked, "--encoders", "tuple,remi", "--split", "test")
    assert code == 0 and "2 of 2 runs are trained already" in err and "test part" in out

    code, _, err = howlkit(*asked, "--encoders", "tuple", "-o", "tuple.grid=12")
    assert code == 2 and "was trained with tuple.grid 0, and now 12 is asked for" in err
    Path("out/runs/tuple+lstm-0.json").unlink()
    code, _, err = howlkit(*asked, "--encoders", "tuple")
    assert code == 1 and "no record of a comparison beside it" in err
    assert weights("out/runs/tuple+lstm-0") == before


def test_samples_are_made_once_and_told(tmp_path, monkeypatch, howlkit):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("howlkit.evaluation.told.classifier.TREES", 20)
    monkeypatch.setattr("howlkit.evaluation.told.two_sample.SECONDS", 2.0)
    monkeypatch.setattr("howlkit.sampling.generation.MOST_NOTES", 60)
    for seed in range(50):
        write(walk(seed, 40), tmp_path / "music" / f"{seed}.mid")
    assert howlkit("prepare", "music", "--out", "data", "--validation", 0.5)[0] == 0
    asked = ["compare", "data", "--encoders", "tuple", "--models", "lstm", *TINY, "--steps", 3]
    asked += ["--out-dir", "out"]
    assert " told " not in howlkit(*asked)[1]
    code, out, err = howlkit(*asked, "--samples", 24)
    assert code == 0 and "Sampling 24 pieces from tuple+lstm-0" in err
    heads, row = (next(x for x in out.splitlines() if x.startswith(w)) for w in ("enc", "tuple"))
    assert "told" in heads and "length" in heads and " s " in row
    assert "(told, version 1)" in out
    report = json.loads(Path("out/comparison.json").read_text())
    (pair,) = report["pairs"]
    assert report["samples"] == {"version": 1, "pieces": 24} and pair["median_seconds"] > 0
    told = pair["runs"][0]["samples"]
    assert told["pieces"] == 24 and told["version"] == 1
    assert pair["told"] == told["told"]["told"] > 60
    again = howlkit(*asked, "--samples", 24, "--json")
    assert "Sampling" not in again[2] and json.loads(again[1])["pairs"][0]["told"] == pair["told"]
    few = json.loads(howlkit(*asked, "--samples", 3, "--json")[1])["pairs"][0]
    assert few["told"] is None and "the made music has" in few["runs"][0]["samples"]["why"]


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot kill a process in this way")
def test_a_killed_comparison_goes_on_and_ends_as_if_it_had_not_stopped(here, howlkit):
    steps = 60
    asked = ["compare", "data", "--encoders", "tuple,event", "--models", "lstm", *TINY]
    asked += ["-o", "training.validate_every=20", "--steps", steps, "--out-dir", "out"]
    first, second = Path("out/runs/tuple+lstm-0"), Path("out/runs/event+lstm-0")
    command = [sys.executable, "-m", "howlkit", *map(str, asked)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (second / "metrics.jsonl").is_file() and time.monotonic() < until:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    while run_lock.holder(second) is not None and time.monotonic() < until:
        time.sleep(0.05)  # it saves a checkpoint and ends, since nobody waits for it any more
    assert time.monotonic() < until
    kept = (first / "model" / "model.safetensors").stat().st_mtime_ns
    reached = json.loads((second / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    assert 0 < reached < steps

    code, _, err = howlkit(*asked)
    assert code == 0, err
    assert "1 of 2 runs are trained already" in err and "Going on with event+lstm-0" in err
    assert (first / "model" / "model.safetensors").stat().st_mtime_ns == kept
    straight = [*TINY, "-o", "training.validate_every=20", "--steps", steps, "--augment", "none"]
    straight += ["--encoder", "event", "--model", "lstm", "--out-dir", "alone"]
    assert howlkit("train", "data", *straight)[0] == 0
    assert weights("alone") == weights(second)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to send Ctrl-C to")
def test_ctrl_c_saves_and_the_same_command_goes_on(here):
    command = [sys.executable, "-m", "howlkit", "compare", "data", "--encoders", "tuple"]
    command += ["--models", "lstm", "--minutes", "9", *TINY, "-o", "training.patience=0"]
    process = subprocess.Popen(
        [*command, "--out-dir", "out"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 120
    while not Path("out/runs/tuple+lstm-0/metrics.jsonl").is_file() and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "the same command goes on from there" in err and "Traceback" not in err
    assert "Stopped and saved" in Path("out/runs/tuple+lstm-0.log").read_text()
    assert run_lock.holder(Path("out/runs/tuple+lstm-0")) is None


def test_a_run_that_fails_is_told_and_the_others_go_on(here, howlkit):
    """A network that no memory holds is refused when the run begins."""
    asked = ["compare", "data", "--encoders", "tuple", "--models", "gru,lstm", *TINY]
    asked += ["-o", "gru.hidden=16384", "-o", "gru.layers=16", "--steps", 3]
    code, out, err = howlkit(*asked, "--plot", "a.png")
    assert code == 1
    assert "tuple+gru-0 failed: " in err and "FAILED: tuple + gru, seed 0: " in out
    assert "tuple    lstm" in out and Path("a.png").read_bytes().startswith(b"\x89PNG")
    assert err.strip().splitlines()[-1].endswith("the same command tries again what failed")
    code, _, err = howlkit(*asked, "--plot", "a.png")  # its own plot, though a PNG
    assert code == 1 and "1 of 2 runs are trained already" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--encoders", "tupel", "--models", "lstm"], 2, "Did you mean 'tuple'?"),
        (["--encoders", "tuple", "--models", "lstm,gruu"], 2, "Did you mean 'gru'?"),
        (["--encoders", "tuple"], 2, "--models"),
        (["--encoders", "tuple", "--models", "lstm", "-o", "remi.grid=4"], 2, "not compared"),
        (["--encoders", "tuple", "--models", "lstm", "-o", "lstm.hiden=4"], 2, "'hidden'?"),
        (["--encoders", "tuple", "--models", "lstm", "--plot", "a.pdf"], 1, ".svg or .png"),
        (["--encoders", "tuple", "--models", "lstm", "--plot", "mine.svg"], 1, "--force"),
        (["--encoders", "tuple", "--models", "lstm", "--out-dir", "music"], 1, "no comparison"),
        (["--encoders", "tuple", "--models", "lstm", "--seeds", "0"], 2, "x>=1"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_trained(
    here, howlkit, arguments, code, words
):
    Path("mine.svg").write_text("<svg/>")
    found, out, err = howlkit("compare", "data", *arguments, "--steps", 1)
    assert (found, out) == (code, "") and words in err
    assert not Path("runs").exists()


def test_too_little_music_is_told(here, howlkit):
    write(walk(1), here / "one" / "one.mid")
    code, _, err = howlkit("compare", "one", "--encoders", "tuple", "--models", "lstm")
    assert code == 1 and "has no pieces in its validation part; add music" in err
    assert not Path("runs").exists()


def test_the_folder_is_the_same_for_the_same_arguments_and_for_more_of_them(here):
    from howlkit.dataset import Dataset

    data = Dataset.open(Path("data"))
    plan = TrialPlan(("tuple",), ("lstm",), budget=Budget(minutes=1))
    folder = plan.folder([Path("data")], data)
    more = TrialPlan(("tuple", "remi"), ("gru",), seeds=3, budget=Budget(minutes=1))
    assert more.folder([Path("data")], data) == folder and folder.name.startswith("compare-data-")
    longer = TrialPlan(("tuple",), ("lstm",), budget=Budget(minutes=2))
    assert longer.folder([Path("data")], data) != folder
