"""`howlkit play`: a page that plays, or a program of the system."""

import base64
import io
import json
import os
import re
import sys
import tempfile
import wave
import webbrowser
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from howlkit.commands import players
from howlkit.commands.sound_options import page_playing
from howlkit.music import Piece, midi, sound
from howlkit.music.page import play_page
from howlkit.plugins.checked import CheckedRenderer
from tests.training.test_trainer import trainer

NOTES = Piece.of([(0, 480, 69, 100), (480, 480, 60)], bpm=60)

posix = pytest.mark.skipif(sys.platform == "win32", reason="scripts of a shell stand for programs")


@pytest.fixture(autouse=True)
def no_browser(monkeypatch, tmp_path):
    """No display, and temporary files in a folder of the test."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux" if sys.platform == "darwin" else sys.platform)
    monkeypatch.setattr(webbrowser, "_tryorder", None)  # it looks once a process
    monkeypatch.setattr(webbrowser, "_browsers", {})
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.mid"
    midi.write(NOTES, path)
    return path


def script(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.inside, self.texts = [], "", {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag + dict(attrs).get("id", "")
        if self.inside in self.texts:  # the picture has a title too
            self.inside += " again"

    def handle_data(self, data):
        self.texts[self.inside] = self.texts.get(self.inside, "") + data

    def handle_endtag(self, tag):
        self.inside = ""


def data_of(page, name):
    return json.loads(page.texts[f"script{name}"])


def sound_of(page):
    (piece,) = data_of(page, "pieces")
    with wave.open(io.BytesIO(base64.b64decode(piece["file"]["data"]))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return file.getframerate(), samples.reshape(-1, 2)


@posix
def test_the_page_has_a_roll_and_the_instruments_that_play_and_fetches_nothing(
    howlkit, song, tmp_path
):
    out = tmp_path / "new.html"
    code, stdout, err = howlkit("play", song, "--out", out)
    assert (code, stdout) == (0, "") and f"Open it in a browser: {out.resolve().as_uri()}" in err
    text = out.read_text(encoding="utf-8")
    page = Page(text)
    assert {"canvas", "button", "title"} <= {tag for tag, _ in page.tags}
    assert page.texts["title"].strip() == "song.mid"
    (piece,) = data_of(page, "pieces")
    assert piece["roll"]["start"] == [0, 1000] and piece["voices"]["start"] == [0, 10000]
    assert 2 < piece["seconds"] < 3
    recordings = data_of(page, "recordings")
    assert len(recordings) == 2 and len(text) < 300_000  # of the piano's nineteen
    fetched = [a for _, attributes in page.tags for a in attributes if a in ("src", "href")]
    assert not fetched and "http:" not in text and "https:" not in text


class Own:
    """A renderer that a package might bring."""

    name = "own"

    def render(self, piece, rate):
        yield from sound.render(piece, rate)


def test_what_another_renderer_plays_is_in_the_page_as_a_file():
    playing = page_playing(CheckedRenderer.of(Own()), 16000, NOTES.seconds_long)
    page = Page(play_page(NOTES, title="song", playing=playing))
    rate, samples = sound_of(page)
    assert rate == 16000 and 2 < len(samples) / rate < 3 and np.abs(samples).max() > 3000
    assert data_of(page, "recordings") == []


@posix
def test_without_a_browser_it_says_where_the_page_lies(howlkit, song, tmp_path):
    code, _, err = howlkit("play", song, "--rate", 8000)
    assert code == 0
    uri = re.search(r"Open it in a browser: file://(\S+\.html)", err)[1]
    assert uri.startswith(str(tmp_path / "tmp"))
    assert "<canvas" in Path(uri).read_text(encoding="utf-8")


@posix
def test_the_browser_opens_the_page(howlkit, song, tmp_path, monkeypatch):
    opened = tmp_path / "opened"
    browser = script(tmp_path, "browser", f'echo "$1" > {opened}')
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    code, _, err = howlkit("play", song, "--rate", 8000)
    assert code == 0 and "It plays in the browser" in err
    assert re.fullmatch(r"file://.*howlkit-song-\w+\.html\n", opened.read_text())


def test_a_page_is_not_written_under_the_name_of_a_sound(howlkit, song, tmp_path):
    code, _, err = howlkit("play", song, "--out", tmp_path / "new.wav")
    assert code == 2 and "howlkit render" in err and not (tmp_path / "new.wav").exists()


def test_hostile_names_are_inert(howlkit, tmp_path):
    name = "'\"><script>alert(1)<"
    piece = NOTES.replace(name=name)
    made = Page(play_page(piece, title=name))
    assert [tag for tag, _ in made.tags].count("script") == 3
    assert made.texts["title"].strip() == name


@posix
def test_a_program_of_the_system_plays(howlkit, song, tmp_path, monkeypatch):
    programs, heard = tmp_path / "programs", tmp_path / "heard.wav"
    programs.mkdir()
    script(programs, "aplay", f'/bin/cp "$2" {heard}')
    monkeypatch.setenv("PATH", str(programs))
    code, _, err = howlkit("play", song, "--player", "--rate", 8000)
    assert code == 0 and "2 notes, 2 s; Ctrl-C stops it" in err
    with wave.open(str(heard)) as file:
        assert 2 < file.getnframes() / 8000 < 3
    assert not list((tmp_path / "tmp").iterdir())


@posix
def test_a_program_that_fails_is_a_line(howlkit, song, tmp_path, monkeypatch):
    programs = tmp_path / "programs"
    programs.mkdir()
    script(programs, "paplay", "echo connection refused >&2; exit 1")
    monkeypatch.setenv("PATH", str(programs))
    code, _, err = howlkit("play", song, "--player", "--rate", 8000)
    assert code == 1
    assert "paplay could not play the sound (exit code 1): connection refused; leave out" in err
    assert not list((tmp_path / "tmp").iterdir())


@posix
def test_without_any_program_it_says_what_else_there_is(howlkit, song, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    code, _, err = howlkit("play", song, "--player")
    assert code == 1 and "no program that plays sound is installed (afplay, pw-play" in err
    assert "howlkit render FILE" in err


def test_a_browser_that_cannot_start_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("BROWSER", str(tmp_path / "gone"))
    monkeypatch.setenv("PATH", os.devnull)
    assert players.open_page(tmp_path / "a.html") is False


# Runs ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = trainer(tmp_path_factory.mktemp("play") / "run", steps=3)
    made.train()
    return made.run


@posix
def test_of_a_run_the_newest_piece_is_played(howlkit, run, tmp_path):
    code, _, err = howlkit("play", run)
    assert code == 1 and f"has made no music yet: howlkit sample {run} --seconds 60" in err
    (run / "samples").mkdir()
    for number, pitch in ((1, 60), (2, 72)):
        path = run / f"samples/sample-{number}.mid"
        midi.write(Piece.of([(0, 480, pitch)]), path)
        os.utime(path, (10 + number, 10 + number))
    code, _, err = howlkit("play", run, "--out", tmp_path / "a.html", "--rate", 8000)
    assert code == 0 and f"Using the newest piece, {run}/samples/sample-2.mid" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["gone.mid"], 1, "gone.mid"),
        (["song.mid", "--player", "--out", "a.html"], 2, "--player makes no page"),
        (["song.mid", "--out", "there.html"], 1, "there.html exists already; add --force"),
        ([], 1, "chorales has made no music yet"),
    ],
)
def test_what_cannot_be_played_is_a_line(
    howlkit, song, tmp_path, monkeypatch, arguments, code, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.html").write_text("")
    got, _, err = howlkit("play", *arguments)
    assert got == code and said in err
    assert not list((tmp_path / "tmp").iterdir())
