"""Who is trained on and who is not: by groups, by hashes, or as one says oneself."""

import os

import numpy as np
import pytest

from howlkit.dataset import Dataset, prepare, prepare_pieces
from howlkit.dataset.split import PARTS, assign
from howlkit.errors import DataError
from howlkit.music import midi
from tests.conftest import walk, write
from tests.dataset.test_duplicates import take, transposed


def part_of(data):
    return {data.names[i]: part for part in data.parts for i in data.indices(part)}


def test_takes_and_transpositions_are_in_one_part(tmp_path):
    pieces = [walk(seed) for seed in range(12)]
    for seed, piece in enumerate(pieces):
        write(piece, tmp_path / "music" / f"score {seed}.mid")
        write(take(piece, seed), tmp_path / "music" / f"take {seed}.mid")
        write(transposed(piece, 4), tmp_path / "music" / f"up {seed}.mid")
    report = prepare([tmp_path / "music"], tmp_path / "data", fractions=(0.4, 0.3, 0.3))
    data = Dataset.open(tmp_path / "data")
    parts = part_of(data)
    for seed in range(12):
        assert len({parts[f"{kind} {seed}.mid"] for kind in ("score", "take", "up")}) == 1
    assert (report.near_duplicate_groups, report.near_duplicates) == (12, 36)
    assert len(np.unique(data.groups)) == 12
    report = prepare([tmp_path / "music"], tmp_path / "data", near_duplicates=False)
    assert report.near_duplicate_groups == 0


def test_a_piece_keeps_its_part_as_the_folder_grows(tmp_path):
    for seed in range(5):
        write(walk(seed), tmp_path / "music" / f"{seed}.mid")
    prepare([tmp_path / "music"], tmp_path / "data")
    first = part_of(Dataset.open(tmp_path / "data"))
    assert set(first.values()) == set(PARTS)  # though there are only five
    for seed in range(5, 40):
        write(walk(seed), tmp_path / "music" / f"{seed}.mid")
    for seed in range(5):
        write(take(walk(seed), 1), tmp_path / "music" / f"take of {seed}.mid")
    prepare([tmp_path / "music"], tmp_path / "data")
    second = part_of(Dataset.open(tmp_path / "data"))
    assert {name: second[name] for name in first} == first
    assert all(second[f"take of {seed}.mid"] == first[f"{seed}.mid"] for seed in range(5))
    prepare([tmp_path / "music"], tmp_path / "data", seed=1)
    assert part_of(Dataset.open(tmp_path / "data")) != second


def test_parts_do_not_depend_on_names_or_places(music, tmp_path):
    prepare([music], tmp_path / "data")
    moved = tmp_path / "elsewhere"
    for path in midi.find([music]):
        write(midi.read(path), moved / path.parent.name / f"{path.stem}.midi")
    prepare([moved], tmp_path / "other")
    assert (
        Dataset.open(tmp_path / "data").fingerprint == Dataset.open(tmp_path / "other").fingerprint
    )


def test_the_fingerprint_follows_music_and_split(music, tmp_path):
    seen = set()
    for seed in (0, 1):
        prepare([music], tmp_path / f"seed {seed}", seed=seed)
        seen.add(Dataset.open(tmp_path / f"seed {seed}").fingerprint)
    write(walk(77), music / "0" / "00.mid")
    prepare([music], tmp_path / "seed 0")
    seen.add(Dataset.open(tmp_path / "seed 0").fingerprint)
    assert len(seen) == 3


def test_a_single_piece_is_for_training_and_the_report_says_so(tmp_path):
    for seed in range(6):
        report = prepare_pieces([walk(seed)], tmp_path / f"data {seed}")
        assert report.parts["train"].pieces == 1
        assert any("validation part is empty" in warning for warning in report.warnings)


