"""docs/replacing.md: its commands run, with a small model, and its pictures are there."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from howlkit.commands.note_stream import NoteStream
from howlkit.commands.replacing_options import OPTIONS
from howlkit.music import midi
from tests.conftest import tune, write
from tests.sampling.small_models import small_model

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "replacing.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    howlkit (sample RUN .*)$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_model("tuple").save_pretrained(tmp_path_factory.mktemp("page") / "run")


def test_the_page_has_commands():
    assert len(COMMANDS) == 9


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_page_make_music(command, run, howlkit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tune(bars=10), tmp_path / "mine.mid")
    write(tune(bars=4), tmp_path / "melody.mid")
    arguments = [str(run) if word == "RUN" else word for word in shlex.split(command)]
    few = [] if "--notes" in arguments else ["--candidates", "4"]
    code, shown, err = howlkit(*arguments, *few, "--stepping", "plain")
    assert code == 0, err
    if "--stream" in arguments:
        assert all("row" in line or "take" in line for line in map(json.loads, shown.splitlines()))
    if "--out" in arguments:
        out = Path(arguments[arguments.index("--out") + 1])
        made = sorted(tmp_path.glob(f"{out.stem}*.mid"))
        count = int(arguments[arguments.index("-n") + 1]) if "-n" in arguments else 1
        assert len(made) == count
        old = tune(bars=10 if "mine.mid" in arguments else 4)
        begin = old.notes[old.notes["start"] < 16 * old.ticks_per_beat]
        for path in made:
            notes = midi.read(path).notes
            assert np.isin(begin, notes).all()


def test_every_option_has_a_row():
    for option in OPTIONS:
        name = next(name for name in option(lambda: None).__click_params__[0].opts)
        assert f"`{name}" in PAGE, name


def test_the_lines_of_the_page_are_those_of_the_stream(capsys):
    piece = tune(bars=2)
    stream = NoteStream(small_model("tuple").encoder)
    stream.show(0, piece.notes[:2], piece)
    stream.show(0, piece.notes[:1], piece)
    stream.take(1, {"notes": 1, "join": 1.0, "distance": 0.0}, piece.notes[:1], piece)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    page = [json.loads(line) for line in re.findall(r"^\{.*\}$", PAGE, re.MULTILINE)]
    kinds = {tuple(line) for line in lines}
    assert len(kinds) == 4 and {tuple(line) for line in page} == kinds


def test_the_pictures_of_the_page_are_there():
    pictures = re.findall(r"!\[[^\]]*\]\((\S+)\)", PAGE)
    assert len(pictures) == 2
    for name in pictures:
        data = (DOCS / name).read_text(encoding="utf-8")
        assert data.startswith("<svg") and "made anew" in data and len(data) < 200_000
