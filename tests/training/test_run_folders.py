"""Which run is the newest, which one is resumed, and what a new one is called."""

import os

import pytest

from howlkit.errors import CheckpointError, HowlkitError
from howlkit.training import run_folders


def write(path, seconds):
    path.parent.mkdir(parents=True)
    path.touch()
    os.utime(path, (seconds, seconds))


def test_the_newest_model_and_the_newest_checkpoint_may_be_of_two_runs(tmp_path):
    for number, (trained, stopped) in enumerate([(30, 10), (20, 40)], 1):
        write(tmp_path / f"tuple-lstm-{number}/model/model.safetensors", trained)
        write(tmp_path / f"tuple-lstm-{number}/checkpoints/latest", stopped)
    assert run_folders.newest_trained(tmp_path).name == "tuple-lstm-1"
    assert run_folders.to_resume(None, tmp_path).name == "tuple-lstm-2"


def test_without_a_run_the_error_says_how_to_make_one(tmp_path):
    with pytest.raises(HowlkitError, match="howlkit train"):
        run_folders.newest_trained(tmp_path / "absent")
    with pytest.raises(HowlkitError, match="without --resume"):
        run_folders.to_resume(None, tmp_path)
    with pytest.raises(CheckpointError, match="config.json"):
        run_folders.to_resume(tmp_path)


def test_a_new_run_is_numbered_after_those_of_its_encoder_and_model(tmp_path):
    for name in ("tuple-lstm-2", "tuple-lstm-11", "tuple-lstm-old", "tuple-gru-20"):
        (tmp_path / name).mkdir()
    assert run_folders.next_free("tuple", "lstm", tmp_path).name == "tuple-lstm-12"
    assert run_folders.next_free("my encoder", "lstm", tmp_path).name == "my_encoder-lstm-1"


def test_a_folder_that_is_in_use_is_refused_and_an_empty_one_is_not(tmp_path):
    run_folders.take_unused(tmp_path).release()
    run_folders.take_unused(tmp_path).release()  # what a lock leaves is no use of the folder
    (tmp_path / "notes.txt").touch()
    with pytest.raises(HowlkitError, match="name a new folder"):
        run_folders.take_unused(tmp_path)
    (tmp_path / "config.json").touch()
    with pytest.raises(HowlkitError, match="--resume"):
        run_folders.take_unused(tmp_path)
