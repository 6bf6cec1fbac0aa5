"""A model says what it is best trained with; a run keeps what it was begun with."""

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pytest

from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.errors import PluginError
from howlkit.training import recipe as recipes
from howlkit.training.recipe import Recipe, TrainingOptions


@dataclass(frozen=True)
class Tuned(Lstm):
    """An LSTM that wants other training."""

    name: ClassVar[str] = "tuned"
    training_defaults: ClassVar[dict] = {"optimizer": "muon", "rate": 0.02}


@pytest.fixture
def tuned(monkeypatch):
    """The class, as if it were installed."""
    create, get = recipes.plugins.create, recipes.plugins.get
    monkeypatch.setattr(
        recipes.plugins,
        "create",
        lambda kind, name, *options: Tuned() if name == "tuned" else create(kind, name, *options),
    )
    monkeypatch.setattr(
        recipes.plugins,
        "get",
        lambda kind, name: SimpleNamespace(cls=Tuned) if name == "tuned" else get(kind, name),
    )
    return Tuned


def test_a_model_is_trained_with_what_it_says_unless_the_user_says_otherwise(tuned):
    for model in ("tuned", tuned()):
        made = Recipe.choose("tuple", model).training
        assert (made.optimizer, made.rate) == ("muon", 0.02)
        assert made.window == TrainingOptions().window
        asked = Recipe.choose("tuple", model, values={"training": {"optimizer": "adamw"}}).training
        assert (asked.optimizer, asked.rate) == ("adamw", 0.02)
    assert Recipe.choose("tuple", "lstm").training == TrainingOptions()


def test_a_stored_recipe_keeps_its_optimizer_whatever_the_model_says_now(tuned):
    made = Recipe.choose("tuple", tuned(), values={"training": {"optimizer": "adamw"}})
    stored = json.loads(json.dumps(made.to_json()))
    assert stored["training"]["optimizer"] == "adamw"
    assert Recipe.from_json(stored).training == made.training
    del stored["training"]["optimizer"]  # as runs were stored before there was a choice
    assert Recipe.from_json(stored).training.optimizer == "adamw"


@pytest.mark.parametrize("wrong", [{"optimiser": "muon"}, {"optimizer": "sgd"}, {"rate": -1.0}])
def test_defaults_that_training_does_not_know_are_the_authors_to_mend(tuned, monkeypatch, wrong):
    monkeypatch.setattr(tuned, "training_defaults", wrong)
    with pytest.raises(PluginError, match="training_defaults.*author"):
        Recipe.choose("tuple", tuned())
