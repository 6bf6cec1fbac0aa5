"""One file of music, of any format that can be read, wherever a command takes one."""

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from howlkit.cli import cli
from howlkit.dataset.music_file import inspect_music, read_all, read_music
from howlkit.dataset.readers import Readers
from howlkit.errors import DataError, HowlkitError, MidiError, PluginError
from howlkit.music import midi
from tests.conftest import tune, write
from tests.dataset.test_sources import melody, shelf  # noqa: F401 - a fixture

AIR, JIG = ["Air", melody(1)], ["Jig", melody(2)]


@pytest.fixture
def told():
    return []


def run(*arguments, **options):
    return CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False, **options)


def test_midi_files_and_those_of_a_source_are_read_alike(shelf, told):  # noqa: F811
    write(tune(1), shelf.music / "a.mid")
    shelf.write("music/b.book", AIR)
    assert read_music(shelf.music / "a.mid", tell=told.append) == midi.read(shelf.music / "a.mid")
    piece = read_music(shelf.music / "b.book", tell=told.append)
    assert piece.notes["pitch"].tolist() == AIR[1] and piece.name == "b.book"
    reading = inspect_music(shelf.music / "b.book", tell=told.append)
    assert reading.piece == piece and reading.repairs == {}
    assert not told


def test_of_several_pieces_the_first_that_can_be_used_is_taken_and_said(shelf, told):  # noqa: F811
    shelf.write("music/b.book", ["Bad", "wrong"], JIG, AIR)
    path = shelf.music / "b.book"
    piece = read_music(path, tell=told.append)
    assert piece.notes["pitch"].tolist() == JIG[1] and piece.name == "b.book, Jig"
    assert len(told) == 1 and "has 3 pieces" in told[0] and "b.book, Jig" in told[0]
    told.clear()
    assert [len(piece) for piece in read_all(path, tell=told.append)] == [60, 60]
    assert len(told) == 1 and "piece 1 of 3, is left out: Bad has wrong notes" in told[0]


def test_what_cannot_be_read_is_said_with_the_name_of_the_file(shelf, told):  # noqa: F811
    shelf.write("music/wrong.book", ["Bad", "wrong"])
    (shelf.music / "none.book").write_text("[]")
    (shelf.music / "text.book").write_text("no JSON")
    (shelf.music / "folder.book").mkdir()
    for name, reason in [
        ("wrong", "Bad has wrong notes"), ("none", "no music in it"), ("text", "is no tune book"),
        ("folder", "is a folder"), ("absent", "cannot be read"),
    ]:  # fmt: skip
        for read in (read_music, inspect_music, read_all):
            with pytest.raises(HowlkitError, match=rf"{name}\.book.*{reason}"):
                read(shelf.music / f"{name}.book", tell=told.append)
    with pytest.raises(MidiError, match=r"x\.foo is not a MIDI file"):
        read_music(write_text(shelf.music / "x.foo"), tell=told.append)


def write_text(path):
    path.write_text("X:1\nK:C\nCDEF|\n")
    return path


@pytest.mark.parametrize("name", ["a.abc", "B.MusicXML", "c.mxl", "d.xml", "e.krn"])
def test_a_known_format_without_its_source_names_the_package_to_install(
    shelf,  # noqa: F811
    told,
    name,
    monkeypatch,
):
    path = write_text(shelf.music / name)
    for read in (read_music, inspect_music, read_all):
        with pytest.raises(PluginError, match="howlkit plugins install --upgrade howlkit-music21"):
            read(path, tell=told.append)
    with pytest.raises(PluginError, match="howlkit-music21"):
        Readers.installed().resolve(path)
    monkeypatch.setenv("HOWLKIT_LOAD_PLUGINS", "howlkit-books")
    with pytest.raises(PluginError, match="HOWLKIT_LOAD_PLUGINS='howlkit-books' keeps"):
        read_music(path, tell=told.append)


def test_standard_input_is_midi_of_limited_size(told, monkeypatch):
    data = midi.to_bytes(tune(1))
    read = []

    class Endless(io.BytesIO):
        def read(self, size=-1):
            read.append(size)
            return data

    class Stdin:
        buffer = Endless()

    monkeypatch.setattr("sys.stdin", Stdin())
    assert len(read_music(Path("-"), tell=told.append)) == len(tune(1))
    assert len(inspect_music(Path("-"), tell=told.append).piece) == len(tune(1))
    assert read == [midi.Limits().max_bytes + 1] * 2


def test_plot_info_and_statistics_take_files_of_a_source(shelf, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    shelf.write("music/b.book", AIR, JIG)
    facts = json.loads(run("info", "music/b.book", "--json").stdout)
    assert (facts["file"], facts["notes"], facts["mended"]) == ("b.book, Air", 60, {})
    drawn = run("plot", "music/b.book", "--out", "b.svg")
    assert drawn.exit_code == 0 and "60 notes" in drawn.stderr and "has 2 pieces" in drawn.stderr
    assert (tmp_path / "b.svg").exists()
    counted = json.loads(run("statistics", "music/b.book", "--json").stdout)
    assert counted["pieces"] == 2
    data = midi.to_bytes(tune(1))
    assert run("plot", "-", "--out", "c.svg", input=data).exit_code == 0


def test_sample_goes_on_from_and_evaluate_measures_a_file_of_a_source(
    shelf,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOWLKIT_CACHE", str(tmp_path / "cache"))
    shelf.write("music/train.book", *([str(n), melody(n)] for n in range(8)))
    shelf.write("prompt.book", ["New", melody(20)])
    small = ["-o", "lstm.hidden=16", "--steps", 3, "--device", "cpu"]
    assert run("train", "music/train.book", "--out-dir", "run", *small).exit_code == 0
    made = run("sample", "run", "--prompt", "prompt.book", "--notes", 5, "--out", "on.mid")
    assert made.exit_code == 0, made.stderr
    piece = midi.read("on.mid")
    assert len(piece) == 65 and piece.notes["pitch"][:60].tolist() == melody(20)
    measured = run("evaluate", "run", "prompt.book", "--json")
    assert json.loads(measured.stdout)["pieces"] == 1
    with pytest.raises(DataError, match="does not exist"):
        run("evaluate", "run", "absent.book")
