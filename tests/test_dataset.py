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
from howlkit.dataset.split import PARTS
from howlkit.dataset.workers import in_order
from howlkit.errors import DataError
from howlkit.piece import KEY_SIGNATURE, PEDAL, TIME_SIGNATURE, Piece

from .conftest import random_piece, walk, write
from .test_duplicates import transposed


def everything(folder):
    """The bytes of all files of a dataset, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


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
