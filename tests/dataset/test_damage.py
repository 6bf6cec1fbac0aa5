"""Damaged datasets are named and mended; what is not ours is left alone."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from howlkit.dataset import Dataset, prepare
from howlkit.errors import DataError
from howlkit.music import midi
from tests.conftest import walk, write
from tests.dataset.test_dataset import everything


def test_a_folder_without_a_dataset_says_how_to_make_one(tmp_path):
    with pytest.raises(DataError, match="howlkit prepare"):
        Dataset.open(tmp_path)


def test_a_newer_format_is_refused_and_never_overwritten(music, tmp_path):
    prepare([music], tmp_path / "data")
    manifest = json.loads((tmp_path / "data" / "dataset.json").read_text())
    (tmp_path / "data" / "dataset.json").write_text(json.dumps(manifest | {"format": 99}))
    before = everything(tmp_path / "data")
    with pytest.raises(DataError, match="format 99"):
        Dataset.open(tmp_path / "data")
    with pytest.raises(DataError, match="format 99"):
        prepare([music], tmp_path / "data")
    assert everything(tmp_path / "data") == before


@pytest.mark.parametrize("pattern", ["dataset.json", "pieces-*", "shard-*"])
@pytest.mark.parametrize("damage", [b"", b"x" * 40, b"[1, 2]", None])
def test_damage_is_named_and_mended_by_preparing_again(music, tmp_path, pattern, damage):
    prepare([music], tmp_path / "data")
    [file] = (tmp_path / "data").glob(pattern)
    file.write_bytes(file.read_bytes()[:-7] if damage is None else damage)
    with pytest.raises(DataError, match="damaged"):
        Dataset.open(tmp_path / "data").indices("train")
    prepare([music], tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    assert [data.piece(i) for i in range(12)] == [midi.read(p) for p in midi.find([music])]


def test_flipped_bytes_give_data_errors_only(music, tmp_path):
    prepare([music], tmp_path / "data")
    names = ("pieces-", "shard-", "dataset.json")
    files = [p for p in (tmp_path / "data").iterdir() if p.name.startswith(names)]
    rng = np.random.default_rng(0)
    refused = read = 0
    for file in files:
        whole = file.read_bytes()
        for _ in range(100):
            broken = bytearray(whole)
            for at in rng.integers(0, len(whole) if rng.random() < 0.5 else 1500, 3):
                broken[at % len(whole)] = rng.integers(256)
            file.write_bytes(broken)
            try:
                data = Dataset.open(tmp_path / "data")
                [data.piece(i) for i in range(12)]
                data.summary(), data.groups, data.note_counts
                read += 1
            except DataError:
                refused += 1
        file.write_bytes(whole)
    assert refused > 30 and read + refused == 100 * len(files)


@pytest.mark.parametrize(
    "said", [{"pieces": -1}, {"notes": -5}, {"hours": float("nan")}, {"groups": 1.5}]
)
def test_a_manifest_that_says_what_cannot_be_is_damaged(music, tmp_path, said):
    prepare([music], tmp_path / "data")
    manifest = tmp_path / "data" / "dataset.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | said))
    with pytest.raises(DataError, match="damaged"):
        Dataset.open(tmp_path / "data")
    prepare([music], tmp_path / "data")
    assert len(Dataset.open(tmp_path / "data")) == 12


@pytest.mark.parametrize("name", ["dataset.json", "files.jsonl", "report.json"])
def test_deeply_nested_json_is_damage(music, tmp_path, name):
    prepare([music], tmp_path / "data")
    (tmp_path / "data" / name).write_text("[" * 100_000)
    if name == "dataset.json":
        with pytest.raises(DataError, match="damaged"):
            Dataset.open(tmp_path / "data")
    assert prepare([music], tmp_path / "data").read == 12
    Dataset.open(tmp_path / "data").piece(0)


def test_a_deeply_nested_header_of_tensors_is_damage(music, tmp_path):
    prepare([music], tmp_path / "data")
    [shard] = (tmp_path / "data").glob("shard-*")
    shard.write_bytes((100_000).to_bytes(8, "little") + b"[" * 100_000)
    assert prepare([music], tmp_path / "data").unchanged == 0


def test_a_shard_whose_header_lost_a_tensor_is_read_anew(music, tmp_path):
    prepare([music], tmp_path / "data")
    [shard] = (tmp_path / "data").glob("shard-*")
    whole = shard.read_bytes()
    size = int.from_bytes(whole[:8], "little")
    for name in json.loads(whole[8 : 8 + size]):
        other = ("x" + name[1:]).encode()
        shard.write_bytes(whole.replace(f'"{name}"'.encode(), b'"' + other + b'"', 1))
        report = prepare([music], tmp_path / "data")
        assert (report.read, report.unchanged) == (12, 0), name
        [shard] = (tmp_path / "data").glob("shard-*")
        whole = shard.read_bytes()


def test_a_shard_under_way_that_is_not_what_it_was_is_read_anew(music, tmp_path):
    def interrupt(done, total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare([music], tmp_path / "data", progress=interrupt)
    [path] = (tmp_path / "data").glob("shard-*.safetensors")
    columns = {name: array.copy() for name, array in load_file(path).items()}
    columns["notes.velocity"][0] ^= 1  # a note that could be
    save_file(columns, path)
    assert prepare([music], tmp_path / "data").unchanged == 0
    prepare([music], tmp_path / "at once")
    data, at_once = Dataset.open(tmp_path / "data"), Dataset.open(tmp_path / "at once")
    assert list(data.pieces("all")) == list(at_once.pieces("all"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"content": "', '"content": "zz'),
        ('"sha256": "', '"sha256": 3, "x": "'),
        ('"size": ', '"size": "many", "x": '),
        ('"path": "', '"path": ["'),
        ('"path": "', '"path": 3, "x": "'),
        ('"repairs": [', '"repairs": [[1], '),
        ('"repairs": []', '"repairs": null'),
        ('"repairs": []', '"repairs": [["a", Infinity]]'),
        ('{"path"', "[" * 100_000),
        ('"path": "', '"path": "\xe4\xf6'),
    ],
)
@pytest.mark.parametrize("name", ["files.jsonl", "shard-00000.jsonl"])
def test_a_damaged_line_about_a_file_costs_that_file_alone(music, tmp_path, name, old, new):
    prepare([music], tmp_path / "data")
    listing = tmp_path / "data" / "files.jsonl"
    head, first, rest = listing.read_text().split("\n", 2)
    assert old in first
    listing.rename(tmp_path / "data" / name)
    text = "\n".join([head, first.replace(old, new, 1), rest])
    (tmp_path / "data" / name).write_bytes(text.encode("latin-1"))
    report = prepare([music], tmp_path / "data")
    assert (report.read, report.unchanged) == (12, 11)


# --- Folders of something else -------------------------------------------------------------------


def test_a_folder_of_something_else_is_left_alone(music, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(DataError, match="not empty and no dataset"):
        prepare([music], tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]
    with pytest.raises(DataError, match="cannot be written"):
        prepare([music], tmp_path / "thesis" / "chapter.txt")


FOREIGN = {
    "a dataset.json of someone else": {"dataset.json": '{"name": "my thesis", "format": "csv"}'},
    "tables under a name like ours": {"pieces-of-eight.safetensors": "gold"},
    "weights under a name of ours": {"shard-00000.safetensors": "years of training"},
    "names of ours": {"files.jsonl": "{}", "report.json": "{}"},
}


@pytest.mark.parametrize("what", FOREIGN)
def test_foreign_files_are_never_overwritten_or_deleted(music, tmp_path, what):
    out = tmp_path / "theirs"
    out.mkdir()
    for name, text in FOREIGN[what].items():
        (out / name).write_text(text)
    before = everything(out)
    with pytest.raises(DataError, match="not empty and no dataset"):
        prepare([music], out)
    assert everything(out) == before


def test_what_users_add_to_a_dataset_stays(music, tmp_path):
    prepare([music], tmp_path / "data")
    names = ("README.md", "pieces-of-eight.safetensors", "shard-a.safetensors", ".partial-notes")
    for name in names:
        (tmp_path / "data" / name).write_text("mine")
    write(walk(50), music / "new.mid")
    prepare([music], tmp_path / "data")
    assert all((tmp_path / "data" / name).read_text() == "mine" for name in names)


def test_an_error_of_writing_names_the_folder(music, tmp_path):
    prepare([music], tmp_path / "data")
    (tmp_path / "data" / "report.json").unlink()
    (tmp_path / "data" / "report.json").mkdir()
    with pytest.raises(DataError, match=r"data cannot be written: Is a directory$"):
        prepare([music], tmp_path / "data")
