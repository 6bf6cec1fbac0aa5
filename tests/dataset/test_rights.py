"""What licenses.csv says of the music goes with the dataset, the run and the model."""

import json

import pytest

from howlkit.dataset import Dataset
from howlkit.dataset.rights import Rights
from howlkit.errors import DataError
from tests.conftest import walk, write

SMALL = ["-o", "lstm.hidden=8", "-o", "training.batch=2", "-o", "training.window=16"]

CC, FREE = Rights("CC BY 4.0", "A. Player", "https://x.org"), Rights("public domain", "", "")


@pytest.fixture
def music(tmp_path):
    """Pieces in a folder with a table, in one below it with its own, and beside them."""
    folder = tmp_path / "music"
    for number in range(4):
        write(walk(number, 60), folder / f"a/{number}.mid")
        write(walk(10 + number, 60), folder / f"a/b/{number}.mid")
        write(walk(20 + number, 60), folder / f"c/{number}.mid")
    (folder / "a/licenses.csv").write_text(
        "Source,license,file,holder,remark\nhttps://x.org,CC BY 4.0,[01].mid,A. Player,nice\n"
        ",public domain,*,,\n"
    )
    (folder / "a/b/licenses.csv").write_text("file,licence\n0.mid,CC0\n", encoding="utf-8-sig")
    return folder


def test_the_nearest_table_and_its_first_line_that_fits_count(music, tmp_path, howlkit):
    code, _, err = howlkit("prepare", music, "--out", tmp_path / "data")
    assert code == 0, err
    data = Dataset.open(tmp_path / "data")
    said = dict(zip(data.names, data.rights, strict=True))
    assert said["a/0.mid"] == said["a/1.mid"] == CC
    assert said["a/2.mid"] == said["a/3.mid"] == FREE
    assert said["a/b/0.mid"] == Rights("CC0", "", "") and said["a/b/1.mid"] is None
    assert said["c/0.mid"] is None
    before = data.fingerprint
    (music / "c/licenses.csv").write_text("file,licence\n*,CC0\n")
    assert howlkit("prepare", music, "--out", tmp_path / "data")[0] == 0
    data = Dataset.open(tmp_path / "data")
    assert data.rights[data.names.index("c/0.mid")] == Rights("CC0", "", "")
    assert data.fingerprint == before  # the music is the same


def test_a_run_says_whose_music_it_was_given(music, tmp_path, howlkit):
    run = tmp_path / "run"
    code, _, err = howlkit("train", music, "--steps", 1, "--out-dir", run, *SMALL)
    assert code == 0, err
    code, out, err = howlkit("info", run, "--rights")
    assert code == 0 and "public domain" in out and "A. Player" in out and "not stated" in out
    assert "Nobody has said it for 7" in err and str(tmp_path) not in out
    said = json.loads(howlkit("info", run, "--rights", "--json")[1])
    assert sum(group["pieces"] for group in said["rights"]) == len(said["pieces"]) == 12
    data = {row["name"]: row for row in said["pieces"]}
    assert data["a/0.mid"]["licence"] == CC.licence and len(data["a/0.mid"]["hash"]) == 32
    # The model folder, which is passed on, has the rights, and no names of files.
    (run / "model").rename(tmp_path / "passed-on")
    assert "a/0.mid" not in (tmp_path / "passed-on/config.json").read_text()
    code, out, _ = howlkit("info", tmp_path / "passed-on", "--rights", "--json")
    assert code == 0 and json.loads(out) == {"rights": said["rights"], "pieces": []}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,licens\n*,CC0\n", "has no column 'licence'"),
        ("pattern,licence\n,CC0\n", "line 2: the pattern of files is empty"),
        ("file,licence\n*,\xff\n".encode("latin-1"), "cannot be read as CSV"),
    ],
)
def test_a_table_that_is_wrong_is_named(text, message, music, tmp_path, howlkit):
    data = text if isinstance(text, bytes) else text.encode()
    (music / "a/licenses.csv").write_bytes(data)
    code, _, err = howlkit("prepare", music, "--out", tmp_path / "data")
    assert code == 1 and message in err and "licenses.csv" in err


def test_the_music_that_ships_says_that_it_is_free(howlkit, tmp_path):
    code, _, err = howlkit("train", "--steps", 1, "--out-dir", tmp_path / "run", *SMALL)
    assert code == 0, err
    [*groups] = json.loads(howlkit("info", tmp_path / "run", "--rights", "--json")[1])["rights"]
    assert {group["licence"] for group in groups} == {"public domain"}


def test_a_file_named_alone_looks_beside_itself(music):
    from howlkit.dataset.rights import RightsTables

    path = str(music / "a/0.mid")
    assert RightsTables([path]).of(path) == CC
    (music / "licenses.csv").write_text("file,licence\n*,CC0\n")
    (music / "a/licenses.csv").unlink()
    assert RightsTables([path]).of(path) is None  # only its own folder counts
    assert RightsTables([str(music)]).of(path) == Rights("CC0", "", "")
    (music / "licenses.csv").write_text("licence\nCC0\n")
    with pytest.raises(DataError, match="no column 'file'"):
        RightsTables([str(music)]).of(path)
