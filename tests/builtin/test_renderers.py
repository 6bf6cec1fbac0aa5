"""Renderers of soundfonts, with a soundfont made here, and what is said where one cannot play."""

import os
import shutil
from importlib.util import find_spec

import numpy as np
import pytest

from howlkit import plugins
from howlkit.errors import HowlkitError, OptionError, PluginError
from howlkit.music import Piece
from howlkit.sampling import renderers
from howlkit.testing import renderer_checks
from tests.builtin import soundfont
from tests.music.sound.heard import cents_off, onset

RATE = 22050

there = {"fluidsynth": shutil.which("fluidsynth"), "midirenderer": find_spec("midirenderer")}
REAL = [
    pytest.param(name, marks=pytest.mark.skipif(not found, reason=f"{name} is not installed"))
    for name, found in there.items()
]
NOTE = Piece.of([(480, 960, 64, 100)], bpm=60)


@pytest.fixture
def font(tmp_path):
    return str(soundfont.write(tmp_path / "sine.sf2"))


@pytest.mark.parametrize("name", REAL)
def test_a_soundfont_is_played_in_tune_and_in_time(name, font):
    made = np.concatenate(
        list(plugins.create("renderer", name, {"soundfont": font}).render(NOTE, RATE))
    )
    assert abs(cents_off(made[int(1.1 * RATE) : int(2.8 * RATE)], RATE, 64)) < 5
    assert onset(made, RATE) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", REAL)
def test_renderers_of_soundfonts_keep_to_the_contract(name, font):
    made = plugins.create("renderer", name, {"soundfont": font})
    for check in renderer_checks(made):
        check()


@pytest.mark.parametrize("name", REAL)
def test_a_soundfont_with_nothing_in_it_is_a_line(name, tmp_path):
    (tmp_path / "empty.sf2").write_bytes(b"RIFF\x04\0\0\0sfbk")
    made = plugins.create("renderer", name, {"soundfont": str(tmp_path / "empty.sf2")})
    with pytest.raises(PluginError, match=rf"empty\.sf2 cannot be played by {name}"):
        list(made.render(NOTE, RATE))


def test_the_first_renderer_that_can_play_a_soundfont_is_chosen(font):
    able = [name for name, found in there.items() if found]
    if not able:
        pytest.skip("no renderer of soundfonts is installed")
    assert renderers.choose(soundfont=font).name == able[0]


def test_without_a_name_and_a_soundfont_the_bank_plays():
    assert renderers.choose().name == "bank"
    assert renderers.choose(values={"bank": {"gain": "-3"}}).gain == -3


@pytest.mark.parametrize("name", ["fluidsynth", "midirenderer"])
@pytest.mark.parametrize(
    ("file", "said"),
    [
        (None, "it needs a soundfont: --soundfont FILE.sf2"),
        ("gone.sf2", r"the soundfont .*gone\.sf2 cannot be read: No such file"),
        ("text.sf2", r"text\.sf2 is no soundfont"),
    ],
)
def test_what_is_wrong_with_a_soundfont_is_said(name, file, said, tmp_path):
    (tmp_path / "text.sf2").write_text("not a soundfont")
    path = "" if file is None else str(tmp_path / file)
    with pytest.raises(PluginError, match=f"renderer '{name}' cannot play: .*{said}"):
        renderers.choose(name, soundfont=path)
    with pytest.raises(PluginError, match=said):
        list(plugins.create("renderer", name, {"soundfont": path}).render(NOTE, RATE))


def test_a_soundfont_that_is_wrong_is_said_once(tmp_path):
    (tmp_path / "text.sf2").write_text("not a soundfont")
    with pytest.raises(PluginError, match=r"^\S*text\.sf2 is no soundfont \(\.sf2\)$"):
        renderers.choose(soundfont=str(tmp_path / "text.sf2"))


def test_where_nothing_plays_soundfonts_it_is_said_how_to_get_something(font, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PluginError) as caught:
        renderers.choose(soundfont=font)
    said = str(caught.value)
    assert "the program fluidsynth is not installed: apt install fluidsynth" in said
    assert "midirenderer is not installed: howlkit plugins install midirenderer" in said


def test_sf3_files_are_not_for_midirenderer():
    made = plugins.create("renderer", "midirenderer", {"soundfont": "a.sf3"})
    assert made.missing == "it reads .sf2 files only, and a.sf3 is none"


def test_the_bank_plays_no_soundfonts(font):
    with pytest.raises(HowlkitError, match="'bank' plays no soundfonts.*fluidsynth, midirenderer"):
        renderers.choose("bank", soundfont=font)


def test_wrong_options_are_refused():
    with pytest.raises(OptionError, match="gain"):
        renderers.choose("bank", values={"bank": {"gain": "loud"}})


def test_fluidsynth_that_fails_is_a_line(font, tmp_path, monkeypatch):
    program = tmp_path / "fluidsynth"
    program.write_text("#!/bin/sh\necho no memory >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    made = plugins.create("renderer", "fluidsynth", {"soundfont": font})
    with pytest.raises(PluginError, match=r"wrote no sound \(exit code 3\): no memory"):
        list(made.render(NOTE, RATE))
