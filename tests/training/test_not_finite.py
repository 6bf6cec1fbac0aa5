"""Training that stops being finite: it is said where, and good weights are kept."""

import json
import math

import pytest
import torch

from howlkit.errors import DataError
from howlkit.training import optimizer
from howlkit.training.checkpoint import load_checkpoint
from howlkit.training.not_finite import all_finite
from howlkit.training.weights import read_tensors
from tests.conftest import tune
from tests.training.diverging import AT, Diverging
from tests.training.test_trainer import trainer

LONG = tune(7, bars=40)  # 360 notes, in windows of 32
SHORT = [tune(seed, bars=5) for seed in range(5)]
FEW = {"training": {"batch": 4, "carry": 12}}


def diverging(run, way, *, pieces=(*SHORT, LONG), steps=60, **training):
    values = {"training": FEW["training"] | training}
    return trainer(run, model=Diverging(way), steps=steps, values=values, pieces=[*pieces])


def is_kept(run):
    """Say whether all that is saved is finite, and return the step of the checkpoint."""
    saved = load_checkpoint(run)
    parts = [saved.model, saved.optimizer, read_tensors(run / "model" / "model.safetensors")]
    assert all(all_finite(part.values()) for part in parts)
    for line in (run / "metrics.jsonl").read_text().splitlines() if saved.step >= 10 else ():
        assert math.isfinite(json.loads(line)["nats_per_note"])
    return saved.step


@pytest.mark.parametrize("way", ["loss", "gradients"])
def test_the_piece_and_the_place_are_named_and_good_weights_kept(tmp_path, way):
    made = diverging(tmp_path / "run", way)
    with pytest.raises(DataError) as stop:
        made.train()
    told = str(stop.value)
    assert AT == 60 and "'tune 7', near bar 7 (0:13), note 61 of 360" in told  # nine a bar
    assert "in one of the 4 pieces" in told
    assert f"--init {tmp_path / 'run'}" in told and "\n" not in told
    step = is_kept(made.run)
    assert f"became infinite or NaN in update {step + 1}" in told
    assert f"Kept: the weights of step {step}" in told
    assert all_finite(made.network.state_dict().values())


def test_a_rate_that_is_too_high_names_the_update_and_is_told(tmp_path):
    made = diverging(tmp_path / "run", "rate", rate=1.0, warmup=0)
    with pytest.raises(DataError, match=r"update 2: in all 4 pieces .*training\.rate=0\.25"):
        made.train()
    assert is_kept(made.run) == 1


def test_what_a_device_tells_late_stops_training_too(tmp_path, monkeypatch):
    """A GPU is not waited for in each step: losses are read every ten steps."""
    update = optimizer.update

    def unwaited(*arguments, strict, **options):
        return update(*arguments, strict=False, **options)

    monkeypatch.setattr(optimizer, "update", unwaited)
    made = diverging(tmp_path / "run", "gradients", validate_every=20)
    with pytest.raises(DataError) as stop:
        made.train()
    assert "'tune 7', near bar" in str(stop.value)
    step = is_kept(made.run)
    assert step % 20 == 0 and f"Kept: the weights of step {step}" in str(stop.value)


def test_weights_that_the_last_update_broke_are_not_saved(tmp_path):
    made = diverging(tmp_path / "run", "rate", validate_every=10)
    step = made.optimizer.step

    def too_far():
        step()
        if made.step == 19:
            with torch.no_grad():
                made.network.backbone.linear.weight[0, 0] = math.inf

    made.optimizer.step = too_far
    with pytest.raises(DataError, match="update 20: .* each of the . pieces"):
        made.train()
    assert is_kept(made.run) == 10


def test_a_validation_piece_that_is_not_finite_is_named(tmp_path):
    made = diverging(tmp_path / "run", "loss", pieces=SHORT, validate_every=10)
    with pytest.raises(DataError, match=r"after 10 steps the validation loss .*'tune 91', near 0:"):
        made.train()
    assert load_checkpoint(made.run).step == 0


def test_weights_that_are_broken_from_the_start_are_told(tmp_path):
    made = trainer(tmp_path / "run", steps=50)
    with torch.no_grad():
        next(made.network.parameters()).fill_(math.nan)
    with pytest.raises(DataError, match="before the first update"):
        made.train()
    assert not (made.run / "checkpoints").exists()
