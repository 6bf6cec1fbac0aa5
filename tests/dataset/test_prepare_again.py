"""Preparing again: only what changed is read, and nothing is lost when a run is interrupted."""

import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from howlkit.dataset import Dataset, file_reading, folder, mapped_tensors, prepare, shards
from howlkit.dataset.records import Record, Records
from howlkit.dataset.split import PARTS
from howlkit.errors import DataError
from howlkit.music import midi
from howlkit.music.piece import KEY_SIGNATURE, PEDAL, TEMPO, TIME_SIGNATURE
from tests.conftest import random_piece, walk, write
from tests.dataset.test_dataset import everything


@pytest.fixture
def reads(monkeypatch):
    """The names of the files that were parsed."""
    names = []

    def inspect(data, **options):
        names.append(os.path.basename(options["name"]))
        return original(data, **options)

    original = midi.inspect_bytes
    monkeypatch.setattr(file_reading.midi, "inspect_bytes", inspect)
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


@pytest.mark.parametrize("table", ["tempos", "time_signatures", "key_signatures", "pedals"])
def test_a_file_is_read_anew_if_anything_but_its_notes_changed(music, tmp_path, table):
    rows = {
        "tempos": np.array([(0, 700_000)], TEMPO),
        "time_signatures": np.array([(0, 3, 4)], TIME_SIGNATURE),
        "key_signatures": np.array([(0, 2, 1)], KEY_SIGNATURE),
        "pedals": np.array([(0, 400, 0)], PEDAL),
    }
    prepare([music], tmp_path / "data")
    before = Dataset.open(tmp_path / "data")
    path = music / "0" / "00.mid"
    write(midi.read(path).replace(**{table: rows[table]}), path)
    prepare([music], tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    assert data.piece(0) == midi.read(path) != before.piece(0)
    assert data.fingerprint != before.fingerprint
    assert {p: data.indices(p).tolist() for p in PARTS} == {
        p: before.indices(p).tolist() for p in PARTS
    }


def test_files_of_the_same_notes_are_exact_duplicates_whatever_their_tempo(music, tmp_path):
    piece = midi.read(music / "0" / "00.mid")
    write(piece.replace(tempos=np.array([(0, 700_000)], TEMPO)), music / "slower.mid")
    report = prepare([music], tmp_path / "data")
    assert (report.read, report.exact_duplicates) == (12, 1)
    (music / "0" / "00.mid").unlink()
    prepare([music], tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    assert data.piece(data.names.index("slower.mid")) == midi.read(music / "slower.mid")


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


def test_what_was_interrupted_goes_on_where_it_was(music, tmp_path, reads, monkeypatch):
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
    assert len(reads) == 12 - 8
    prepare([music], tmp_path / "at once")
    left, right = everything(tmp_path / "data"), everything(tmp_path / "at once")
    assert left | {"report.json": b""} == right | {"report.json": b""}


def test_what_is_read_is_kept_before_the_first_shard_is_full(music, tmp_path, reads):
    def interrupt(done, total):
        if done == 7:
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            prepare([music], tmp_path / "data", progress=interrupt)
    prepare([music], tmp_path / "data")
    assert len(reads) == 12
    prepare([music], tmp_path / "at once")
    left, right = everything(tmp_path / "data"), everything(tmp_path / "at once")
    assert left | {"report.json": b""} == right | {"report.json": b""}


def test_what_is_read_is_kept_every_few_seconds(music, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "KEEP_SECONDS", 0)
    monkeypatch.setattr(shards, "_KEEP_SHARE", 0)
    kept = []

    def look(done, total):
        found = (tmp_path / "data").glob("shard-*.safetensors")
        kept.extend(len(mapped_tensors.Tensors(path)["pieces.notes"]) for path in found)

    prepare([music], tmp_path / "data", progress=look)
    assert kept == list(range(1, 13))


def test_a_strict_run_keeps_what_it_read(music, tmp_path, reads):
    (music / "1" / "last.mid").write_bytes(b"nothing")
    with pytest.raises(DataError, match="strict"):
        prepare([music], tmp_path / "data", strict=True)
    (music / "1" / "last.mid").unlink()
    reads.clear()
    prepare([music], tmp_path / "data", strict=True)
    assert reads == []


def test_killed_at_any_moment_it_can_be_run_again(music, tmp_path):
    script = textwrap.dedent(
        f"""
        from howlkit.dataset import preparation, shards
        if __name__ == "__main__":
            shards.SHARD_NOTES = 300
            print("go", flush=True)
            preparation.prepare([{str(music)!r}], {str(tmp_path / "data")!r}, workers=1)
        """
    )
    (tmp_path / "script.py").write_text(script)
    for wait in (0.0, 0.01, 0.02, 0.04):
        process = subprocess.Popen(
            [sys.executable, tmp_path / "script.py"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "go\n"
        time.sleep(wait)
        process.kill()
        process.communicate()
    prepare([music], tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    assert [data.piece(i) for i in range(12)] == [midi.read(p) for p in midi.find([music])]
    assert not list((tmp_path / "data").glob(".partial-*"))


def test_what_a_killed_run_had_to_share_is_deleted(music, tmp_path):
    data = tmp_path / "data"
    prepare([music], data)
    (data / ".scratch-0a_b1c2d").write_bytes(b"sketches")
    (data / ".scratch-notes.txt").write_text("mine")
    prepare([music], data)
    assert [path.name for path in data.glob(".scratch-*")] == [".scratch-notes.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_two_processes_do_not_prepare_into_one_folder(music, tmp_path):
    with folder.writing(tmp_path / "data"), pytest.raises(DataError, match="another howlkit"):
        prepare([music], tmp_path / "data")


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
@pytest.mark.parametrize("code", folder.NO_LOCKS)
def test_a_file_system_without_locks_can_be_prepared_into(music, tmp_path, monkeypatch, code):
    def refuse(file, how):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", refuse)
    prepare([music], tmp_path / "data")
    monkeypatch.undo()
    assert len(Dataset.open(tmp_path / "data").names) == 12


def test_a_record_of_which_a_part_was_taken_in_is_left_out():
    whole, records = Record.of(random_piece(0)), Records()
    records.append(whole)
    before = {name: tensor.copy() for name, tensor in records.tensors().items()}
    with pytest.raises(TypeError):
        records.append(whole._replace(sketch=None))  # as far as Ctrl-C lets it
    assert len(records) == 1
    for name, tensor in records.tensors().items():
        np.testing.assert_array_equal(tensor, before[name])


def test_the_hashes_of_a_piece_never_change():
    # Datasets keep them: other hashes would have every file read anew, and stored once more.
    piece = random_piece(0)
    record = Record.of(piece)
    assert record.content.hex() == "3b045d0a52460de916c5ad3688edfadc"
    assert record.notes.hex() == "84cbc4b478c8b6c213d030b98b3cfa69"
