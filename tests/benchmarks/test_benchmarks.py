"""What the speed benchmarks share: the form of their results, and the page made of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_every_benchmark_finds_what_it_imports():
    """All in one process: torch is imported once. A plugin that is not installed is no fault."""
    script = """
import pathlib, runpy, sys
folder = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(folder))
for path in sorted(folder.glob("*.py")):
    try:
        runpy.run_path(str(path), run_name="benchmark")
    except ModuleNotFoundError as error:
        if error.name != "howlkit_transformer":
            raise
"""
    command = [sys.executable, "-c", script, str(BENCHMARKS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def measuring(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import measuring

    return measuring


def test_what_is_compared_takes_turns_and_is_judged_by_neighbours(measuring):
    calls = []
    seconds = measuring.alternated(
        3, lambda: calls.append("ours"), lambda: calls.append("theirs"), warmup=1
    )
    assert calls == ["ours", "theirs"] * 4
    assert [len(taken) for taken in seconds] == [3, 3]
    row = measuring.row("x", [1.0, 2.0, 40.0], "s", limit=[2.0, 4.0, 8.0], limit_name="y")
    assert (row["median"], row["low"], row["high"]) == (2.0, 1.0, 40.0)
    assert (row["limit"], row["to_limit"]) == (4.0, 0.5)
    assert "to_peer" not in row


def test_the_page_has_every_row_of_every_topic(measuring, tmp_path, capsys):
    rows = [
        measuring.row("ours", [1234.0], "notes/s", data="tunes", peer=617.0, peer_name="theirs"),
        measuring.row("alone", [0.5], "s", asked="<= 2", limit=[0.25], limit_name="limit|bar"),
    ]
    measuring.write(tmp_path / "runs" / "encoding.json", "encoding", rows, notes=["a note"])
    measuring.write(tmp_path / "runs" / "other.json", "other", rows[:1])
    kept = json.loads((tmp_path / "runs" / "encoding.json").read_text())
    assert kept["rows"] == rows and {"machine", "versions", "notes"} <= set(kept)
    page = tmp_path / "page.md"
    command = [sys.executable, BENCHMARKS / "report.py", "--runs", tmp_path / "runs", "--out", page]
    subprocess.run(command, check=True, capture_output=True)
    text = page.read_text()
    assert text.index("## MIDI files to steps") < text.index("## other")
    assert "| ours | tunes | 1,230 notes/s |" in text and "| 2 | theirs: 617 |" in text
    assert "limit\\|bar: 0.25" in text and "<= 2" in text and "- a note" in text
