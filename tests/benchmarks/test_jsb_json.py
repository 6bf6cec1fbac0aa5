"""The published chorales, from small files of the same kind."""

import importlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from howlkit.builtin.encoders.voices.encoder import Voices
from howlkit.dataset import Dataset
from tests.conftest import sung


@pytest.fixture
def jsb_json(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    return importlib.import_module("jsb_json")


@pytest.fixture
def read(jsb_json, tmp_path):
    """Write tables to a folder as published, and read a part of them."""

    def read(name, tables):
        path = tmp_path / jsb_json.FILES[name][0]
        path.write_text(json.dumps({"train": [], "valid": tables}))
        assert jsb_json.pieces(tmp_path, name, "train") == []
        return jsb_json.pieces(tmp_path, name, "validation")

    return read


def rows(piece):
    return [tuple(int(n[c]) for c in ("start", "duration", "pitch", "track")) for n in piece.notes]


def test_equal_neighbours_of_a_voice_are_one_note(read):
    table = [[67, 60, 55, -1], [67, 60, 55, -1], [-1, 62, 55, 48], [67, 62, 55, 48]]
    [piece] = read("voices", [table])
    assert rows(piece) == [
        (0, 4, 55, 2),
        (0, 2, 60, 1),
        (0, 2, 67, 0),
        (2, 2, 48, 3),
        (2, 2, 62, 1),
        (3, 1, 67, 0),
    ]
    assert piece.beats_long == 1


def test_voices_encodes_what_the_table_says(read):
    tables = [
        [[67, 60, 60, -1], [67, 69, 60, -1], [-1, -1, -1, -1], [67, 62, 55, 48]],
        [[-1, -1, -1, -1], [50, 60, 70, 80]],
    ]
    for piece, table in zip(read("voices", tables), tables, strict=True):
        assert sung(Voices(restrikes=False), piece) == table


def test_changes_of_voices_give_the_table_back(read):
    rng = np.random.default_rng(0)
    tables = []
    for length in (1, 3, 4, 40, 161):
        table = rng.choice([-1, 48, 60, 67], (length, 4))
        same = rng.random(table.shape) < 0.7  # a table repeats most of its rows
        for row in range(1, length):
            table[row] = np.where(same[row], table[row - 1], table[row])
        table[-1, 2] = 60
        tables.append(table.tolist())
    encoder = Voices(restrikes=False, steps="changes")
    for piece, table in zip(read("voices", tables), tables, strict=True):
        back = encoder.decode(encoder.encode(piece), like=piece)
        assert rows(back) == rows(piece)
        assert sung(Voices(restrikes=False), back) == table


def test_equal_neighbours_of_a_key_are_one_note(read):
    [piece] = read("quarters", [[[48, 60, 64], [48, 64], [], [0, 48, 127]]])
    assert rows(piece) == [
        (0, 2, 48, 0),
        (0, 1, 60, 0),
        (0, 2, 64, 0),
        (3, 1, 0, 0),
        (3, 1, 48, 0),
        (3, 1, 127, 0),
    ]
    assert piece.beats_long == 4


def test_pieces_have_names_of_their_own(read):
    names = [piece.name for piece in read("quarters", [[[60]], [[60]], [[61]]])]
    assert len(set(names)) == 3


def test_a_dataset_keeps_the_published_split(jsb_json, tmp_path):
    tables = {
        "train": [[[67, 60, 55, 48]], [[62, 60, -1, 48], [62, 60, 55, 48]]],
        "valid": [[[60, 60, 60, 60]]],
    }
    (tmp_path / "Jsb16thSeparated.json").write_text(json.dumps(tables))
    jsb_json.prepare(tmp_path, "voices", tmp_path / "out")
    data = Dataset.open(tmp_path / "out")
    for part, name in (("train", "train"), ("validation", "valid"), ("test", None)):
        back = [sung(Voices(restrikes=False), piece) for piece in data.pieces(part)]
        assert sorted(back) == sorted(tables.get(name, []))


@pytest.mark.skipif("HOWLKIT_DATA" not in os.environ, reason="needs the published chorales")
def test_the_published_chorales_come_back_slice_by_slice(jsb_json):
    folder = Path(os.environ["HOWLKIT_DATA"]) / "jsb_czhuang"
    for part in ("train", "validation"):
        tables = json.loads((folder / "Jsb16thSeparated.json").read_text())[jsb_json.PARTS[part]]
        some = jsb_json.pieces(folder, "voices", part)
        assert [sung(Voices(restrikes=False), piece) for piece in some] == tables
