"""What training shows, on a real terminal 80 columns wide."""

import os
import pty
import re
import subprocess
import sys

from howlkit.music import midi
from tests.conftest import tune


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
    budget = ["--steps", "400", "--minutes", "5"]
    shown = on_a_terminal("train", ".", "--out-dir", "run", *budget, *options)
    assert "for 400 steps or 5 minutes on" in shown
    lines = [line.strip() for line in re.split(r"[\r\n]", shown)]
    live = [line for line in lines if line.startswith(("━", "╸", "╺")) and "validation" in line]
    whole = re.compile(
        r"[━╸╺ ]{5,}(\d+:\d\d left)? +\d+ % +[\d.]+ nats/note +validation [\d.]+ +[\d,]+ notes/s"
    )
    assert live and all(whole.fullmatch(line) and len(line) <= 80 for line in live)
    assert any("left" in line for line in live)
    assert any(line.startswith("step") and "of unigram" in line for line in lines)
