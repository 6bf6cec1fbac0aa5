"""Trained.of: networks that a loop of one's own trained, sampled, priced, saved and loaded."""

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

import howlkit as door
from howlkit.errors import ArgumentError, CheckpointError, HowlkitError, OptionError
from howlkit.head_options import HeadOptions
from howlkit.music import midi
from howlkit.network import Network
from howlkit.sampling import Trained
from howlkit.training import unigram
from tests.conftest import tune

ENCODER = door.encoder("tuple", grid=12)


@dataclass(frozen=True)
class Mine:
    """A model of no package."""

    width: int = 16
    name: ClassVar[str] = "mine"

    def build(self, schema, heads):
        return Network(
            schema, heads, door.model("lstm", hidden=self.width).build(schema, heads).backbone
        )


@dataclass(frozen=True)
class Impostor(Mine):
    """A model of the name of another."""

    name: ClassVar[str] = "lstm"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    pieces = [tune(seed, 6) for seed in range(9)]
    return door.prepare(pieces, tmp_path_factory.mktemp("of") / "data", quiet=True)


def network(model, heads=None, encoder=ENCODER):
    torch.manual_seed(0)
    return model.build(encoder.schema, heads or HeadOptions())


def test_a_model_that_can_make_no_step_is_loaded_and_says_so_when_it_samples(data, tmp_path):
    model = door.model("lstm", hidden=16)
    broken = network(model)
    with torch.no_grad():
        for weights in broken.parameters():
            weights.fill_(float("nan"))
    Trained.of(broken, ENCODER, model, data).save_pretrained(tmp_path / "model")
    loaded = door.load(tmp_path / "model", device="cpu", stepping="compiled")
    with pytest.raises(HowlkitError, match="a logit is NaN"):
        loaded.sample(notes=2, without=["all"])


def test_what_it_saves_is_loaded_sampled_and_evaluated(data, tmp_path, howlkit):
    model, heads = door.model("lstm", hidden=16), HeadOptions(width=24, chained=False)
    trained = Trained.of(network(model, heads), ENCODER, model, data)
    assert trained.recipe.heads == heads and trained.path is None
    counts = unigram(ENCODER, data.part("train"))
    assert trained.facts["unigram"]["pitch"] == counts["pitch"].tolist()
    assert trained.facts["data"]["fingerprint"] == data.fingerprint
    trained.save_pretrained(tmp_path / "model")
    loaded = door.load(tmp_path / "model", device="cpu")
    assert loaded.recipe == trained.recipe and loaded.facts == trained.facts
    piece = loaded.sample(notes=9, seed=3)
    assert piece == trained.sample(notes=9, seed=3)
    assert loaded.nats(data[0]) == pytest.approx(trained.nats(data[0]))
    code, _, err = howlkit(
        "sample", tmp_path / "model", "--out", tmp_path / "x.mid", "--notes", 9, "--seed", 3
    )
    assert code == 0, err
    assert (tmp_path / "x.mid").read_bytes() == midi.to_bytes(piece)
    code, out, err = howlkit("evaluate", tmp_path / "model", data.path, "--json")
    assert code == 0, err
    assert json.loads(out)["split"] == "validation"  # it knows what it was trained on


def test_a_dataset_may_be_left_out_and_evaluate_says_so(data, tmp_path, howlkit):
    model = door.model("gru", hidden=16)
    path = Trained.of(network(model), ENCODER, model).save_pretrained(tmp_path / "model")
    assert len(door.load(path).sample(notes=5)) == 5
    code, _, err = howlkit("evaluate", path, data.path)
    assert code == 1
    assert "was saved without its dataset" in err and "Trained.of(network, encoder" in err
    assert howlkit("info", path)[0] == 0


def test_components_may_be_named():
    model = door.model("lstm")
    trained = Trained.of(network(model, encoder=door.encoder("tuple")), "tuple", "lstm")
    assert trained.model == model and trained.encoder.name == "tuple"


def test_a_model_of_no_package_samples_and_is_given_to_load_it(data, tmp_path):
    model = Mine(width=12)
    trained = Trained.of(network(model), ENCODER, model, data)
    piece = trained.sample(notes=9, seed=1)
    path = trained.save_pretrained(tmp_path / "model")
    stored = json.loads((path / "config.json").read_text())["recipe"]["model"]
    assert stored["class"] == f"{__name__}.Mine" and stored["distribution"] is None
    assert door.load(path, model=Mine(width=12)).sample(notes=9, seed=1) == piece
    with pytest.raises(CheckpointError, match=r"'mine', the class \S+\.Mine of a script; .*load"):
        door.load(path)
    with pytest.raises(CheckpointError, match=r"with the options {'width': 12}; .* {'width': 16}"):
        door.load(path, model=Mine())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": door.model("lstm", hidden=24)}, ArgumentError, r"another network .* needed"),
        ({"encoder": door.encoder("tuple")}, ArgumentError, "other fields than those of encoder"),
        ({"model": Impostor()}, OptionError, "'lstm' is a Impostor"),
        ({"model": Mine}, OptionError, "give the name of one, or one that is made"),
        ({"network": torch.nn.Linear(2, 2)}, ArgumentError, "network is a Linear"),
        ({"data": [tune()]}, ArgumentError, "data is a list; the Dataset whose training part"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, message):
    model = door.model("lstm", hidden=16)
    given = {"network": network(model), "encoder": ENCODER, "model": model, "data": None}
    with pytest.raises(error, match=message):
        Trained.of(**(given | change))
