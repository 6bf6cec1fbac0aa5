"""What `prepare` keeps of each file: tables by hash, lines on the disk, matrices on the disk."""

import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import save

from howlkit.dataset.duplicates import group
from howlkit.dataset.file_list import FileEntry, FileList, KnownFiles
from howlkit.dataset.found_files import FoundFile, FoundFiles
from howlkit.dataset.hashes import ByHash
from howlkit.dataset.mapped_tensors import Appended, OnDisk, write_tensors
from howlkit.dataset.records import Record, Records
from howlkit.dataset.sketches import BINS
from howlkit.dataset.workers import WorkerPool
from howlkit.music.midi.archives import Member
from howlkit.music.piece import NOTE
from tests.conftest import random_piece


def source(number):
    digest = number.to_bytes(16, "big")
    return FileEntry(f"/music/{number:06d}.mid", 10, number, digest * 2, digest, digest)


def test_a_table_by_hash_is_a_dict_that_never_overwrites(monkeypatch):
    monkeypatch.setattr("howlkit.dataset.hashes._RECENT", 3)
    rng = np.random.default_rng(0)
    table, expected = ByHash(), {}
    for _ in range(60):
        # Zeros at the end of a hash must count: few values, so that hashes differ there alone.
        hashes = np.zeros((5, 16), np.uint8)
        hashes[:, [0, 15]] = rng.integers(0, 4, (5, 2))
        numbers = rng.integers(0, 1000, 5)
        if rng.random() < 0.5:
            table.update(hashes, numbers)
        else:
            for row, number in zip(hashes, numbers, strict=True):
                table.add(row.tobytes(), int(number))
        for row, number in zip(hashes, numbers.tolist(), strict=True):
            expected.setdefault(row.tobytes(), number)
        asked = np.zeros((16, 16), np.uint8)
        asked[:, 0], asked[:, 15] = np.divmod(np.arange(16), 4)
        found = [expected.get(row.tobytes(), -1) for row in asked]
        assert [table.get(row.tobytes()) for row in asked] == found
        assert table.find(asked).tolist() == found
        assert len(table) == len(expected)
    table.drop(range(100, 500))
    kept = [number if not 100 <= number < 500 else -1 for number in found]
    assert table.find(asked).tolist() == kept


def test_a_table_by_hash_has_nothing_for_what_is_no_hash():
    table = ByHash()
    table.update(np.zeros((1, 16), np.uint8), [7])
    assert table.get(bytes(16)) == 7 and table.get(b"") == -1 and bytes(15) not in table


def test_a_file_costs_a_few_dozen_bytes_of_memory(tmp_path):
    with FileList(tmp_path) as files:
        for number in range(1000):  # what costs the same for any number of them
            files.add(source(number), source(number).line(), unchanged=False)
        tracemalloc.start()
        for number in range(1000, 11_000):
            files.add(source(number), source(number).line(), unchanged=False)
        grown = tracemalloc.get_traced_memory()[0] / 10_000
        tracemalloc.stop()
        assert grown < 100
        assert files.path(10_500) == "/music/010500.mid"
        assert list(files.paths()) == [f"/music/{number:06d}.mid" for number in range(11_000)]
        assert files.notes[10_500].tobytes() == (10_500).to_bytes(16, "big")


def test_the_last_word_about_a_file_counts(tmp_path):
    old, new = source(1), FileEntry("/music/000001.mid", 20, 2, bytes(32), bytes(16), bytes(16))
    (tmp_path / "files.jsonl").write_text(f"head\n{old.line()}\nno JSON\n{source(2).line()}")
    (tmp_path / "shard-00000.jsonl").write_text(f"head\n{new.line()}\n")
    (tmp_path / "shard-00001.jsonl").write_text(f"another head\n{source(3).line()}\n")
    lists = [tmp_path / name for name in ("files.jsonl", "gone.jsonl", "shard-00000.jsonl")]
    lists.append(tmp_path / "shard-00001.jsonl")
    with KnownFiles(tmp_path, lists, {"head": lambda known: known.size > 0}) as known:
        assert known.get(old.path) == (new,)
        assert known.get(source(2).path) == (source(2),)
        assert known.get(source(3).path) == ()


def test_paths_stand_once_in_the_order_in_which_they_came():
    names = ["/b", "/a", "/b", "/\udcff \n", "/ä"]
    files = FoundFiles(map(FoundFile, names))
    assert list(files.paths()) == ["/b", "/a", "/\udcff \n", "/ä"]
    assert len(files) == 4 and files[2] == FoundFile("/\udcff \n")


def test_a_file_in_an_archive_keeps_its_place_there():
    member = Member("/ä.zip", "../b\\/c.mid", 2**40, 3, 2**33, 2**32 - 1, 8)
    files = [FoundFile("/a"), FoundFile(member.path, member), FoundFile("/z")]
    assert list(FoundFiles(files)) == files


def test_pieces_are_grouped_on_the_disk_by_processes_as_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("howlkit.dataset.similarity._PIECES_A_PROCESS", 100)
    rng = np.random.default_rng(0)
    sketches = rng.integers(1, 2**20, (BINS, 300), dtype=np.uint32)
    agree = rng.random((BINS, 100)) < 0.4
    sketches[:, 200:] = np.where(agree, sketches[:, :100], sketches[:, 200:])
    with OnDisk.new(tmp_path, np.uint32, sketches.shape) as there, WorkerPool(2) as pool:
        there.write(0, sketches[:, :120])
        there.write(120, sketches[:, 120:])
        labels = group(there, folder=tmp_path, pool=pool)
    assert (labels == group(sketches)).all()
    assert len(np.unique(labels)) == 200


def test_records_take_the_memory_of_their_bytes():
    piece = random_piece(1, 200)
    record, records = Record.of(piece), Records()
    tracemalloc.start()
    for _ in range(1000):
        records.append(record)
    grown = tracemalloc.get_traced_memory()[0] / 1000
    tracemalloc.stop()
    stored = sum(tensor.nbytes for tensor in records.tensors().values()) / 1000
    assert 4 * BINS + NOTE.itemsize * len(piece) < stored
    assert grown < 1.2 * stored


@pytest.mark.parametrize("order", ["<", ">"])
def test_tensors_are_written_as_safetensors_writes_them(tmp_path, order):
    tensors = {
        name: np.arange(6, dtype=kind).reshape(2, 3)
        for name, kind in [("b", "u1"), ("a", f"{order}i8"), ("f", f"{order}f8"), ("z", "i1")]
    }
    tensors |= {"none": np.zeros((0, 16), np.uint8), "c": np.arange(8, dtype=np.uint32)[::2]}
    write_tensors(tmp_path / "x.safetensors", tensors)
    native = {n: np.ascontiguousarray(t, t.dtype.newbyteorder("=")) for n, t in tensors.items()}
    assert (tmp_path / "x.safetensors").read_bytes() == save(native)


def test_what_was_appended_comes_back_in_blocks(tmp_path):
    with Appended(tmp_path, np.int64) as numbers:
        assert list(numbers.blocks(4)) == []
        for part in (np.arange(3), np.arange(0), np.arange(3, 10, dtype=np.int32)):
            numbers.append(part)
        for _ in range(2):
            blocks = [block.tolist() for block in numbers.blocks(4)]
            assert blocks == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(tmp_path.iterdir()) == []
