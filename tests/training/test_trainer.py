import contextlib
import hashlib
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from howlkit.builtin.augmenters import Transpose
from howlkit.errors import CheckpointError, HowlkitError
from howlkit.network.batches import Batch
from howlkit.network.likelihood import encode_all, score, unigram, unigram_nats
from howlkit.sampling.limits import Limit
from howlkit.sampling.trained import Trained
from howlkit.training.progress import Budget
from howlkit.training.recipe import Recipe
from howlkit.training.trainer import Trainer
from howlkit.training.weights import read_tensors
from howlkit.training.windows import Position, Windows
from howlkit.training.world import ALONE
from tests.conftest import tune

SMALL = {
    "lstm": {"hidden": 24, "dropout": 0.1},
    "gru": {"hidden": 24, "dropout": 0.1},
    "heads": {"embedding": 8, "width": 16},
    "training": {"batch": 4, "window": 32, "carry": 3, "validate_every": 10, "rate": 0.01},
}


def trainer(run, *, steps=20, model="lstm", values=None, pieces=None, world=ALONE, **options):
    tables = {name: dict(t) for name, t in SMALL.items() if name not in ("lstm", "gru")}
    known = model if isinstance(model, str) else "lstm"  # one that is made takes its place
    tables[known] = dict(SMALL[known])
    for name, table in (values or {}).items():
        tables.setdefault(name, {}).update(table)
    recipe = Recipe.choose("tuple", known, augment=["transpose"], values=tables)
    recipe = recipe if model == known else replace(recipe, model=model)
    pieces = pieces or [tune(seed) for seed in range(6)]
    training = recipe.training
    windows = Windows(
        pieces.__getitem__,
        np.array([len(p) for p in pieces]),
        recipe.encoder,
        recipe.augmenters,
        notes=training.window,
        carry=training.carry,
        rows=training.batch,
        seed=3,
        rank=world.rank,
        ranks=world.size,
    )
    counts = unigram(recipe.encoder, pieces)
    facts = {"unigram": {n: c.tolist() for n, c in counts.items()}, "tempo": 500_000}
    run.mkdir(parents=True, exist_ok=True)
    return Trainer(
        run,
        recipe,
        windows,
        encode_all(recipe.encoder, [tune(91), tune(92)]),
        budget=Budget(steps=steps),
        facts=facts,
        device=torch.device("cpu"),
        world=world,
        **options,
    )


