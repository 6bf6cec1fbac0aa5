"""A run made ready: what it begins with, and when it may go on."""

from dataclasses import replace

import pytest

from howlkit.builtin.augmenters import Transpose
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.errors import HowlkitError
from howlkit.music import midi
from howlkit.network.likelihood import encode_all, score, unigram_nats
from howlkit.sampling.trained import Trained
from howlkit.training import augment_defaults, setup
from howlkit.training.checkpoint import read_json, write_json
from howlkit.training.progress import Budget
from tests.conftest import tune

SMALL = {"lstm": {"hidden": 24}, "training": {"batch": 4, "validate_every": 5}}


@pytest.fixture
def begun(tmp_path):
    """Begin a run on a dozen tunes, with some augmenters; with None, nobody says which."""
    for seed in range(12):
        midi.write(tune(seed), tmp_path / f"{seed}.mid")

    def begin(*augment, out="run", tell=lambda line: None, **rest):
        augment = None if augment == (None,) else augment
        rest = {"budget": Budget(steps=5), **rest}
        plan = setup.TrainingPlan([tmp_path], augment=augment, values=SMALL, **rest)
        return setup.begin(plan, tmp_path / out, device="cpu", tell=tell)

    return begin


def test_training_begins_at_what_it_will_see_augmented(begun):
    """Music in another key and louder costs at first what a unigram model of such music costs."""
    trainer = begun("transpose", "velocity")
    notes = tune(3).notes.copy()
    notes["pitch"] += 5
    notes["velocity"] += 8
    seen = encode_all(trainer.recipe.encoder, [tune(3).replace(notes=notes)])
    plain = unigram_nats(trainer.facts["unigram"], seen).nats_per_note
    assert score(trainer.network, seen).nats_per_note < 0.8 * plain


def test_little_music_is_transposed_where_nobody_said_otherwise(begun, tmp_path, monkeypatch):
    lines = []
    assert begun(None, tell=lines.append).recipe.augmenters == (Transpose(),)
    assert any("--augment none" in line for line in lines)
    stored = read_json(tmp_path / "run" / "config.json")["recipe"]["augmenters"]
    assert [each["name"] for each in stored] == ["transpose"]
    assert begun(out="as it is").recipe.augmenters == ()
    monkeypatch.setattr(augment_defaults, "SMALL", 10)  # so a dozen tunes are enough
    assert begun(None, out="enough").recipe.augmenters == ()


def test_an_encoder_is_fitted_to_the_training_part_once_and_stored_as_it_is_then(
    begun, tmp_path, monkeypatch
):
    fitted_on = []

    def fitted(self, pieces):
        fitted_on.append([piece.name for piece in pieces])
        return replace(self, grid=len(fitted_on[-1]))

    monkeypatch.setattr(Tuple, "fitted", fitted, raising=False)
    trainer = begun()
    trainer.train()
    assert len(fitted_on) == 1 and 0 < len(fitted_on[0]) < 12  # a part is kept for testing
    for stored in (trainer.recipe, Trained.from_pretrained(tmp_path / "run").recipe):
        assert stored.encoder == Tuple(grid=len(fitted_on[0]))
    setup.reopen(tmp_path / "run", Budget(steps=8), device="cpu", tell=lambda line: None)
    assert len(fitted_on) == 1


def test_what_a_fitted_encoder_leaves_out_is_told(begun, monkeypatch):
    told, asked = [], []

    def left_out(self, pieces):
        asked.append((self.grid, len(list(pieces))))
        return "tuple leaves out a kazoo"

    monkeypatch.setattr(Tuple, "left_out", left_out, raising=False)
    begun(tell=told.append)
    assert not asked  # nothing was fitted, so nobody but the user left anything out
    monkeypatch.setattr(
        Tuple, "fitted", lambda self, pieces: replace(self, grid=len(list(pieces))), raising=False
    )
    begun(out="fitted", tell=told.append)
    assert "Note: tuple leaves out a kazoo" in told and asked[0][0] == asked[0][1]


def test_what_is_in_the_parts_is_told(begun):
    told = []
    begun(tell=told.append)
    assert any("Training on" in line and "kept for testing: 1 piece (" in line for line in told)


def test_a_run_whose_budget_is_used_up_says_so_and_goes_on_with_more(begun, tmp_path):
    begun().train()
    told = []
    with pytest.raises(HowlkitError, match=r"has had its 5 steps .*--steps 10"):
        setup.reopen(tmp_path / "run", Budget(), device="cpu", tell=told.append)
    more = setup.reopen(tmp_path / "run", Budget(steps=8), device="cpu", tell=told.append)
    assert more.step == 5 and more.train().progress.step == 8
    with pytest.raises(HowlkitError, match="has had its 8 steps"):
        setup.reopen(tmp_path / "run", Budget(), device="cpu", tell=told.append)


def test_a_run_that_goes_on_keeps_as_many_checkpoints_as_before(begun, tmp_path):
    begun(budget=Budget(steps=15), keep=3).train()
    run = tmp_path / "run"

    def goes_on(steps, **keep):
        budget = Budget(steps=steps)
        setup.reopen(run, budget, device="cpu", tell=lambda line: None, **keep).train()
        return [int(path.name[5:]) for path in sorted((run / "checkpoints").glob("step-*"))]

    assert goes_on(20) == [10, 15, 20]
    assert goes_on(25, keep=2) == [20, 25]
    assert goes_on(30) == [25, 30]
    config = read_json(run / "config.json")
    del config["keep"]  # as in runs that were begun before it was stored
    write_json(run / "config.json", config)
    assert goes_on(35) == [35] and "keep" not in read_json(run / "config.json")
