"""docs/sound.md: its commands and its code run."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

import howlkit as door
from howlkit.music import Piece, midi
from howlkit.music.sound.instruments import DRUM_KIT, INSTRUMENTS
from tests.builtin import soundfont
from tests.training.test_trainer import trainer

PAGE = (Path(__file__).parents[2] / "docs/sound.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition("#")[0].strip()
    for line in re.findall(r"^    howlkit (\w.*)$", PAGE, re.MULTILINE)
]
NEEDS = {".flac": "soundfile", ".ogg": "soundfile", "--soundfont": "midirenderer"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a tiny run that has made a piece."""
    made = trainer(tmp_path_factory.mktemp("page") / "run", steps=3)
    made.train()
    (made.run / "samples").mkdir()
    midi.write(Piece.of([(0, 480, 60)]), made.run / "samples/sample-1.mid")
    return made.run


def test_the_page_has_commands():
    assert len(COMMANDS) == 11
    assert {command.split()[0] for command in COMMANDS} == {"play", "render", "sample"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_page_make_sound(command, run, howlkit, tmp_path, monkeypatch):
    for word, package in NEEDS.items():
        if word in command and find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed")
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    midi.write(Piece.of([(0, 480, 60), (480, 480, 64)]), tmp_path / "new.mid")
    soundfont.write(tmp_path / "my.sf2")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "aplay").write_text("#!/bin/sh\n")
    (programs / "aplay").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    arguments = [str(run) if word == "RUN" else word for word in shlex.split(command)]
    if arguments[0] == "sample":
        arguments += ["--stepping", "plain", "--seed", "1"]
    code, _, err = howlkit(*arguments)
    assert code == 0, err
    if "--out" in arguments:
        out = Path(arguments[arguments.index("--out") + 1])
        made = [*tmp_path.glob(f"{out.stem}*{out.suffix}")]
        assert len(made) == (3 if "-n" in arguments else 1)
        assert all(path.stat().st_size > 1000 for path in made)


@pytest.mark.skipif(find_spec("soundfile") is None, reason="the package soundfile is not installed")
def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    piece = Piece.of([(0, 480, 60)])
    exec(code, {"howlkit": door, "piece": piece, "other": piece.transpose(2)})
    assert {path.name for path in tmp_path.iterdir()} == {"new.wav", "new-1.flac", "new-2.flac"}


def test_the_numbers_of_the_page_are_those_of_the_instruments():
    assert f"one of {len(INSTRUMENTS)} recorded instruments" in PAGE
    assert f"a kit of {len({drum.key for drum in DRUM_KIT.values()})} drums" in PAGE
