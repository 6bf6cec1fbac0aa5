"""Text of files, and their names, in what commands print and draw: escaped, and never a path."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from howlkit.cli import COMMANDS
from howlkit.music import Extras, Text, midi
from tests.conftest import tune

EVIL = "a\nhowlkit: b\x1b[2J\x07\u202e\u2066../../c<script>&\x9b"
NAME = f"{EVIL.replace('/', '_')}\udcff"  # what a system gives for bytes that are no UTF-8

pytestmark = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="the system refuses such file names"
)

SMALL = ["-o", "heads.width=8", "-o", "lstm.hidden=8", "-o", "training.batch=2", "--steps", 2]

CALLS = {
    "train": [
        ["ABSENT", "--out-dir", "NEW"],
        ["BROKEN", "--out-dir", "NEW"],
        ["--resume", "--out-dir", "RUN", "--steps", 3],
        ["FOLDER", "--init", "MUSIC"],
    ],
    "sample": [
        ["RUN", "--prompt", "MUSIC", "--notes", 4, "--stepping", "plain"],
        ["RUN", "--prompt", "MUSIC", "--replace", "2", "--stepping", "plain", "--candidates", 2],
        ["RUN", "--notes", 3, "--out", "NEW.mid", "--stepping", "plain"],
        ["RUN", "--prompt", "ABSENT"],
        ["ABSENT"],
    ],
    "render": [["MUSIC", "--out", "NEW.wav"], ["BROKEN", "--out", "x.wav"]],
    "play": [["MUSIC", "--out", "NEW.html"], ["ABSENT", "--out", "x.html"]],
    "models": [[]],
    "replay": [["MUSIC"], ["MUSIC", "--run", "RUN"], ["BROKEN"], ["ABSENT"]],
    "report": [
        ["MUSIC", "MUSIC", "--out", "NEW.html"],
        ["RUN", "--pieces", 1, "--seconds", 2, "--out", "NEW.html"],
        ["ABSENT", "--out", "x.html"],
    ],
    "prepare": [["FOLDER", "--out", "NEW"], ["ABSENT", "--out", "x"], ["FOLDER", "--out", "RUN"]],
    "roundtrip": [["FOLDER", "--encoder", "tuple", "--worst", 3], ["MUSIC"], ["ABSENT"]],
    "evaluate": [
        ["RUN", "FOLDER", "--pieces"],
        ["RUN", "MUSIC", "--notes"],
        ["RUN", "MUSIC", "--with", "RUN"],
        ["RUN", "ABSENT"],
        ["MUSIC"],
    ],
    "compare": [["FOLDER", "--out-dir", "MUSIC"], ["ABSENT", "--out-dir", "x"]],
    "info": [["MUSIC"], ["FOLDER"], ["RUN"], ["DATA"], ["ABSENT"], ["BROKEN"]],
    "statistics": [["FOLDER"], ["MUSIC", "--against", "FOLDER"], ["ABSENT"], ["BROKEN"]],
    "audit": [["MUSIC", "BROKEN", "--data", "RUN"], ["MUSIC", "--data", "FOLDER"], ["ABSENT"]],
    "plot": [
        ["MUSIC", "--out", "NEW.svg"],
        ["MUSIC", "MUSIC", "--out", "NEW.svg"],
        ["RUN", "--out", "run.svg"],
        ["MUSIC", "--model", "RUN", "--out", "NEW.svg"],
        ["MUSIC", "--out", "NEW.gif"],
        ["ABSENT", "--out", "x.svg"],
    ],
    "plugins": [["show", EVIL], ["check", EVIL]],
}
"""Calls of each command; capital words are hostile paths."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A folder with hostile names in it, for all calls; `RUN` and `DATA` are made by the first."""
    base = tmp_path_factory.mktemp("hostile")
    folder = base / f"folder {NAME}"
    folder.mkdir()
    data = EVIL.encode() + b"\xff"
    texts = [Text(0, track, kind, data) for track in (-1, 0) for kind in (1, 2, 3, 4, 5, 6, 7)]
    for number in range(8):
        piece = tune(number, bars=4).replace(extras=Extras(texts=tuple(texts)))
        (folder / f"{number}{NAME}.mid").write_bytes(midi.to_bytes(piece))
    (folder / f"broken{NAME}.mid").write_bytes(b"none")
    return {
        "FOLDER": folder,
        "MUSIC": folder / f"0{NAME}.mid",
        "BROKEN": folder / f"broken{NAME}.mid",
        "ABSENT": base / f"absent {NAME}",
        "RUN": base / f"run {NAME}",
        "DATA": base / f"data {NAME}",
    }


def readable(text):
    """Say whether a terminal prints a text as it is, line by line, and no line is of a file."""
    lines = text.replace("\r", "\n").split("\n")
    return all(line.isprintable() for line in lines) and not any(
        line.startswith("howlkit: b") for line in lines
    )


@pytest.fixture
def here(tmp_path, monkeypatch, hostile, howlkit):
    """An empty folder; the run and the dataset are made once."""
    monkeypatch.chdir(tmp_path)
    if not hostile["RUN"].exists():
        for made in (
            ["prepare", hostile["FOLDER"], "--out", hostile["DATA"]],
            ["train", hostile["DATA"], "--out-dir", hostile["RUN"], *SMALL],
        ):
            code, out, err = howlkit(*made)
            assert code == 0 and readable(out + err), ascii(err)
    return tmp_path


def test_every_command_is_called():
    assert set(CALLS) >= set(COMMANDS)


@pytest.mark.parametrize(
    "call",
    [(name, *call) for name, calls in CALLS.items() for call in calls],
    ids=lambda call: " ".join(map(str, call[:4])).encode("ascii", "replace").decode()[:60],
)
def test_hostile_text_is_escaped_and_is_no_path(here, hostile, howlkit, call):
    new = here / f"new {NAME}"
    words = [
        hostile.get(str(word), re.sub("^NEW", str(new).replace("\\", r"\\"), str(word)))
        for word in call
    ]
    before = around(here)
    code, out, err = howlkit(*words)
    assert code in (0, 1, 2)
    assert readable(out + err), ascii(
        [line for line in (out + err).split("\n") if not readable(line)]
    )
    assert around(here) == before, "something was written elsewhere"
    for made in here.rglob("*"):
        if made.suffix in (".svg", ".html"):
            page = made.read_text(encoding="utf-8")
            assert "<script>&" not in page and "\x1b" not in page and "\u202e" not in page


def around(folder):
    """What lies beside a folder: a name that were a path would add to it."""
    return {entry.name for entry in os.scandir(folder.parent)}


def test_what_info_prints_as_json_is_ascii(here, hostile, howlkit):
    code, out, _ = howlkit("info", hostile["MUSIC"], "--json")
    assert code == 0 and out.isascii() and json.loads(out)


def test_a_name_inside_a_file_never_names_a_file(here, howlkit):
    piece = tune(0).replace(name="../../outside")
    midi.write(piece, here / "inside.mid")
    assert howlkit("plot", "inside.mid", "--out", ".")[0] == 0
    assert {path.name for path in Path().iterdir()} == {"inside.mid", "inside.svg"}
