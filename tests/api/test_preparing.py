"""howlkit.prepare, and a dataset as a sequence of pieces."""

import numpy as np
import pytest

import howlkit
from howlkit.dataset import prepare as prepare_files
from howlkit.errors import ArgumentError, DataError, HowlkitError
from tests.conftest import walk, write


def test_a_folder_becomes_a_dataset_with_its_report(music, tmp_path, capsys):
    data = howlkit.prepare(music, out=str(tmp_path / "data"), workers=1)
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines()[-1] == data.report.line()
    assert data.report == prepare_files([music], tmp_path / "same", workers=1)
    again = howlkit.prepare([music], tmp_path / "data", quiet=True)
    assert again.report.unchanged == 12 and capsys.readouterr() == ("", "")
    assert again.fingerprint == data.fingerprint


def test_the_words_of_the_command_line_are_understood(music, tmp_path):
    data = howlkit.prepare(
        music, tmp_path / "data", split={"test": music / "1"}, max_notes=1000, strict=True
    )
    assert len(data.part("test")) == 6 and len(data.part("train")) == 6
    data = howlkit.prepare(music, tmp_path / "shares", validation=0, test=0.5, seed=1)
    assert len(data.part("validation")) == 0 and len(data.part("test")) > 0


def test_pieces_become_a_dataset(tmp_path):
    pieces = [walk(seed, 60) for seed in range(5)]
    data = howlkit.prepare(pieces, tmp_path / "data", split={"test": "walk 3"})
    assert list(data) == pieces
    assert list(data.part("test")) == [pieces[3]]
    assert list(howlkit.prepare(pieces[0], tmp_path / "one")) == pieces[:1]


def test_a_dataset_is_a_sequence(tmp_path):
    pieces = [walk(seed, 60) for seed in range(6)]
    data = howlkit.prepare(pieces, tmp_path / "data")
    assert (data[0], data[-1], data[np.int64(2)]) == (pieces[0], pieces[5], pieces[2])
    assert list(data[1:5:2]) == pieces[1:5:2] and len(data[4:]) == 2
    assert list(data[1:][::-1][:2]) == [pieces[5], pieces[4]]
    assert pieces[2] in data.part("all") and list(reversed(data.part("all"))) == pieces[::-1]
    parts = [list(data.part(part)) for part in data.parts]
    assert sum(map(len, parts)) == len(data) == len(list(data))
    assert parts[0] == list(data.pieces("train"))
    for wrong in (6, -7):
        with pytest.raises(IndexError, match=f"no piece {wrong} among 6"):
            data[wrong]
    with pytest.raises(ArgumentError, match=r"data\.part\('train'\)"):
        data["train"]
    with pytest.raises(DataError, match="there is no part 'dev'"):
        data.part("dev")


def test_a_missing_report_is_said(music, tmp_path):
    data = howlkit.prepare(music, tmp_path / "data", quiet=True)
    (tmp_path / "data" / "report.json").write_text("{}")
    with pytest.raises(DataError, match="report.json is missing, damaged"):
        _ = howlkit.Dataset(data.path).report


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"music": []}, "music is empty"),
        ({"music": 5}, "music is 5"),
        ({"music": ["x.mid", walk(1)]}, "Pieces and paths"),
        ({"validation": 0.5, "test": 0.5}, "leave something to train on"),
        ({"max_note": 5}, "Did you mean 'max_notes'"),
        ({"workers": 0}, "workers is 0"),
        ({"options": {"bpm": 1}}, "'COMPONENT.OPTION'"),
        ({"seed": 0.5}, "seed is 0.5"),
    ],
)
def test_what_is_wrong_is_said(music, tmp_path, arguments, message):
    with pytest.raises(HowlkitError, match=message):
        howlkit.prepare(**({"music": music, "out": tmp_path / "data"} | arguments))
    assert not (tmp_path / "data").exists()


def test_music_is_not_dropped_in_silence(music, tmp_path):
    howlkit.prepare(music, tmp_path / "data", quiet=True)
    write(walk(90), tmp_path / "other" / "x.mid")
    with pytest.raises(DataError, match="force=True"):
        howlkit.prepare(tmp_path / "other", tmp_path / "data")
    assert len(howlkit.prepare(tmp_path / "other", tmp_path / "data", force=True)) == 1
