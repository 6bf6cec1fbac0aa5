"""The commands that are printed can be pasted into a shell, and do what they say."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from howlkit.training.trainer import Trainer
from tests.conftest import tune, walk, write

SMALL = ["-o", "lstm.hidden=8", "-o", "training.batch=2", "-o", "training.validate_every=5"]

COMMAND = re.compile(r"(?<![`\w])howlkit (?:train|sample|plot|prepare|evaluate|info|stat|plug).*")


def hints(text):
    """Return the words of each command in what was printed; a command lasts to its line's end."""
    return [shlex.split(found)[1:] for found in COMMAND.findall(text)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in whose name, like those of all in it, has blanks and quotes."""
    folder = tmp_path / 'Mary\'s "new" songs $HOME'
    for seed in range(6):
        write(tune(seed, 4), folder / "the music" / f"it's {seed}.mid")
    monkeypatch.chdir(folder)
    # What is pasted ends soon.
    monkeypatch.setenv("HOWLKIT_TRAIN_STEPS", "5")
    monkeypatch.setenv("HOWLKIT_SAMPLE_NOTES", "5")
    monkeypatch.setenv("HOWLKIT_TRAIN_OPTION", " ".join(SMALL[1::2]))
    return folder


@pytest.fixture
def paste(howlkit):
    """Run the one command of a text; returns its exit code, stdout and stderr."""

    def run(text):
        (words,) = hints(text)
        return howlkit(*words)

    return run


def test_from_music_to_a_picture_by_pasting(here, howlkit, paste):
    code, _, err = howlkit("prepare", "the music", "--out", "a dataset", "--workers", 1)
    for last in ("train", "sample", "plot"):
        assert code == 0 and hints(err)[-1][0] == last
        code, _, err = paste(err)
    assert code == 0
    assert Path("new.mid").exists() and Path("new.svg").exists()


def test_every_command_whose_hint_is_pasted_twice_works_twice(here, howlkit, paste):
    assert howlkit("train", "the music", "--out-dir", "a 'run'")[0] == 0
    music = "the music/it's 1.mid"
    for command in (
        ["info", music],
        ["info", "a 'run'"],
        ["evaluate", "a 'run'"],
        ["statistics", "the music"],
        ["sample", "a 'run'", "--out", "my new.mid", "--force"],
        ["roundtrip", "the music", "--encoder", "tuple", "-o", "tuple.grid=12"],
    ):
        for _ in range(2):
            code, _, err = howlkit(*command)
            assert code == 0, err
            code, _, err = paste(err)
            assert code == 0, err


def test_a_folder_of_music_is_told_how_to_become_a_dataset(here, howlkit, paste):
    for _ in range(2):
        code, _, err = howlkit("info", "the music")
        assert code == 1
        assert paste(err)[0] == 0
    assert Path("data/the music").is_dir() and Path("data/the music-2").is_dir()


def test_a_stopped_run_is_told_how_to_go_on(here, howlkit, paste, monkeypatch):
    update = Trainer._update

    def stopped(trainer, *arguments):
        trainer._on_signal(2, None)
        return update(trainer, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_update", stopped)
        code, _, err = howlkit("train", "the music", "--out-dir", "a 'run'")
    assert code == 130
    shutil.rmtree("a 'run'/model")
    code, _, told = howlkit("sample", "a 'run'")
    assert code == 1 and hints(told) == hints(err)
    assert paste(err)[0] == 0


def test_errors_name_commands_that_work(here, howlkit, paste, monkeypatch):
    assert howlkit("train", "the music", "--out-dir", "a 'run'")[0] == 0
    code, _, err = howlkit("train", "the music", "--out-dir", "a 'run'")
    assert code == 1 and "is not empty" in err
    monkeypatch.delenv("HOWLKIT_TRAIN_STEPS")
    code, _, err = paste(err)
    assert code == 1 and "has had its 5 steps" in err
    code, _, err = paste(err)
    assert code == 0 and "Done after 10 steps" in err
    monkeypatch.setenv("HOWLKIT_TRAIN_STEPS", "5")
    write(walk(9, 100), here / "the music" / "new.mid")
    assert howlkit("train", "the music", "--out-dir", "other")[0] == 0  # prepares it anew
    monkeypatch.setenv("HOWLKIT_TRAIN_STEPS", "20")
    code, _, err = howlkit("train", "--resume", "--out-dir", "a 'run'")
    assert code == 1 and "has changed" in err
    monkeypatch.delenv("HOWLKIT_TRAIN_OPTION")
    code, _, err = paste(err)
    assert code == 0 and "Starting from the weights" in err


def test_a_run_without_a_first_checkpoint_is_not_told_to_resume(here, howlkit):
    Path("begun").mkdir()
    Path("begun/config.json").write_text("{}")
    code, _, err = howlkit("sample", "begun")
    assert code == 1 and "no checkpoint" in err and not hints(err)


def test_a_folder_of_runs_names_them_newest_first(here, howlkit):
    for name in ("the first", "second"):
        assert howlkit("train", "the music", "--out-dir", f"runs/{name}")[0] == 0
    for command in (
        ["sample", "runs"],
        ["evaluate", "runs"],
        ["info", "runs"],
        ["train", "the music", "--init", "runs"],
        ["train", "--resume", "--out-dir", "runs"],
    ):
        code, _, err = howlkit(*command)
        told = "runs is no run, but holds some; name one of them: "
        assert code == 1 and f"{told}runs/second, 'runs/the first' (newest first)\n" in err