def test_hashes_fill_the_parts_as_asked():
    keys = [str(number).encode() for number in range(20_000)]
    kept = np.full(len(keys), -1, np.int8)
    parts = assign(keys, kept, (0.7, 0.2, 0.1), seed=3)
    assert np.bincount(parts) / len(keys) == pytest.approx([0.7, 0.2, 0.1], abs=0.015)
    assert (assign(keys[::-1], kept, (0.7, 0.2, 0.1), seed=3)[::-1] == parts).all()
    assert set(assign(keys, kept, (1, 0, 0), seed=3)) == {0}
    assert set(assign(keys, kept, (0.9, 0, 0.1), seed=3)) == {0, 2}


def test_what_was_kept_is_never_moved_to_fill_a_part():
    keys = [b"a", b"b", b"c"]
    kept = np.array([0, 0, -1], np.int8)
    assert assign(keys, kept, (0.98, 0.01, 0.01), seed=0).tolist() == [0, 0, 1]


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.9, 0.2, 0.1), (0, 0.5, 0.5), (1.5, -0.5, 0)])
def test_fractions_that_make_no_sense_are_refused(music, tmp_path, fractions):
    with pytest.raises(DataError, match="add up to 1"):
        prepare([music], tmp_path / "data", fractions=fractions)


def test_a_split_of_ones_own_by_folder_and_file(music, tmp_path):
    split = {"test": ["1"], "validation": [music / "0" / "00.mid", "1/01.mid"]}
    prepare([music], tmp_path / "data", split=split)
    parts = part_of(Dataset.open(tmp_path / "data"))
    assert parts.pop("0/00.mid") == parts.pop("1/01.mid") == "validation"
    assert all(part == {"0": "train", "1": "test"}[name[0]] for name, part in parts.items())


def test_a_split_of_ones_own_is_checked(music, tmp_path):
    with pytest.raises(DataError, match="'tset'.*Did you mean 'test'"):
        prepare([music], tmp_path / "data", split={"tset": ["1"]})
    with pytest.raises(DataError, match="in two parts"):
        prepare([music], tmp_path / "data", split={"test": ["1"], "train": ["1"]})
    with pytest.raises(DataError, match="'2', in which no file"):
        prepare([music], tmp_path / "data", split={"test": ["2"]})
    write(take(walk(0, 120), 0), music / "1" / "take of 00.mid")
    report = prepare([music], tmp_path / "data", split={"test": ["1"]})
    assert any("more than one part" in warning for warning in report.warnings)


@pytest.mark.parametrize("kind", ["broken", "copy", "fifo"])
def test_a_split_may_name_files_that_become_no_piece(music, tmp_path, kind):
    named = music / "1" / "x.mid"
    if kind == "fifo":
        os.mkfifo(named)
    else:
        copy = (music / "0" / "00.mid").read_bytes()
        named.write_bytes(b"broken" if kind == "broken" else copy)
    report = prepare([music], tmp_path / "data", split={"test": ["1/x.mid", "1/01.mid"]})
    assert report.parts["test"].pieces == 1
    torn = [warning for warning in report.warnings if "copies of 1 piece" in warning]
    assert len(torn) == (kind == "copy")
    assert all("00.mid for train but" in warning and "for test" in warning for warning in torn)


def test_a_split_that_names_what_is_not_there_is_refused_before_anything_is_read(music, tmp_path):
    with pytest.raises(DataError, match="in which no file"):
        prepare([music], tmp_path / "data", split={"test": ["none.mid"]})
    assert not (tmp_path / "data").exists()


def test_a_split_that_leaves_nothing_to_train_on_is_warned_of(music, tmp_path):
    report = prepare([music], tmp_path / "data", split={"test": [music]})
    assert any("train part is empty" in warning for warning in report.warnings)
    report = prepare([music], tmp_path / "data", split={"test": ["1"]})
    assert report.warnings == ()


def test_pieces_are_split_by_name(tmp_path):
    pieces = [walk(seed).replace(name=f"BWV {seed}") for seed in range(4)]
    prepare_pieces(pieces, tmp_path / "data", split={"test": ["BWV 1"], "validation": ["BWV 2"]})
    parts = part_of(Dataset.open(tmp_path / "data"))
    assert list(parts.values()) == ["train", "train", "validation", "test"]
    assert parts["BWV 1"] == "test"
