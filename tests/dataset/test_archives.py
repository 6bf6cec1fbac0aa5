"""Compressed files and archives in folders are prepared as plain files are."""

import gzip
import json
import os
import struct
import zipfile

import pytest

from howlkit.dataset import Dataset, Readers, opening, prepare
from howlkit.errors import DataError
from howlkit.music import midi
from tests.conftest import walk
from tests.dataset.test_prepare_again import reads  # noqa: F401 - a fixture
from tests.midi_bytes import chunk, file, off, on


def song(number):
    return midi.to_bytes(walk(number, 120))


def rmi(data):
    chunk = b"RMIDdata" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunk)) + chunk


def zipped(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def folder(tmp_path):
    """A folder with a plain file, an .rmi, a .mid.gz, and an archive with five."""
    music = tmp_path / "music"
    music.mkdir()
    (music / "a.mid").write_bytes(song(0))
    (music / "b.rmi").write_bytes(rmi(song(1)))
    (music / "c.mid.gz").write_bytes(gzip.compress(song(2)))
    zipped(music / "d.zip", {f"{n % 2}/{n}.mid": song(n) for n in range(3, 8)})
    return music


NAMES = ["a.mid", "b.rmi", "c.mid.gz", *(f"d.zip/{n}.mid" for n in ("0/4", "0/6"))]
NAMES += [f"d.zip/{n}.mid" for n in ("1/3", "1/5", "1/7")]
NUMBERS = [0, 1, 2, 4, 6, 3, 5, 7]


def test_every_way_to_keep_a_midi_file_gives_the_same_music(folder, tmp_path):
    report = prepare([folder], tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    assert list(data.names) == NAMES and (report.files, report.read) == (8, 8)
    assert [data.piece(i) for i in range(8)] == [midi.read_bytes(song(n)) for n in NUMBERS]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_archive_may_be_named_itself(folder, tmp_path, workers):
    prepare([folder / "d.zip"], tmp_path / "data", workers=workers)
    names = Dataset.open(tmp_path / "data").names
    assert list(names) == [f"{n}.mid" for n in ("0/4", "0/6", "1/3", "1/5", "1/7")]


def test_members_are_shared_among_workers(tmp_path):
    zipped(tmp_path / "many.zip", {f"{n:03d}.mid": song(n) for n in range(140)})
    prepare([tmp_path / "many.zip"], tmp_path / "two", workers=2)
    prepare([tmp_path / "many.zip"], tmp_path / "one", workers=1)
    two, one = Dataset.open(tmp_path / "two"), Dataset.open(tmp_path / "one")
    assert len(two) == 140 and two.fingerprint == one.fingerprint and two.names == one.names


def test_running_again_reads_only_members_that_changed(folder, tmp_path, reads):  # noqa: F811
    prepare([folder], tmp_path / "data")
    reads.clear()
    report = prepare([folder], tmp_path / "data")
    assert reads == [] and report.unchanged == 8
    members = {f"{n % 2}/{n}.mid": song(n) for n in range(3, 8)}
    members |= {"0/4.mid": song(40), "0/new.mid": song(41)}
    del members["1/7.mid"]
    zipped(folder / "d.zip", members)
    (folder / "c.mid.gz").touch()
    report = prepare([folder], tmp_path / "data")
    assert sorted(reads) == ["4.mid", "new.mid"]
    assert (report.read, report.unchanged) == (8, 6)
    data = Dataset.open(tmp_path / "data")
    assert data.piece(data.names.index("d.zip/0/4.mid")) == midi.read_bytes(song(40))


def test_an_interrupted_run_goes_on_inside_an_archive(folder, tmp_path, reads):  # noqa: F811
    def interrupt(done, total):
        assert total == 8
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare([folder], tmp_path / "data", workers=1, progress=interrupt)
    before = list(reads)
    reads.clear()
    assert prepare([folder], tmp_path / "data", workers=1).read == 8
    assert len(before) >= 6 and len(reads) == 2 and not set(reads) & set(before[:6])


def test_a_copy_in_an_archive_is_an_exact_duplicate(folder, tmp_path):
    zipped(folder / "e.zip", {"copy of a.mid": song(0), "other.mid": song(9)})
    report = prepare([folder], tmp_path / "data")
    assert (report.found, report.read, report.exact_duplicates) == (10, 9, 1)


def test_a_split_may_name_an_archive_a_folder_in_it_or_a_member(folder, tmp_path):
    split = {"test": ["d.zip/1", str(folder / "d.zip" / "0" / "4.mid")], "validation": ["a.mid"]}
    prepare([folder], tmp_path / "data", split=split)
    data = Dataset.open(tmp_path / "data")
    names = [data.names[i] for i in data.indices("test")]
    assert names == ["d.zip/0/4.mid", "d.zip/1/3.mid", "d.zip/1/5.mid", "d.zip/1/7.mid"]
    prepare([folder], tmp_path / "data", split={"test": ["d.zip"]})
    assert len(Dataset.open(tmp_path / "data").indices("test")) == 5
    with pytest.raises(DataError, match="d.zip/2"):
        prepare([folder], tmp_path / "data", split={"test": ["d.zip/2"]})


def test_damage_in_an_archive_costs_what_is_damaged(folder, tmp_path):
    path = zipped(folder / "e.zip", {f"{n}.mid": song(n) for n in (20, 21, 22)})
    data = bytearray(path.read_bytes())
    data[data.index(b"21.mid") + 60] ^= 0xFF
    path.write_bytes(data)
    (folder / "f.zip").write_bytes(b"PK\3\4 not really")
    half = zipped(folder / "g.zip", {f"{n}.mid": song(n) for n in (23, 24, 25)})
    data = half.read_bytes()
    half.write_bytes(data[: data.index(b"25.mid") - 1])
    report = prepare([folder], tmp_path / "data")
    assert report.read == 12
    assert dict(report.skipped).keys() == {
        str(folder / name) for name in ("e.zip/21.mid", "f.zip", "g.zip")
    }
    assert all(path in reason for path, reason in report.skipped)
    with pytest.raises(DataError, match="strict"):
        prepare([folder], tmp_path / "data", strict=True)


def test_no_name_in_an_archive_is_a_path_on_the_disk(tmp_path):
    (tmp_path / "up.mid").write_bytes(song(1))
    names = ["../up.mid", "/etc/x.mid", "evil\x1b[2J.mid", "a\\b.mid"]
    zipped(tmp_path / "z" / "e.zip", {name: song(n) for n, name in enumerate(names, 2)})
    report = prepare([tmp_path / "z"], tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    shown = {"e.zip/../up.mid", "e.zip//etc/x.mid", r"e.zip/evil\x1b[2J.mid", "e.zip/a\\b.mid"}
    assert {*data.names} == shown
    assert data.piece(data.names.index("e.zip/../up.mid")) == midi.read_bytes(song(2))
    assert "\x1b" not in report.text() and sorted(os.listdir(tmp_path)) == ["data", "up.mid", "z"]


def test_bombs_and_limits_are_reasons_like_any_other(folder, tmp_path):
    zipped(folder / "e.zip", {"bomb.mid": bytes(2**24)})
    (folder / "bomb.mid.gz").write_bytes(gzip.compress(bytes(2**24)))
    report = prepare([folder], tmp_path / "data", limits=midi.Limits(max_bytes=2**23))
    assert report.read == 8 and len(report.skipped) == 2
    with pytest.raises(DataError, match="nothing could be read as music of 10 files"):
        prepare([folder], tmp_path / "few", limits=midi.Limits(max_bytes=1000))


# --- What is left out ----------------------------------------------------------------------------


def test_what_is_no_music_is_counted_by_kind(folder, tmp_path):
    for name in ("x.mscz", "y.MSCZ", "notes.pdf", "air.abc", "README"):
        (folder / name).write_bytes(b"")
    (folder / "broken.mid").write_bytes(b"nothing")
    zipped(
        folder / "e.zip", {"1.mid": song(9), "1.pdf": b"", "in.zip": b"", "__MACOSX/._1.mid": b""}
    )
    zipped(folder / "texts.zip", {f"{n}.txt": b"" for n in range(9)})
    report = prepare([folder], tmp_path / "data", readers=Readers())
    assert report.left_out == {
        ".mscz": 2,
        ".pdf": 2,
        ".abc": 1,
        ".zip": 1,
        ".zip in .zip": 1,
        "without an ending": 1,
    }
    *_, left_out, package, last = report.text().splitlines()
    assert left_out.startswith("left out: 2 .mscz, 2 .pdf, 1 .abc, 1 .zip, 1 .zip in .zip, 1 with")
    assert "; 1 .mid (skipped" in left_out and last == report.line()
    assert package == (
        "the package howlkit-music21 reads .abc: howlkit plugins install howlkit-music21"
    )
    stored = json.loads((tmp_path / "data" / "report.json").read_text())
    assert stored["left_out"] == report.left_out


def test_kinds_are_bounded_in_number(folder, tmp_path):
    for number in range(60):
        (folder / f"x.k{number:02d}").write_bytes(b"")
    (folder / "y.k59").write_bytes(b"")
    report = prepare([folder], tmp_path / "data")
    assert len(report.left_out) == 51 and sum(report.left_out.values()) == 61
    assert next(iter(report.left_out)) == ".k59" and report.left_out["of other kinds"] == 10
    [line] = report.left_out_lines()
    assert line.startswith("left out: 2 .k59, 1 .k00, ") and "50 of other kinds" in line


def test_the_dataset_in_the_folder_itself_is_not_left_out_music(folder):
    prepare([folder], folder / "data")
    report = prepare([folder], folder / "data")
    assert report.left_out == {} and report.left_out_lines() == []


def test_a_folder_of_other_kinds_says_which(folder, tmp_path):
    (tmp_path / "other").mkdir()
    for name in ("a.abc", "b.abc", "c.pdf"):
        (tmp_path / "other" / name).write_bytes(b"")
    with pytest.raises(DataError, match=r"In it are 2 \.abc, 1 \.pdf; the package howlkit-music21"):
        prepare([tmp_path / "other"], tmp_path / "data", readers=Readers())


def test_training_on_a_folder_says_what_is_left_out(folder):
    (folder / "x.mscz").write_bytes(b"")
    told = []
    opening.open_data([folder], tell=told.append)
    assert told[0].startswith("left out: 1 .mscz (") and "8 read" in told[1] and len(told) == 2


# --- Strict --------------------------------------------------------------------------------------


def test_a_strict_run_reads_again_what_another_mended(folder, tmp_path, reads):  # noqa: F811
    (folder / "mended.mid").write_bytes(file(chunk(on(0, 60), on(0, 64), off(480, 64))))
    report = prepare([folder], tmp_path / "data")
    assert report.repairs
    reads.clear()
    with pytest.raises(DataError, match="never released"):
        prepare([folder], tmp_path / "data", strict=True)
    assert "mended.mid" in reads and "a.mid" not in reads


def test_what_a_strict_run_has_read_is_known_to_any(folder, tmp_path, reads):  # noqa: F811
    prepare([folder], tmp_path / "data", strict=True)
    reads.clear()
    for strict in (True, False):
        assert prepare([folder], tmp_path / "data", strict=strict).unchanged == 8
    assert not reads
