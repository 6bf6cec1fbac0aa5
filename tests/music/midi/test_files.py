"""Finding MIDI files below folders."""

import os

import pytest

from howlkit.errors import DataError
from howlkit.music import midi


def test_find_lists_midi_files_of_any_case_in_order(save, tmp_path):
    for folder in ("b", "a/deep/er", "c.mid"):
        (tmp_path / folder).mkdir(parents=True)
    names = ["z.MID", "b/1.Midi", "b/0.kar", "a/deep/er/x.mid", "c.mid/y.mid", "a.mid"]
    for name in [*names, "b/readme.txt", "mid", "b/x.mid.bak"]:
        save(b"", name)
    found = [str(path.relative_to(tmp_path)) for path in midi.find([tmp_path])]
    assert found == ["a/deep/er/x.mid", "a.mid", "b/0.kar", "b/1.Midi", "c.mid/y.mid", "z.MID"]


def test_find_takes_named_files_whatever_their_ending(save, tmp_path):
    named = save(b"", "song.bin")
    save(b"", "other.mid")
    assert list(midi.find([str(named), tmp_path])) == [named, tmp_path / "other.mid"]


def test_find_visits_each_real_folder_once_and_survives_loops(save, tmp_path):
    (tmp_path / "a").mkdir()
    save(b"", "a/x.mid")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "a")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "link.mid").symlink_to(tmp_path / "a" / "x.mid")
    found = [str(path.relative_to(tmp_path)) for path in midi.find([tmp_path, tmp_path / "a"])]
    assert found == ["a/x.mid", "link.mid"]


def test_find_tells_what_it_leaves_out_and_why(tmp_path):
    os.mkfifo(tmp_path / "pipe.mid")
    (tmp_path / "gone.mid").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.mid").symlink_to(tmp_path / "loop.mid")
    left = {}
    assert list(midi.find([tmp_path], skip=left.__setitem__)) == []
    assert left == {
        str(tmp_path / name): f"{tmp_path / name} is no regular file"
        for name in ("gone.mid", "loop.mid", "pipe.mid")
    }


def test_find_goes_on_past_a_folder_that_vanishes(save, tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("0.mid", "b.mid"):
        save(b"", name)
    left = {}
    found = midi.find([tmp_path], skip=left.__setitem__)
    first = next(found)
    (tmp_path / "a").rmdir()
    assert [first.name, *(path.name for path in found)] == ["0.mid", "b.mid"]
    assert list(left) == [str(tmp_path / "a")] and "cannot be listed" in left[str(tmp_path / "a")]


def test_find_refuses_a_path_that_does_not_exist_at_once(tmp_path):
    with pytest.raises(DataError, match="none"):
        midi.find([tmp_path, tmp_path / "none"])


def test_find_goes_deeper_than_the_recursion_limit(save, tmp_path):
    folders = [str(tmp_path) + "/d" * depth for depth in range(1, 1201)]
    for folder in folders:
        os.mkdir(folder)
    path = save(b"", folders[-1] + "/x.mid")
    assert list(midi.find([tmp_path])) == [path]
    path.unlink()  # pytest's own cleaning up would run into the limit
    for folder in reversed(folders):
        os.rmdir(folder)


def test_find_hands_on_files_of_other_kinds_but_nothing_else(save, tmp_path):
    (tmp_path / "folder.pdf").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    named = save(b"", "named.txt")
    for name in ("a.mid", "b.rmi", "c.MID.GZ", "folder.pdf/d.pdf", "e.gz", ".hidden"):
        save(b"", name)
    others = []
    found = [path.name for path in midi.find([tmp_path], other=others.append)]
    assert found == ["a.mid", "b.rmi", "c.MID.GZ"]
    names = [".hidden", "e.gz", "folder.pdf/d.pdf", "named.txt"]
    assert others == [str(tmp_path / name) for name in names]
    assert list(midi.find([named], other=others.append)) == [named] and len(others) == 4


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/a.b/x.PDF", ".pdf"),
        ("x.tar.GZ", ".tar.gz"),
        ("x.gz", ".gz"),
        (".DS_Store", "without an ending"),
        ("x.", "without an ending"),
        ("1. Satz (allegro)", "without an ending"),
        ("x." + "y" * 50, "without an ending"),
        ("x.\x1b[2J", r".\x1b[2j"),
    ],
)
def test_the_kind_of_a_file_is_its_ending(name, kind):
    assert midi.kind_of(name) == kind
