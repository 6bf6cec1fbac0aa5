"""From folders to pieces on disk: nothing lost, nothing read twice, nothing in two parts."""

import functools
import json
import operator
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from howlkit.dataset import Dataset, mapped_tensors, prepare, prepare_pieces, shards
from howlkit.dataset.split import PARTS
from howlkit.dataset.workers import WorkerPool
from howlkit.errors import DataError
from howlkit.music import chorales, midi
from howlkit.music.piece import KEY_SIGNATURE, PEDAL, TIME_SIGNATURE, Piece
from tests.conftest import random_piece, walk, write
from tests.dataset.test_duplicates import transposed
from tests.midi_bytes import chunk, file, off, on


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
    assert len(mapped_tensors.Tensors(shard)["notes.pitch"]) == report.notes  # copies take no room
    written = json.loads((tmp_path / "data" / "report.json").read_text())
    assert written == json.loads(json.dumps(report.to_json()))
    assert written["skipped"][0]["path"] == str(music / "broken.mid")
    assert (
        "18 files found: 13 read (0 unchanged), 3 skipped, 2 exact duplicates"
        == str(report).splitlines()[-1]
    )


def test_what_is_no_file_or_cannot_be_listed_is_skipped_and_counted(music, tmp_path, monkeypatch):
    os.mkfifo(music / "pipe.mid")
    (music / "gone.mid").symlink_to(tmp_path / "nowhere")
    (music / "loop.mid").symlink_to(music / "loop.mid")
    (music / "device.mid").symlink_to("/dev/null")
    (music / "secret").mkdir()
    scan = os.scandir

    def scandir(path):
        if os.path.basename(path) == "secret":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)  # root may list everything
    report = prepare([music], tmp_path / "data")
    left = {"pipe.mid", "gone.mid", "loop.mid", "device.mid", "secret"}
    assert {os.path.basename(path) for path, _ in report.skipped} == left
    assert (report.found, report.read) == (17, 12)
    reasons = [reason for _, reason in report.skipped]
    assert sum("no regular file" in reason for reason in reasons) == 4
    assert sum("cannot be listed: Permission denied" in reason for reason in reasons) == 1
    assert str(report).splitlines()[-1].startswith("17 files found: 12 read (0 unchanged), 5 skip")
    with pytest.raises(DataError, match="no regular file.*strict"):
        prepare([music], tmp_path / "data", strict=True)


def test_a_file_without_notes_says_so(music, tmp_path):
    write(Piece(), music / "silent.mid")
    report = prepare([music], tmp_path / "data")
    assert [reason.split(": ")[-1] for _, reason in report.skipped] == ["it has no notes"]


def test_one_is_told_in_the_singular(tmp_path):
    report = str(prepare_pieces([walk(1)], tmp_path / "data"))
    assert "1 piece, 600 notes" in report and "1 file found: 1 read" in report
    assert "1 groups" not in report and "1 pieces" not in report


def test_a_file_named_twice_is_found_once(music, tmp_path):
    report = prepare([music, music / "0" / "00.mid", music / "0"], tmp_path / "data")
    assert (report.found, report.exact_duplicates) == (12, 0)


def test_progress_is_told_to_the_end(music, tmp_path):
    told = []
    prepare([music], tmp_path / "data", progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 12) for done in range(1, 13)]


def test_repairs_are_added_up(tmp_path):
    (tmp_path / "music").mkdir()
    for pitch in (60, 61):
        overlapping = [on(0, pitch), on(240, pitch), off(480, pitch)]
        overlapping += [on(480, pitch), off(720, pitch), off(960, pitch)]
        (tmp_path / "music" / f"{pitch}.mid").write_bytes(file(chunk(*overlapping)))
    report = prepare([tmp_path / "music"], tmp_path / "data")
    assert report.repairs == {"overlapping_notes": 4}
    assert "notes begun while one of their pitch and track sounds, kept: 4" in str(report)


def test_strict_stops_at_the_first_file_that_cannot_be_read(music, tmp_path):
    (music / "0" / "broken.mid").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"broken\.mid.*strict"):
        prepare([music], tmp_path / "data", strict=True)


def test_nothing_to_read_is_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / "music").mkdir()
    with pytest.raises(DataError, match="no (MIDI|music) files.*name a folder"):
        prepare([tmp_path / "music"], tmp_path / "data")
    (tmp_path / "music" / "broken.mid").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"of 1 file .*broken\.mid"):
        prepare([tmp_path / "music"], tmp_path / "data")
    with pytest.raises(DataError, match="does not exist"):
        prepare([tmp_path / "elsewhere"], tmp_path / "data")


# --- Processes -----------------------------------------------------------------------------------


def test_an_item_that_kills_its_process_is_lost_alone():
    work = [functools.partial(abs, -number) for number in range(80)]
    work[0] = work[23] = work[70] = os.abort  # what a crash inside a C++ library looks like
    with WorkerPool(2) as pool:
        results = list(pool.map(operator.call, work, lost=lambda item: item))
    assert results == [os.abort if n in (0, 23, 70) else n for n in range(80)]


def test_a_script_needs_no_main_guard(music, tmp_path):
    script = f"""
from howlkit.dataset import prepare
prepare([{str(music)!r}], {str(tmp_path / "data")!r}, workers=2)
"""
    (tmp_path / "script.py").write_text(script)
    run = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=60
    )
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
def test_what_keeps_processes_from_starting_is_told(music, tmp_path):
    script = f"""
import os, resource
from howlkit.dataset import prepare
if __name__ == "__main__":
    files = len(os.listdir("/dev/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files + 12, files + 12))
    prepare([{str(music)!r}], {str(tmp_path / "data")!r}, workers=2)
"""
    (tmp_path / "script.py").write_text(script)
    run = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1
    said = run.stderr.splitlines()[-1]
    assert "worker processes cannot be started: Too many open files" in said
    assert said.endswith("use --workers 1")
