"""Nothing that exists is replaced without --force, and nothing that is read, ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from howlkit.commands import output_files
from howlkit.commands.output_files import ExistingPathError, claimed, next_free
from howlkit.commands.sampled_files import claimed as claimed_samples
from howlkit.errors import HowlkitError
from howlkit.music import midi
from tests.conftest import tune, walk, write

SMALL = ["-o", "lstm.hidden=8", "-o", "training.batch=2", "--steps", 2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with some music, and a run after two steps of training."""
    from howlkit.cli import main

    folder = tmp_path_factory.mktemp("trained")
    for seed in range(4):
        write(tune(seed, 4), folder / "music" / f"{seed}.mid")
    with pytest.raises(SystemExit) as stop:
        main(["train", str(folder / "music"), "--out-dir", str(folder / "run"), *map(str, SMALL)])
    assert stop.value.code == 0
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, trained):
    """An empty folder to work in; `sample` takes the run of `trained`."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def sample(howlkit, here, trained):
    def run(*arguments):
        shown = ("--notes", 12, "--stepping", "plain")
        return *howlkit("sample", trained / "run", *shown, *arguments), sorted(os.listdir("."))

    return run


def test_what_exists_is_refused_before_the_model_is_loaded(here, howlkit):
    Path("mine.mid").write_text("mine")
    for command in (
        ["sample", "no-run-at-all", "--out", "mine.mid"],
        ["sample", "no-run-at-all", "--out", "mine"],  # .mid is added
        ["plot", "no-file-at-all", "--out", "mine.mid"],
    ):
        code, _, err = howlkit(*command)
        assert code == 1 and err == (
            "howlkit: mine.mid exists already; add --force to replace it, or name another --out\n"
        )
    assert Path("mine.mid").read_text() == "mine" and os.listdir() == ["mine.mid"]


def test_with_force_it_is_replaced(sample, howlkit):
    Path("mine.mid").write_text("mine")
    Path("roll.svg").write_text("mine")
    code, _, err, files = sample("--out", "mine.mid", "--force")
    assert code == 0 and len(midi.read("mine.mid")) == 12
    assert howlkit("plot", "mine.mid", "--out", "roll.svg")[0] == 1
    assert Path("roll.svg").read_text() == "mine"
    assert howlkit("plot", "mine.mid", "--out", "roll.svg", "--force")[0] == 0
    assert "<svg" in Path("roll.svg").read_text()


def test_of_several_all_are_looked_at_before_one_is_made(sample):
    Path("new-2.mid").touch()
    Path("new-4.mid").touch()
    code, _, err, files = sample("--out", "new.mid", "-n", 4)
    assert code == 1 and "new-2.mid and 1 more exist already; add --force to replace them" in err
    assert files == ["new-2.mid", "new-4.mid"]
    assert sample("--out", "new.mid", "-n", 4, "--force")[0] == 0
    assert all(len(midi.read(f"new-{number}.mid")) == 12 for number in (1, 2, 3, 4))


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_a_prompt_is_never_replaced(sample, force, link):
    midi.write(tune(1, 4), "mine.mid")
    before, out = Path("mine.mid").read_bytes(), "mine.mid"
    if link is not None:
        out = "other.mid"
        link("mine.mid", out)
    code, _, err, _ = sample("--prompt", "mine.mid", "--out", out, *force)
    assert code == 1 and f"{out} is read by this command, which would replace it" in err
    assert Path("mine.mid").read_bytes() == before
    os.rename("mine.mid", "mine-1.mid")
    code, _, err, _ = sample("--prompt", "mine-1.mid", "--out", "mine.mid", "-n", 2, *force)
    assert code == 1 and Path("mine-1.mid").read_bytes() == before


def test_a_folder_gets_the_files_under_the_next_free_names(sample, howlkit):
    Path("songs.d").mkdir()
    for _ in range(2):
        assert sample("--out", "songs.d")[0] == 0
    code, _, err, _ = sample("--out", "songs.d", "-n", 2)
    assert code == 0 and "songs.d/sample-3-2.mid  12 notes" in err
    for _ in range(2):
        assert howlkit("plot", "songs.d/sample-1.mid", "--out", "songs.d")[0] == 0
    assert sorted(os.listdir("songs.d")) == [
        *("sample-1-2.svg", "sample-1.mid", "sample-1.svg"),
        *("sample-2.mid", "sample-3-1.mid", "sample-3-2.mid"),
    ]


def test_a_folder_in_the_way_of_a_file_is_an_error_with_force_too(sample):
    Path("new-1.mid").mkdir()
    code, _, err, files = sample("--out", "new.mid", "-n", 2, "--force")
    assert code == 1 and "new-1.mid is a folder; name a file" in err and files == ["new-1.mid"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such devices")
def test_devices_and_stdout_are_written_to_as_they_are(sample, howlkit, trained):
    code, _, err, files = sample("--out", "/dev/null")
    assert code == 0 and "/dev/null  12 notes" in err and "howlkit plot" not in err and files == []
    assert sample("--out", "/dev/null", "-n", 2)[0] == 2
    os.mkfifo("pipe.mid")
    with subprocess.Popen(["cat", "pipe.mid"], stdout=subprocess.PIPE) as reader:
        assert sample("--out", "pipe.mid")[0] == 0
        assert len(midi.read_bytes(reader.stdout.read(), name="pipe")) == 12
    script = f"{sys.executable} -m howlkit sample {trained / 'run'} --notes 5 --out - > new.mid"
    subprocess.run(script, shell=True, check=True, capture_output=True)
    assert len(midi.read("new.mid")) == 5


def test_what_fails_leaves_no_file_behind(sample, howlkit, here):
    assert howlkit("plot", "no-file-at-all", "--out", "roll.svg")[0] == 1
    write(tune(0, 4), here / "a.mid")
    assert howlkit("plot", "a.mid", "--out", "roll.jpg")[0] == 1
    assert howlkit("sample", "no-run-at-all")[0] == 1
    assert os.listdir() == ["a.mid"]


def test_a_dataset_is_not_prepared_from_other_music_by_accident(here, howlkit):
    for folder, seed in (("one", 1), ("two", 2)):
        write(walk(seed, 60), here / folder / f"{seed}.mid")
    assert howlkit("prepare", "one", "--out", "data")[0] == 0
    before = Path("data/dataset.json").read_bytes()
    code, _, err = howlkit("prepare", "two", "--out", "data")
    assert code == 1 and f"data holds the music of {here}/one/1.mid, which this would drop" in err
    assert Path("data/dataset.json").read_bytes() == before
    assert howlkit("prepare", "one", "two", "--out", "data")[0] == 0  # more music is an update
    code, _, err = howlkit("prepare", "two", "--out", "data")
    assert code == 1 and "one/1.mid" in err
    assert howlkit("prepare", "two", "--out", "data", "--force")[0] == 0
    os.rename("two", "three")  # what is gone cannot be kept
    assert howlkit("prepare", "three", "--out", "data")[0] == 0


def test_two_processes_never_get_the_same_file(tmp_path):
    path = tmp_path / "new.mid"
    with claimed([path], force=False):
        with pytest.raises(ExistingPathError), claimed([path], force=False):
            pass
        assert path.exists()
    assert not path.exists()


def test_what_was_made_between_the_look_and_the_claim_is_kept(tmp_path, monkeypatch):
    files = [tmp_path / "a.mid", tmp_path / "b.mid"]
    monkeypatch.setattr(output_files, "check_new", lambda paths, **other: None)
    files[1].write_text("another's")
    with pytest.raises(FileExistsError), claimed(files, force=False):
        pass
    assert not files[0].exists() and files[1].read_text() == "another's"


def test_the_next_sample_is_another_when_two_look_at_once(tmp_path, monkeypatch):
    run, names = tmp_path / "run", ["sample-1.mid", "sample-1.mid", "sample-2.mid"]
    looked = [tmp_path / "run" / "samples" / name for name in names]
    monkeypatch.setattr("howlkit.commands.sampled_files._free_name", lambda folder: looked.pop(0))
    arguments = {"midi": True, "force": False, "reads": []}
    with (
        claimed_samples(None, run, 1, **arguments) as one,
        claimed_samples(None, run, 1, **arguments) as two,
    ):
        assert [path.name for path in (*one, *two)] == ["sample-1.mid", "sample-2.mid"]


def test_next_free_counts_links_that_lead_nowhere(tmp_path):
    os.symlink("nowhere", tmp_path / "a.mid")
    assert next_free(tmp_path / "a.mid").name == "a-2.mid"
    with (
        pytest.raises(HowlkitError, match="exists already"),
        claimed([tmp_path / "a.mid"], force=False),
    ):
        pass