def digest(network):
    parts = [t.numpy().tobytes() for t in network.state_dict().values()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.mark.parametrize("model", ["lstm", "gru"])
@pytest.mark.parametrize("chained", [True, False])
def test_training_learns_what_there_is_to_learn(tmp_path, model, chained):
    made = trainer(tmp_path / "run", steps=200, model=model, values={"heads": {"chained": chained}})
    before = score(made.network, made.validation).nats_per_note
    result = made.train()
    baseline = unigram_nats(made.facts["unigram"], made.validation).nats_per_note
    assert before == pytest.approx(baseline, rel=0.1)  # where it begins
    assert result.progress.best < 0.75 * baseline
    lines = [json.loads(line) for line in (made.run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(10, 201, 10))
    assert lines[-1]["validation"] < lines[0]["validation"]


def test_the_model_folder_is_all_that_is_needed(tmp_path):
    made = trainer(tmp_path / "run", steps=20)
    made.train()
    (tmp_path / "run" / "model").rename(tmp_path / "copied")
    trained = Trained.from_pretrained(tmp_path / "copied")
    assert trained.recipe.to_json() == made.recipe.to_json()
    nats = score(trained.network, made.validation).nats_per_note
    assert nats == pytest.approx(trained.facts["nats_per_note"], abs=1e-6)
    session = trained.session(seed=1, limit=Limit(notes=20, ends=False))
    while not session.done.all():
        session.step()
    assert len(session.piece()) == 20
    assert "howlkit sample" in (tmp_path / "copied" / "README.md").read_text()


def test_no_file_of_a_model_can_be_damaged_without_being_noticed(tmp_path):
    made = trainer(tmp_path / "run", steps=10)
    made.train()
    rng = np.random.default_rng(0)
    for name in ("config.json", "schema.json", "model.safetensors"):
        path = tmp_path / "run" / "model" / name
        data = path.read_bytes()
        for cut in (0, 1, len(data) // 2, len(data) - 2):
            path.write_bytes(data[:cut])
            with pytest.raises(CheckpointError):
                Trained.from_pretrained(tmp_path / "run")
        for _ in range(60):
            mutant = bytearray(data)
            mutant[int(rng.integers(min(len(data), 1500)))] ^= 1 << int(rng.integers(8))
            path.write_bytes(bytes(mutant))
            with contextlib.suppress(HowlkitError):  # any other exception is a fault
                Trained.from_pretrained(tmp_path / "run")
        path.write_bytes(data)
    Trained.from_pretrained(tmp_path / "run")


def test_one_flipped_bit_of_the_weights_is_noticed(tmp_path):
    made = trainer(tmp_path / "run", steps=10)
    made.train()
    path = made.run / "model" / "model.safetensors"
    data = path.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    for at in np.random.default_rng(0).integers(header, len(data), 20):
        mutant = bytearray(data)
        mutant[at] ^= 1
        path.write_bytes(bytes(mutant))
        with pytest.raises(CheckpointError, match="checksum"):
            Trained.from_pretrained(made.run)


def test_validation_that_gets_no_better_stops_the_run(tmp_path):
    values = {"training": {"patience": 2, "rate": 0.0}}
    result = trainer(tmp_path / "run", steps=500, values=values).train()
    assert result.reason == "no progress" and result.progress.step == 30


def without_the_clock(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{n: v for n, v in line.items() if "second" not in n} for line in lines]


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_the_early_validation_is_shown_once_and_changes_no_bit(tmp_path, monkeypatch, ema):
    values = {"training": {"validate_every": 100, "ema": ema}}
    seen = []
    looked = trainer(tmp_path / "looked", steps=60, values=values)
    looked.show_early = lambda step, nats: seen.append((step, nats))
    looked.train()
    monkeypatch.setattr("howlkit.training.trainer.EARLY_STEP", 1000)
    plain = trainer(tmp_path / "plain", steps=60, values=values)
    plain.train()
    ((step, nats),) = seen
    assert step == 50 and 1 < nats < 20
    assert digest(looked.network) == digest(plain.network)
    assert without_the_clock(looked.run) == without_the_clock(plain.run)
    kept = [tmp_path / run / "model" / "model.safetensors" for run in ("looked", "plain")]
    assert kept[0].read_bytes() == kept[1].read_bytes()


def test_no_early_validation_where_the_first_one_comes_soon(tmp_path):
    made = trainer(tmp_path / "run", steps=60)
    made.show_early = lambda step, nats: pytest.fail("it was shown")
    made.train()


def test_the_time_of_a_step_is_shown_once(tmp_path):
    made = trainer(tmp_path / "run", steps=20)
    shown = []
    made.show_step_time = lambda seconds: shown.append((made.step, seconds))
    made.train()
    ((step, seconds),) = shown
    assert step in (1, 3) and seconds > 0


def test_the_best_weights_are_kept_not_the_last(tmp_path):
    made = trainer(tmp_path / "run", steps=20)
    made.train()
    best = Trained.from_pretrained(made.run).facts["nats_per_note"]
    made._at.best = -1.0  # nothing can be better
    made.budget = Budget(steps=40)
    made.train()
    assert Trained.from_pretrained(made.run).facts["nats_per_note"] == best


def test_rate_warms_up_and_falls_with_the_budget(tmp_path):
    made = trainer(tmp_path / "run", steps=1000, values={"training": {"warmup": 10}})
    rates = []
    for made._at.step in range(1000):
        rates.append(made._rate())
    assert rates[0] == pytest.approx(0.001, rel=0.01)
    assert max(rates) == pytest.approx(0.01, rel=0.05) and rates.index(max(rates)) < 12
    assert rates[-1] < 0.0002 and all(np.diff(rates[12:]) < 0)
    assert rates[505] == pytest.approx(0.005, rel=0.01)  # straight down


def test_augmenters_are_part_of_the_recipe(tmp_path):
    assert trainer(tmp_path / "run").recipe.augmenters == (Transpose(),)


def test_the_last_line_of_the_log_tells_of_what_was_trained(tmp_path):
    made = trainer(tmp_path / "run", steps=20, values={"training": {"validate_every": 200}})
    last = made.train().progress
    assert last.validated and last.nats_per_note > 1 and last.notes_per_second > 0
    assert sum(last.fields.values()) == pytest.approx(last.validation) and "mark" not in last.fields


def test_without_validation_the_training_loss_since_the_last_judgement_judges(tmp_path):
    made = trainer(tmp_path / "run", steps=25)
    made.validation = None
    result = made.train()
    lines = [json.loads(line) for line in (made.run / "metrics.jsonl").read_text().splitlines()]
    assert result.progress.best == pytest.approx(
        min(line["nats_per_note"] for line in lines), rel=0.2
    )
    assert result.progress.best > 1


def test_bfloat16_learns_the_same_and_keeps_weights_in_32_bits(tmp_path):
    found = []
    for precision in ("32", "bf16"):
        made = trainer(tmp_path / precision, precision=precision)
        found.append(made.train().progress.validation)
        assert {p.dtype for p in made.network.parameters()} == {torch.float32}
    assert found[1] != found[0] and found[1] == pytest.approx(found[0], rel=0.02)


def windows_of_one_stretch(made):
    return next(iter(made.windows.segments(Position()))).batches


def test_state_is_carried_from_window_to_window(tmp_path):
    """Window by window costs what the whole segment costs at once, and less than without memory."""
    values = {"lstm": {"dropout": 0.0}, "training": {"rate": 0.0}}
    made = trainer(tmp_path / "run", values=values)
    made.optimizer.step = lambda: None
    batches = windows_of_one_stretch(made)
    assert len(batches) == 3
    carried = [made._update(batch, 1).item() for batch in batches]
    inputs, targets = (
        {name: np.concatenate([getattr(b, side)[name] for b in batches], axis=1) for name in names}
        for side, names in [("inputs", batches[0].inputs), ("targets", batches[0].targets)]
    )
    whole = Batch(inputs, targets, sum(batch.lengths for batch in batches))
    made.carried.end()
    assert made._update(whole, 1).item() == pytest.approx(sum(carried), rel=1e-5)
    made.carried.end()
    assert made._update(batches[1], 1).item() != pytest.approx(carried[1], rel=1e-5)


def test_averaged_weights_are_the_moving_average_and_are_what_is_validated(tmp_path):
    made = trainer(tmp_path / "run", values={"training": {"ema": 0.9}})
    name, parameter = next(iter(made.network.named_parameters()))
    expected = parameter.detach().clone()
    for step, batch in enumerate(windows_of_one_stretch(made)):
        made._at.step = step
        made._update(batch, 100)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * parameter.detach()
    assert torch.allclose(made.average.tensors[name], expected, atol=1e-6)
    own = parameter.detach().clone()
    assert not torch.equal(own, expected)
    made.save_model()
    kept = read_tensors(made.run / "model" / "model.safetensors")
    assert torch.allclose(kept[name], expected, atol=1e-6)
    assert torch.equal(parameter, own)  # training goes on with its own


def gradient_norm(made, batch, scale):
    seen = []
    made.optimizer.step = lambda: seen.append(
        torch.linalg.vector_norm(
            torch.stack([p.grad.norm() for p in made.network.parameters() if p.grad is not None])
        )
    )
    made._update(batch, scale)
    return float(seen[0])


def test_gradients_are_clipped_to_their_norm(tmp_path):
    batch = windows_of_one_stretch(trainer(tmp_path / "a"))[0]
    free = trainer(tmp_path / "b", values={"training": {"clip": 0.0}})
    assert gradient_norm(free, batch, 1) > 0.01
    held = trainer(tmp_path / "c", values={"training": {"clip": 0.01}})
    assert gradient_norm(held, batch, 1) == pytest.approx(0.01, rel=1e-3)


def test_the_loss_is_a_mean_over_a_full_window(tmp_path):
    values = {"training": {"clip": 0.0}, "lstm": {"dropout": 0.0}}
    norms = []
    for name, scale in (("a", 100), ("b", 200)):
        made = trainer(tmp_path / name, values=values)
        norms.append(gradient_norm(made, windows_of_one_stretch(made)[0], scale))
    assert norms[0] == pytest.approx(2 * norms[1], rel=1e-4)
    segment = next(iter(made.windows.segments(Position())))
    assert segment.scale == made.windows.rows * segment.batches[0].inputs["pitch"].shape[1]


def test_minutes_are_those_of_the_clock_that_a_trainer_is_given(tmp_path):
    seconds = itertools.count(0, 10)  # ten more each time that somebody looks
    made = trainer(tmp_path / "run", clock=lambda: next(seconds))
    made.budget = Budget(minutes=1)
    result = made.train()
    assert result.progress.step == 6 and made.seconds == 60
