"""What training shows, on a real terminal 80 columns wide."""

import os
import pty
import re
import subprocess
import sys

import pytest

from howlkit.music import midi
from tests.conftest import tune, write


def on_a_terminal(*arguments):
    """Run howlkit with its stderr on a pseudo terminal; returns all that was written there."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "howlkit", *arguments]
    process = subprocess.Popen(
        command, stderr=theirs, env=os.environ | {"COLUMNS": "80", "TERM": "xterm"}
    )
    os.close(theirs)
    written = b""
    try:
        while data := os.read(ours, 65536):
            written += data
    except OSError:  # Linux: the other end is closed
        pass
    os.close(ours)
    assert process.wait(30) == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())


def test_the_live_line_fits_80_columns_with_its_bar_and_the_time_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in range(12):
        midi.write(tune(seed), tmp_path / f"{seed}.mid")
    options = ["-o", "lstm.hidden=24", "-o", "training.batch=4", "-o", "training.validate_every=10"]
    budget = ["--steps", "150", "--minutes", "5"]
    shown = on_a_terminal("train", ".", "--out-dir", "run", *budget, *options)
    assert "for 150 steps or 5 minutes on" in shown
    lines = [line.strip() for line in re.split(r"[\r\n]", shown)]
    live = [line for line in lines if line.startswith(("━", "╸", "╺")) and "validation" in line]
    whole = re.compile(
        r"[━╸╺ ]{5,}(\d+:\d\d left)? +\d+ % +[\d.]+ nats/note +validation [\d.]+ +[\d,]+ notes/s"
    )
    assert live and all(whole.fullmatch(line) and len(line) <= 80 for line in live)
    assert any("left" in line for line in live)
    assert any(line.startswith("step") and "of unigram" in line for line in lines)


@pytest.fixture
def tunes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in range(12):
        write(tune(seed), tmp_path / "music" / f"{seed}.mid")


def trained(howlkit, *options, hidden=24):
    small = ["-o", f"lstm.hidden={hidden}", "-o", "training.batch=4"]
    code, _, err = howlkit("train", "music", "--out-dir", "my run", *small, *options)
    assert code == 0, err
    return err.splitlines()


def test_size_step_time_and_a_first_look_are_said(tunes, howlkit):
    lines = trained(howlkit, "--steps", 60)
    (began,) = [line for line in lines if line.startswith("Training tuple + lstm")]
    assert re.search(r"\(chained heads, [\d,]+ weights, [\d.]+ MB\) for 60 steps", began)
    (took,) = [line for line in lines if line.startswith("A step takes")]
    assert re.fullmatch(r"A step takes [\d.]+ (ms|s): 5[79] steps in some [\d.]+ (ms|s)", took)
    early = [line for line in lines if "a first look" in line]
    assert len(early) == 1 and early[0].startswith("step 50  validation ")
    assert "of unigram" in early[0]
    assert lines[-1].startswith("Make music with it")


def test_a_run_worse_than_the_unigram_model_is_told_to_train_on(tunes, howlkit):
    lines = trained(howlkit, "--steps", 3, "-o", "training.rate=1", "-o", "training.warmup=0")
    assert "worse than the unigram model" in lines[-1] and "Make music" not in lines[-1]
    command = lines[-1].split("Train it longer: howlkit ")[1]
    assert command == "train --resume --out-dir 'my run' --steps 1000"


def test_overfitting_is_named_once_with_what_helps(tunes, howlkit):
    options = ["-o", "training.validate_every=20", "-o", "lstm.dropout=0", "-o"]
    lines = trained(howlkit, *options, "training.rate=0.02", "--steps", 300, hidden=64)
    (said,) = [line for line in lines if line.startswith("Overfitting:")]
    assert "--augment transpose" in said and "best validation are kept" in said
