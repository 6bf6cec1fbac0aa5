"""docs/steering.md: its commands run, with a tiny model."""

import re
import shlex
from pathlib import Path

import pytest

from howlkit.music import midi
from howlkit.music.tables import DRUMS
from tests.training.test_trainer import trainer

PAGE = (Path(__file__).parents[2] / "docs/steering.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    howlkit (sample RUN .*)$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a tiny run."""
    made = trainer(tmp_path_factory.mktemp("page") / "run", steps=30)
    made.train()
    return made.run


def test_the_page_has_commands():
    assert len(COMMANDS) == 5


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_page_make_music(command, run, howlkit, tmp_path):
    arguments = [str(run) if word == "RUN" else word for word in shlex.split(command)]
    code, _, err = howlkit(*arguments, "--out", tmp_path / "new.mid", "--seed", "1")
    assert code == 0, err
    notes = midi.read(tmp_path / "new.mid").notes
    assert len(notes)
    if "--range" in arguments:
        pitched = notes[notes["program"] != DRUMS]["pitch"]
        assert pitched.min(initial=48) >= 48 and pitched.max(initial=84) <= 84
