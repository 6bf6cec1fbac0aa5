"""The models that come with howlkit: what their cards say holds, and their names stand for runs."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

import howlkit as door
from howlkit.music import midi
from howlkit.training import run_folders, shipped_models
from howlkit.training.weights import read_arrays, read_tensors, write_tensors
from tests.conftest import tune, write
from tests.sampling.small_models import small_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_list_says_what_each_is_and_how_good(howlkit):
    code, out, _ = howlkit("models", "--json")
    cards = json.loads(out)
    assert code == 0 and [card["name"] for card in cards][0] == "chorales"
    assert sum(card["bytes"] for card in cards) < 5e6
    for card in cards:
        assert card["nats"]["test"] < card["unigram"]["test"] / 2
    text = howlkit("models")[1]
    assert all(card["name"] in text and card["train"] in text for card in cards)


def test_a_card_says_the_nats_that_the_model_has(howlkit, empty):
    card = shipped_models.best().card
    code, out, err = howlkit("evaluate", card["name"], "--split", "test", "--json")
    assert code == 0, err
    assert json.loads(out)["nats_per_note"] == pytest.approx(card["nats"]["test"], abs=0.002)


def test_the_page_has_the_card_of_each():
    page = (ROOT / "docs/models.md").read_text()
    for model in shipped_models.all_models():
        card = (model.folder / "README.md").read_text()
        assert card.split("\n\n")[1] in page and model.card["licence"] in card
        assert (ROOT / f"howlkit/presets/{model.name}.toml").is_file()


def test_its_files_are_part_of_the_package():
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packed = {
        path for pattern in package["package-data"]["howlkit"]
        for path in (ROOT / "howlkit").glob(pattern)
    }  # fmt: skip
    there = {path for path in (ROOT / "howlkit/data").rglob("*") if path.is_file()}
    assert there and there <= packed


def test_without_a_run_the_best_one_makes_music_and_it_can_be_played(howlkit, empty):
    code, _, err = howlkit("sample", "--beats", 8, "--stepping", "plain")
    assert code == 0 and "There is no run in runs/: using the model chorales" in err
    piece = midi.read(empty / "samples/sample-1.mid")
    assert set(piece.notes["track"]) <= {0, 1, 2, 3} and len(piece) >= 8
    assert howlkit("play", "--out", "x.html")[0] == 0
    assert not (shipped_models.FOLDER / "chorales/samples").exists()
    small_model("tuple").save_pretrained(empty / "runs/mine/model")
    assert "newest run, runs/mine" in howlkit("sample", "--notes", 3, "--stepping", "plain")[2]


def test_a_run_of_its_name_comes_first(howlkit, empty):
    assert run_folders.find_model(Path("chorales")) == shipped_models.FOLDER / "chorales"
    (empty / "chorales").mkdir()  # a folder of music, perhaps
    assert run_folders.find_model(Path("chorales")) == shipped_models.FOLDER / "chorales"
    small_model("tuple").save_pretrained(empty / "chorales/model")
    assert run_folders.find_model(Path("chorales")) == Path("chorales/model")
    code, _, err = howlkit("sample", "chorale")
    assert code == 1 and "Did you mean 'chorales'?" in err and "howlkit models" in err


def test_training_begins_with_its_weights(howlkit, empty):
    for seed in range(6):
        write(tune(seed, 6), empty / f"music/{seed}.mid")
    few = ["-o", "training.batch=1", "-o", "training.rate=0", "-o", "training.window=16"]
    begin = ["train", "music", "--init", "chorales", "--steps", 1, *few, "-o", "training.ema=0"]
    code, _, err = howlkit(*begin, "--out-dir", "new")
    assert code == 0 and "Starting from the weights of chorales" in err, err
    assert json.loads(Path("new/config.json").read_text())["init"] == "chorales"
    made, before = (read_arrays(folder / "model.safetensors") for folder in (
        Path("new/model"), shipped_models.FOLDER / "chorales"
    ))  # fmt: skip
    assert made.keys() == before.keys()
    assert all(np.allclose(made[name], before[name], atol=1e-6) for name in made)
    code, _, err = howlkit(*begin, "--out-dir", "other", "-o", "voices.voices=3")
    assert code == 1 and "do not fit this network" in err and "is needed" in err
    code, _, err = howlkit(*begin, "--out-dir", "other", "--encoder", "tuple")
    assert code == 2 and "has 'voices', not 'tuple'" in err


def test_weights_in_half_precision_are_read_as_float32(tmp_path):
    weights = {"a": torch.randn(3, 2), "count": torch.arange(3)}
    write_tensors(tmp_path / "half", weights, half=True)
    write_tensors(tmp_path / "whole", weights)
    assert (tmp_path / "half").stat().st_size < (tmp_path / "whole").stat().st_size
    tensors, arrays = read_tensors(tmp_path / "half"), read_arrays(tmp_path / "half")
    assert tensors["a"].dtype == torch.float32 and arrays["a"].dtype == np.float32
    assert torch.allclose(tensors["a"], weights["a"], atol=1e-2)
    assert np.array_equal(tensors["a"].numpy(), arrays["a"])
    assert torch.equal(tensors["count"], weights["count"])


def test_python_takes_the_name_too(empty):
    trained = door.load("chorales", stepping="plain")
    assert trained.identity["name"] == "chorales" and "chorales" in repr(trained)
    piece = trained.sample(beats=8, seed=1)
    assert len(piece) and piece == trained.sample(beats=8, seed=1)
