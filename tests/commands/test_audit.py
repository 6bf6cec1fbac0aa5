"""`howlkit audit` as users meet it, and the line that `howlkit sample` says."""

import json
import shutil
from pathlib import Path

import pytest

from howlkit.commands.copying_notice import tell_of_copies
from howlkit.evaluation.copying import stored
from howlkit.music import midi
from howlkit.music.piece import Piece
from tests.conftest import random_piece, walk, write

SMALL = ["-o", "heads.width=8", "-o", "lstm.hidden=8", "-o", "training.batch=4", "--steps", 2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with music, a dataset and a run; tests take copies of it."""
    folder = tmp_path_factory.mktemp("trained")
    for number in range(16):
        write(walk(number, 120), folder / "music" / f"{number:02d}.mid")
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, trained, howlkit):
    """The folder that a user works in: a run, a copy of training music, and music of its own."""
    monkeypatch.chdir(tmp_path)
    if not (trained / "run").exists():
        assert howlkit("prepare", trained / "music", "--out", trained / "data")[0] == 0
        code, _, err = howlkit("train", trained / "data", "--out-dir", trained / "run", *SMALL)
        assert code == 0, err
    shutil.copytree(trained / "run", "run")
    config = json.loads((tmp_path / "run/config.json").read_text())
    assert config["data"]["dataset"] == str(trained / "data")
    source = walk(_training_piece(trained), 120)
    notes = source.notes[20:60].copy()
    notes["pitch"] += 2
    write(source.replace(notes=notes), tmp_path / "copy.mid")
    write(random_piece(1, 60), tmp_path / "own.mid")
    return tmp_path


def _training_piece(trained):
    from howlkit.dataset import Dataset

    return int(Dataset.open(trained / "data").part("train")[0].name.removesuffix(".mid"))


def test_a_copy_is_above_what_held_out_pieces_share(here, howlkit):
    code, out, err = howlkit("audit", "copy.mid", "own.mid", "--data", "run")
    assert code == 0 and err == ""
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    assert rows["copy.mid"] and "above" in out and "2 semitones up, at its speed" in out
    assert "1 of 2 pieces above" in out.splitlines()[-1]
    assert howlkit("audit", "copy.mid", "--data", "run", "--strict")[0] == 1
    assert howlkit("audit", "own.mid", "--data", "run", "--strict")[0] == 0


def test_json_has_the_bars_in_both_pieces_and_the_yardstick(here, howlkit):
    code, out, _ = howlkit("audit", "copy.mid", "--data", "run", "--json", "--passages", 1)
    report = json.loads(out)
    (file,) = report["files"]
    (passage,) = file["passages"]
    assert code == 0 and report["above"] == 1 and file["above"] and file["name"] == "copy.mid"
    assert passage["transposed"] == 2 and passage["notes"] >= 38
    assert passage["here"]["bars"] == passage["there"]["bars"]  # it stands where it stood
    assert file["standard"]["excerpts"] > report["held_out_pieces"] > 0  # of 40 notes each


def test_a_folder_or_a_dataset_is_searched_too_and_broken_files_are_left_out(
    here, trained, howlkit
):
    (here / "made").mkdir()
    shutil.copy("copy.mid", here / "made")
    (here / "made/broken\x1b[2J.mid").write_bytes(b"no music")
    for data in (trained / "data", trained / "music"):
        code, out, err = howlkit("audit", "made", "--data", data)
        assert code == 0 and "Left out: " in err and "above" in out
        assert "\x1b" not in err + out
    code, _, err = howlkit("audit", here / "made/broken\x1b[2J.mid", "--data", "run")
    assert code == 1 and "is not a MIDI file" in err and "\x1b" not in err
    assert howlkit("audit", "nowhere.mid", "--data", "run")[0] == 1
    assert howlkit("audit", "--data", "run")[0] == 2
    (here / "empty").mkdir()
    assert "no MIDI files" in howlkit("audit", "empty", "--data", "run")[2]


def test_without_its_dataset_a_run_is_searched_by_what_lies_beside_it(here, trained, howlkit):
    config = json.loads((here / "run/config.json").read_text())
    config["data"]["dataset"] = "gone"
    (here / "run/config.json").write_text(json.dumps(config))
    out = howlkit("audit", "copy.mid", "--data", "run")[1]
    assert "above" in out and "here bar" in out and "there 0:" in out  # its bars are not known
    (here / "run" / stored.FILE).unlink()
    code, _, err = howlkit("audit", "copy.mid", "--data", "run")
    assert code == 1 and "name music to compare with" in err


def test_what_lies_beside_a_run_is_made_when_it_is_missing_and_kept(here, howlkit):
    (here / "run" / stored.FILE).unlink()
    assert "once for this run" in howlkit("audit", "copy.mid", "--data", "run")[2]
    assert howlkit("audit", "copy.mid", "--data", "run")[2] == ""


def test_sample_says_in_one_line_that_its_music_is_a_copy(here, howlkit, capsys):
    copy, own = midi.read(here / "copy.mid"), random_piece(2, 60)
    facts = json.loads((here / "run/model/config.json").read_text())["facts"]

    def said(pieces, paths, facts=facts):
        tell_of_copies(Path("run"), facts, pieces, [Path(path) for path in paths])
        return capsys.readouterr().err

    line = said([copy], ["a.mid"])
    assert line.startswith("a.mid repeats ") and line.count("\n") == 1
    assert line.endswith("howlkit audit a.mid --data run\n")
    assert said([own, copy, copy], ["b-1.mid", "b-2.mid"]).startswith("b-2.mid (and 1 more) ")
    assert said([own, copy], []).startswith("Piece 2 repeats ")
    assert said([own], ["a.mid"]) == said([copy], ["a.mid"], facts={}) == ""
    (here / "run" / stored.FILE).unlink()
    assert said([copy], ["a.mid"]) == ""


def test_sample_does_not_call_a_prompt_a_copy(here, howlkit):
    prompt = ["--prompt", "copy.mid", "--notes", 8, "--stepping", "plain"]
    assert " repeats " not in howlkit("sample", "run", *prompt, "--out", "d.mid")[2]


def test_a_piece_without_notes_shares_nothing(here, howlkit):
    write(Piece(), here / "empty.mid")
    out = howlkit("audit", "empty.mid", "--data", "run")[1]
    assert "0 of 1 piece above" in out
