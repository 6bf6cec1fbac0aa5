"""From folders to pieces on disk: nothing lost, nothing read twice, nothing in two parts."""

import functools
import json
import operator
import os
import pickle
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from howlkit import chorales, midi
from howlkit.dataset import Dataset, prepare, prepare_pieces, preparing, shards, sources
from howlkit.dataset.split import PARTS, assign
from howlkit.dataset.workers import in_order
from howlkit.errors import DataError
from howlkit.piece import KEY_SIGNATURE, PEDAL, TIME_SIGNATURE, Piece

from .conftest import random_piece
from .test_duplicates import take, transposed, walk


@pytest.fixture
def music(tmp_path):
    """A folder of twelve different pieces in two folders."""
    folder = tmp_path / "music"
    for number in range(12):
        write(walk(number, 120), folder / f"{number % 2}" / f"{number:02d}.mid")
    return folder


def write(piece, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(midi.to_bytes(piece))


def everything(folder):
    """The bytes of all files of a dataset, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def part_of(data):
    return {data.names[i]: part for part in data.parts for i in data.indices(part)}


# --- What is written and read --------------------------------------------------------------------


def test_pieces_come_back_whole_in_the_order_of_their_files(music, tmp_path):
    report = prepare([music], tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    assert data.names == tuple(path.relative_to(music).as_posix() for path in midi.find([music]))
    for index, path in enumerate(midi.find([music])):
        assert data.piece(index) == midi.read(path)
        assert data.note_counts[index] == len(midi.read(path))
    assert report.read == report.found == len(data) == 12
    assert report.notes == data.note_counts.sum()
    assert report.seconds == pytest.approx(
        sum(midi.read(p).seconds_long for p in midi.find([music]))
    )


def test_every_table_of_a_piece_is_kept(tmp_path):
    pieces = [
        random_piece(seed).replace(
            time_signatures=np.array([(0, 3, 4), (seed, 7, 8)][seed == 0 :], TIME_SIGNATURE),
            key_signatures=np.array([(0, -7, 1)] * (seed % 2), KEY_SIGNATURE),
            pedals=np.array([(5, 100, 0), (300, 20, 0)][: seed % 3], PEDAL),
            ticks_per_beat=96 + seed,
        )
        for seed in range(5)
    ]
    prepare_pieces(pieces, tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    assert [data.piece(index) for index in range(5)] == pieces
    assert list(data.names) == [piece.name for piece in pieces]
    assert [data.piece(index).name for index in range(5)] == list(data.names)


def test_shards_are_bounded_and_pieces_found_in_each(music, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_NOTES", 500)
    prepare([music], tmp_path / "data")
    assert len(list((tmp_path / "data").glob("shard-*.safetensors"))) == 4
    data = Dataset.open(tmp_path / "data")
    assert [data.piece(i) for i in range(12)] == [midi.read(p) for p in midi.find([music])]


def test_the_chorales_that_ship_become_a_dataset(tmp_path):
    pieces = chorales.load()
    report = prepare_pieces(pieces, tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    assert report.read + report.exact_duplicates == len(pieces)
    assert {name: len(data.indices(name)) for name in PARTS} == {
        name: part.pieces for name, part in report.parts.items()
    }
    assert 0.7 * len(data) < len(data.indices("train")) < 0.9 * len(data)


def test_workers_open_a_pickled_dataset(music, tmp_path):
    prepare([music], tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    assert len(pickle.dumps(data)) < 1000
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(data.piece, 3).result() == data.piece(3)


def test_an_index_out_of_range_is_an_index_error(music, tmp_path):
    prepare([music], tmp_path / "data")
    for index in (12, -1):
        with pytest.raises(IndexError, match="no piece"):
            Dataset.open(tmp_path / "data").piece(index)


def test_the_same_files_give_the_same_bytes_with_any_number_of_workers(music, tmp_path):
    prepare([music], tmp_path / "one", workers=1)
    prepare([music], tmp_path / "two", workers=2)
    assert everything(tmp_path / "one") == everything(tmp_path / "two")


# --- Reports -------------------------------------------------------------------------------------


def test_every_file_is_accounted_for(music, tmp_path):
    (music / "broken.mid").write_bytes(b"MThd and then nothing")
    (music / "empty.mid").touch()
    write(Piece(), music / "silent.mid")
    (music / "copy.mid").write_bytes((music / "0" / "00.mid").read_bytes())
    write(midi.read(music / "0" / "02.mid"), music / "other name.kar")
    write(transposed(walk(1, 120), 3), music / "higher.mid")
    report = prepare([music], tmp_path / "data")
    assert (report.found, report.read, report.exact_duplicates) == (18, 13, 2)
    assert report.read + report.exact_duplicates + len(report.skipped) == report.found
    assert {os.path.basename(path) for path, _ in report.skipped} == {
        "broken.mid",
        "empty.mid",
        "silent.mid",
    }
    assert all(os.path.basename(path) in reason for path, reason in report.skipped)
    assert (report.near_duplicate_groups, report.near_duplicates) == (1, 2)
    assert len(Dataset.open(tmp_path / "data")) == 13
    [shard] = (tmp_path / "data").glob("shard-*")
    assert len(shards.Tensors(shard)["notes.pitch"]) == report.notes  # copies take no room
    written = json.loads((tmp_path / "data" / "report.json").read_text())
    assert written == json.loads(json.dumps(report.to_json()))
    assert written["skipped"][0]["path"] == str(music / "broken.mid")
    assert "18 files found: 13 read (0 unchanged), 3 skipped, 2 exact duplicates" in str(report)


def test_a_file_named_twice_is_found_once(music, tmp_path):
    report = prepare([music, music / "0" / "00.mid", music / "0"], tmp_path / "data")
    assert (report.found, report.exact_duplicates) == (12, 0)


def test_progress_is_told_to_the_end(music, tmp_path):
    told = []
    prepare([music], tmp_path / "data", progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 12) for done in range(1, 13)]


def test_repairs_are_added_up(tmp_path):
    for transpose in (0, 1):
        notes = [(start, 480, 60 + transpose) for start in (0, 240, 480)]
        write(Piece.of(notes), tmp_path / "music" / f"{transpose}.mid")
    report = prepare([tmp_path / "music"], tmp_path / "data")
    assert report.repairs == {"overlapping_notes": 4}
    assert "mended: 4 notes begun while" in str(report)


def test_strict_stops_at_the_first_file_that_cannot_be_read(music, tmp_path):
    (music / "0" / "broken.mid").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"broken\.mid.*strict"):
        prepare([music], tmp_path / "data", strict=True)


def test_nothing_to_read_is_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / "music").mkdir()
    with pytest.raises(DataError, match="no MIDI files.*name a folder"):
        prepare([tmp_path / "music"], tmp_path / "data")
    (tmp_path / "music" / "broken.mid").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"none of the 1 files.*broken\.mid"):
        prepare([tmp_path / "music"], tmp_path / "data")
    with pytest.raises(DataError, match="does not exist"):
        prepare([tmp_path / "elsewhere"], tmp_path / "data")


def test_a_folder_of_something_else_is_left_alone(music, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(DataError, match="not empty and no dataset"):
        prepare([music], tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]
    with pytest.raises(DataError, match="cannot be written"):
        prepare([music], tmp_path / "thesis" / "chapter.txt")


# --- Running again -------------------------------------------------------------------------------


@pytest.fixture
def reads(monkeypatch):
    """The names of the files that were parsed."""
    names = []

    def inspect(path, **options):
        names.append(os.path.basename(path))
        return original(path, **options)

    original = midi.inspect
    monkeypatch.setattr(sources.midi, "inspect", inspect)
    return names


def test_running_again_reads_only_what_is_new_or_changed(music, tmp_path, reads):
    prepare([music], tmp_path / "data")
    before = everything(tmp_path / "data")
    reads.clear()
    report = prepare([music], tmp_path / "data")
    assert reads == [] and report.unchanged == report.read == 12
    assert everything(tmp_path / "data") | {"report.json": b""} == before | {"report.json": b""}
    write(walk(50), music / "0" / "00.mid")
    write(walk(51), music / "0" / "new.mid")
    os.utime(music / "1" / "01.mid", (1, 1))  # touched, its bytes as before
    (music / "1" / "03.mid").unlink()
    report = prepare([music], tmp_path / "data")
    assert sorted(reads) == ["00.mid", "new.mid"]
    assert (report.found, report.read, report.unchanged) == (12, 12, 10)
    data = Dataset.open(tmp_path / "data")
    assert [data.piece(i) for i in range(12)] == [midi.read(p) for p in midi.find([music])]
    reads.clear()
    prepare([music], tmp_path / "data")
    assert reads == []


def test_a_growing_folder_gives_the_dataset_of_the_whole_folder(music, tmp_path):
    prepare([music / "0"], tmp_path / "data")
    prepare([music], tmp_path / "data")
    prepare([music], tmp_path / "at once")
    grown, whole = Dataset.open(tmp_path / "data"), Dataset.open(tmp_path / "at once")
    assert grown.names == whole.names
    assert [grown.piece(i) for i in range(12)] == [whole.piece(i) for i in range(12)]


def test_where_the_first_of_two_copies_goes_the_other_stays(music, tmp_path):
    (music / "copy.mid").write_bytes((music / "0" / "00.mid").read_bytes())
    prepare([music], tmp_path / "data")
    (music / "0" / "00.mid").unlink()
    report = prepare([music], tmp_path / "data")
    assert (report.read, report.exact_duplicates) == (12, 0)
    assert "copy.mid" in Dataset.open(tmp_path / "data").names


def test_skipped_files_are_tried_again(music, tmp_path):
    (music / "broken.mid").write_bytes(b"nothing")
    prepare([music], tmp_path / "data")
    write(walk(30), music / "broken.mid")
    assert prepare([music], tmp_path / "data").skipped == ()


def test_other_limits_read_everything_again(music, tmp_path, reads):
    prepare([music], tmp_path / "data")
    reads.clear()
    report = prepare([music], tmp_path / "data", limits=midi.Limits(max_notes=200))
    assert len(reads) == 12 and report.read == 12
    with pytest.raises(DataError, match="at most 3 are read"):
        prepare([music], tmp_path / "data", limits=midi.Limits(max_notes=3))


def test_what_was_interrupted_goes_on_at_the_last_whole_shard(music, tmp_path, reads, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_NOTES", 500)

    def interrupt(done, total):
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare([music], tmp_path / "data", progress=interrupt)
    with pytest.raises(DataError, match="no dataset"):
        Dataset.open(tmp_path / "data")
    reads.clear()
    prepare([music], tmp_path / "data")
    assert len(reads) == 12 - 6
    prepare([music], tmp_path / "at once")
    left, right = everything(tmp_path / "data"), everything(tmp_path / "at once")
    assert left | {"report.json": b""} == right | {"report.json": b""}


def test_killed_at_any_moment_it_can_be_run_again(music, tmp_path):
    script = textwrap.dedent(
        f"""
        from howlkit.dataset import preparing, shards
        if __name__ == "__main__":
            shards.SHARD_NOTES = 300
            print("go", flush=True)
            preparing.prepare([{str(music)!r}], {str(tmp_path / "data")!r}, workers=1)
        """
    )
    (tmp_path / "script.py").write_text(script)
    for wait in (0.0, 0.01, 0.02, 0.04):
        process = subprocess.Popen(
            [sys.executable, tmp_path / "script.py"], stdout=subprocess.PIPE, text=True
        )
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        process.communicate()
    prepare([music], tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    assert [data.piece(i) for i in range(12)] == [midi.read(p) for p in midi.find([music])]
    assert not list((tmp_path / "data").glob(".partial-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_two_processes_do_not_prepare_into_one_folder(music, tmp_path):
    with preparing._writing(tmp_path / "data"), pytest.raises(DataError, match="another howlkit"):
        prepare([music], tmp_path / "data")


# --- Damage --------------------------------------------------------------------------------------


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


# --- Split ---------------------------------------------------------------------------------------


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


def test_pieces_are_split_by_name(tmp_path):
    pieces = [walk(seed).replace(name=f"BWV {seed}") for seed in range(4)]
    prepare_pieces(pieces, tmp_path / "data", split={"test": ["BWV 1"], "validation": ["BWV 2"]})
    parts = part_of(Dataset.open(tmp_path / "data"))
    assert list(parts.values()) == ["train", "train", "validation", "test"]
    assert parts["BWV 1"] == "test"


# --- Processes -----------------------------------------------------------------------------------


def test_an_item_that_kills_its_process_is_lost_alone():
    work = [functools.partial(abs, -number) for number in range(40)]
    work[5] = work[23] = os.abort  # what a crash inside a C++ library looks like
    results = list(in_order(operator.call, work, workers=2, lost=lambda item: item))
    assert results == [os.abort if n in (5, 23) else n for n in range(40)]


def test_a_script_without_a_main_guard_is_told(music, tmp_path):
    script = f"""
from howlkit.dataset import prepare
prepare([{str(music)!r}], {str(tmp_path / "data")!r}, workers=2)
"""
    (tmp_path / "script.py").write_text(script)
    run = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1
    assert "__name__ == '__main__'" in run.stderr.splitlines()[-1]
