"""Emphasis: some parts of the heads count for more, by either runner, and for sampling only."""

import dataclasses
import re

import numpy as np
import pytest
import torch

from howlkit import encoder
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.errors import ArgumentError
from howlkit.head_options import HeadOptions
from howlkit.sampling.emphasis import emphasis_of, emphasised
from howlkit.sampling.stored_network import StoredNetwork
from howlkit.sampling.trained import Trained
from howlkit.testing.networks import stir_weights
from howlkit.training.recipe import Recipe
from tests.conftest import random_piece

TOLD = {
    **{"repeats": ("all",), "repeats_by": "beats", "votes": True, "sounding": True},
    **{"pitch_classes": 16, "embedding": 4, "width": 8},
}
STRONG = {"votes": 2.0, "sounding": 3.0}
TUPLE = encoder("tuple")


@pytest.fixture
def network():
    torch.manual_seed(0)
    return stir_weights(Lstm(hidden=9).build(TUPLE.schema, HeadOptions(**TOLD)).eval())


def weights_of(network):
    return {name: weight.detach().clone() for name, weight in network.named_parameters()}


def test_the_weights_of_a_part_are_multiplied_and_no_others(network):
    before = weights_of(network)
    louder = weights_of(emphasised(network, network.heads, STRONG))
    changed = {name for name in before if not torch.equal(before[name], louder[name])}
    gains = {name for name in before if ".gain." in name}
    assert changed == gains | {"out.of_pitch.intervals.weight"} and len(gains) >= 6
    for name in gains:
        assert torch.equal(louder[name], 2 * before[name])
    own, other = (each["out.of_pitch.intervals.weight"] for each in (before, louder))
    assert torch.equal(own[:12], other[:12]) and torch.equal(3 * own[12:], other[12:])
    assert all(torch.equal(before[name], weight) for name, weight in weights_of(network).items())


def test_stored_weights_are_multiplied_as_those_of_torch(network):
    stored = StoredNetwork.of(network)
    kept = {name: weight.copy() for name, weight in stored.weights.items()}
    louder = emphasised(stored, network.heads, STRONG)
    by_torch = weights_of(emphasised(network, network.heads, STRONG))
    assert set(louder.weights) == set(by_torch)
    assert all(np.array_equal(louder.weights[name], by_torch[name]) for name in by_torch)
    assert all(np.array_equal(stored.weights[name], kept[name]) for name in kept)


@pytest.mark.parametrize("said", [{}, {"votes": 1.0}, {"sounding": 1}, {"unknown": 2.0}])
def test_nothing_to_emphasise_leaves_a_network_as_it_is(network, said):
    assert emphasised(network, network.heads, said) is network


def test_what_a_network_lacks_is_not_emphasised():
    plain = Lstm(hidden=9).build(TUPLE.schema, HeadOptions(embedding=4, width=8))
    assert emphasised(plain, plain.heads, STRONG) is plain


@pytest.mark.parametrize("stepping", ["plain", "compiled"])
def test_music_follows_it_and_likelihoods_do_not(network, stepping):
    if stepping == "compiled":
        pytest.importorskip("numba")
    recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 9}, "heads": TOLD})
    trained = Trained(recipe, network, {}, stepping)
    louder = dataclasses.replace(trained, facts={"emphasis": STRONG})
    piece = random_piece(3, 60)
    assert louder.nats(piece) == trained.nats(piece)
    plain, other = (each.sample(notes=60, seed=1) for each in (trained, louder))
    assert not np.array_equal(plain.notes, other.notes)
    by_hand = Trained(recipe, emphasised(network, network.heads, STRONG), {}, stepping)
    assert np.array_equal(by_hand.sample(notes=60, seed=1).notes, other.notes)


def test_people_may_ask_for_another(network):
    recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 9}, "heads": TOLD})
    trained = Trained(recipe, network, {"emphasis": {"votes": 1.2}})
    assert trained.with_emphasis("votes=1.5, sounding=2").facts["emphasis"] == {
        "votes": 1.5,
        "sounding": 2.0,
    }
    assert trained.identity["emphasis"] == {"votes": 1.2}
    plain = trained.with_emphasis({}).identity
    assert "emphasis" not in plain and plain["sha256"] == trained.identity["sha256"]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("votes", "the emphasis of votes is ''; it is in 0..10"),
        ("votes=11", "the emphasis of votes is 11.0; it is in 0..10"),
        ({"votes": float("nan")}, "the emphasis of votes is nan; it is in 0..10"),
        ({"votes": True}, "the emphasis of votes is True"),
        ("vote=1", "nothing to emphasise is called 'vote': votes, sounding"),
        (1.5, "emphasis is 1.5; a factor by part is needed"),
    ],
)
def test_what_is_no_emphasis_is_an_error(said, answer):
    with pytest.raises(ArgumentError, match=re.escape(answer)):
        emphasis_of(said)


def test_a_part_that_the_model_does_not_have_is_an_error():
    heads = HeadOptions()
    with pytest.raises(ArgumentError, match="no votes to emphasise, as heads.votes=true"):
        emphasis_of("votes=1.2", heads)


def test_a_piece_is_replayed_with_the_emphasis_it_was_made_with(howlkit, network, tmp_path):
    recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 9}, "heads": TOLD})
    Trained(recipe, network, {"emphasis": {"votes": 1.2}}).save_pretrained(tmp_path / "run")
    words = ["sample", tmp_path / "run", "--notes", 40, "--seed", 1]
    for name, said in (("own", []), ("asked", ["--emphasis", "votes=3,sounding=2"])):
        assert howlkit(*words, *said, "--out", tmp_path / f"{name}.mid")[0] == 0
        code, out, _ = howlkit("replay", tmp_path / f"{name}.mid", "--run", tmp_path / "run")
        assert code == 0 and "the same" in out
    own, asked = ((tmp_path / f"{name}.mid").read_bytes() for name in ("own", "asked"))
    assert own != asked
    code, _, said = howlkit(*words, "--emphasis", "harmony=2", "--out", tmp_path / "no.mid")
    assert code == 2 and "nothing to emphasise is called 'harmony'" in said
    assert "emphasis" in howlkit("info", tmp_path / "run")[1]
