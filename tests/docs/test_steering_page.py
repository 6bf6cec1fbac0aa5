"""docs/steering.md: its commands run, with a tiny model, and its pictures are there, and small."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from howlkit.music import midi
from howlkit.music.tables import DRUMS
from tests.training.test_trainer import trainer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/steering.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    howlkit (sample (?:RUN|BAND) .*)$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a tiny run."""
    made = trainer(tmp_path_factory.mktemp("page") / "run", steps=30)
    made.train()
    return made.run


def test_the_page_has_commands():
    assert len(COMMANDS) == 17


def test_a_picture_is_shown_of_every_control_below_the_command_that_made_it():
    found = subprocess.run(
        [sys.executable, "-c", "from steering_pictures import *; print(pictures(open(0).read()))"],
        cwd=ROOT / "scripts", input=PAGE, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    pictures = ast.literal_eval(found)
    assert len(pictures) == PAGE.count("](pictures/") == 12
    told = " ".join(word for words, _ in pictures for word in words)
    controls = "key range max-polyphony density chords bars temperature top-p without instruments"
    assert all(f"--{control} " in told for control in controls.split())
    files = {file: (ROOT / "docs" / file).read_text(encoding="utf-8") for _, file in pictures}
    assert all(text.startswith("<svg") for text in files.values())
    assert sum(map(len, files.values())) < 400_000


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_page_make_music(command, run, howlkit, tmp_path):
    arguments = shlex.split(command)
    arguments[1] = str(run)
    code, _, err = howlkit(*arguments, "--out", tmp_path / "new.mid", "--seed", "1")
    assert code == 0, err
    notes = midi.read(tmp_path / "new.mid").notes
    assert len(notes)
    if "--range" in arguments:
        pitched = notes[notes["program"] != DRUMS]["pitch"]
        assert pitched.min(initial=48) >= 48 and pitched.max(initial=84) <= 84
