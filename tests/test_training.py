import contextlib
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from howlkit import checkpoint
from howlkit.builtin.augment import Transpose
from howlkit.errors import CheckpointError, DataError, HowlkitError
from howlkit.evaluate import encode_all, report, score, unigram, unigram_nats
from howlkit.progress import Budget
from howlkit.recipe import Recipe
from howlkit.session import Limit
from howlkit.trained import Trained
from howlkit.training import Interrupted, Trainer
from howlkit.windows import Batch, Position, Windows
from tests.conftest import tune

SMALL = {
    "lstm": {"hidden": 24, "dropout": 0.1},
    "gru": {"hidden": 24, "dropout": 0.1},
    "heads": {"embedding": 8, "width": 16},
    "training": {"batch": 4, "window": 32, "carry": 3, "validate_every": 10, "rate": 0.01},
}


def trainer(run, *, steps=20, model="lstm", values=None, pieces=None, **options):
    tables = {name: dict(t) for name, t in SMALL.items() if name not in ("lstm", "gru")}
    tables[model] = dict(SMALL[model])
    for name, table in (values or {}).items():
        tables.setdefault(name, {}).update(table)
    recipe = Recipe.choose("tuple", model, augment=["transpose"], values=tables)
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
    )
    counts = unigram(recipe.encoder, pieces)
    facts = {"unigram": {n: c.tolist() for n, c in counts.items()}, "tempo": 500_000}
    run.mkdir(exist_ok=True)
    return Trainer(
        run,
        recipe,
        windows,
        encode_all(recipe.encoder, [tune(91), tune(92)]),
        budget=Budget(steps=steps),
        facts=facts,
        device=torch.device("cpu"),
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
    outcome = made.train()
    baseline = unigram_nats(made.facts["unigram"], made.validation).nats_per_note
    assert before == pytest.approx(baseline, rel=0.1)  # where it begins
    assert outcome.progress.best < 0.75 * baseline
    lines = [json.loads(line) for line in (made.run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(10, 201, 10))
    assert lines[-1]["validation"] < lines[0]["validation"]


@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("stop", [10, 17])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, stop, ema):
    values = {"training": {"ema": ema}}
    straight = trainer(tmp_path / "a", values=values)
    straight.train()

    first = trainer(tmp_path / "b", values=values)
    original = first._update

    def update(*arguments):
        result = original(*arguments)
        if first.step + 1 == stop:
            os.kill(os.getpid(), signal.SIGINT)
        return result

    first._update = update
    with pytest.raises(Interrupted) as stopped:
        first.train()
    assert stopped.value.number == signal.SIGINT and first.step == stop
    second = trainer(tmp_path / "b", values=values)
    second.resume()
    assert second.step == stop
    second.train()
    assert digest(second.network) == digest(straight.network)
    models = [tmp_path / name / "model" / "model.safetensors" for name in "ab"]
    assert models[0].read_bytes() == models[1].read_bytes()


def test_a_killed_run_resumes_at_its_last_checkpoint_with_the_same_bits(tmp_path):
    straight = trainer(tmp_path / "a", steps=40)
    straight.train()
    script = textwrap.dedent(
        """
        import os, pathlib, signal, sys, torch
        torch.set_num_threads(1)
        from tests.test_training import trainer
        made = trainer(pathlib.Path(sys.argv[1]), steps=40)
        update = made._update
        def killed(*arguments):
            if made.step == 27:
                os.kill(os.getpid(), signal.SIGKILL)
            return update(*arguments)
        made._update = killed
        made.train()
        """
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "b")], check=False)
    assert done.returncode == -signal.SIGKILL
    second = trainer(tmp_path / "b", steps=40)
    second.resume()
    assert second.step == 20
    second.train()
    assert digest(second.network) == digest(straight.network)


def test_a_damaged_checkpoint_falls_back_to_one_that_is_whole(tmp_path):
    made = trainer(tmp_path / "run", steps=10)
    made.train()
    good = checkpoint.load_checkpoint(made.run)
    bad = made.run / "checkpoints" / "step-00000099"
    bad.mkdir()
    for path in (made.run / "checkpoints" / "step-00000010").iterdir():
        data = path.read_bytes()
        (bad / path.name).write_bytes(data[:-1] if path.suffix == ".safetensors" else data)
    (made.run / "checkpoints" / "latest").write_text("step-00000099\n")
    assert checkpoint.load_checkpoint(made.run).step == good.step == 10


def test_no_whole_checkpoint_is_an_error_that_says_what_to_do(tmp_path):
    made = trainer(tmp_path / "run", steps=10)
    with pytest.raises(CheckpointError, match="--init"):
        made.resume()
    made.train()
    (made.run / "checkpoints" / "step-00000010" / "state.json").write_text("{}")
    with pytest.raises(CheckpointError, match="missing or damaged"):
        made.resume()


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
@pytest.mark.parametrize("room", [100, 5_000, 60_000])
def test_a_disk_that_takes_no_more_leaves_what_was_saved(tmp_path, room):
    import resource

    made = trainer(tmp_path / "run", steps=10)
    made.train()
    weights = (made.run / "model" / "model.safetensors").read_bytes()
    made.budget = Budget(steps=30)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(CheckpointError, match="File too large.*untouched"):
            made.train()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert checkpoint.load_checkpoint(made.run).step == 10
    assert (made.run / "model" / "model.safetensors").read_bytes() == weights
    assert not [p for p in made.run.rglob("*") if "partial" in p.name]


KILLS = int(os.environ.get("HOWLKIT_KILLS", "10"))  # `make kills`: 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_whenever_it_is_killed_while_saving_there_is_a_whole_checkpoint(tmp_path):
    script = textwrap.dedent(
        """
        import os, pathlib, random, signal, sys, time, torch
        torch.set_num_threads(1)
        from howlkit import checkpoint
        from tests.test_training import trainer
        run, kills = pathlib.Path(sys.argv[1]), int(sys.argv[2])
        made = trainer(run, steps=40)
        made.train()
        last = 40
        for number in range(kills):
            ready, begun = os.pipe()
            child = os.fork()
            if not child:
                made.resume()
                while True:
                    made._at.step += 1
                    made.save()
                    os.write(begun, b"saved")
            os.read(ready, 5)
            time.sleep(random.Random(number).uniform(0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(ready), os.close(begun)
            step = checkpoint.load_checkpoint(run).step
            assert step > last, (number, step, last)
            last = step
        print(last)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "run"), str(KILLS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 40 + KILLS


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
    outcome = trainer(tmp_path / "run", steps=500, values=values).train()
    assert outcome.reason == "no progress" and outcome.progress.step == 30


def test_a_loss_that_is_no_number_is_an_error_that_says_what_to_do(tmp_path):
    made = trainer(tmp_path / "run", steps=50)
    with torch.no_grad():
        next(made.network.parameters()).fill_(math.nan)
    with pytest.raises(DataError, match="learning rate"):
        made.train()


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


def test_evaluate_reports_sums_and_a_baseline_that_is_the_field_frequencies(tmp_path):
    made = trainer(tmp_path / "run", steps=10)
    encoder, pieces = made.recipe.encoder, [tune(1)]
    encoded = encode_all(encoder, pieces)
    result = report(
        score(made.network, encoded), unigram_nats(unigram(encoder, pieces), encoded), "all"
    )
    assert result["nats_per_note"] == pytest.approx(
        sum(row["nats_per_note"] for row in result["fields"].values())
    )
    velocity = encoder.encode(tune(1))["velocity"][1:-1]
    counts = np.bincount(velocity, minlength=32) + 1
    expected = -np.log(counts[velocity] / counts.sum()).mean()
    assert result["fields"]["velocity"]["baseline_nats_per_note"] == pytest.approx(expected)
    assert result["notes"] == len(velocity) and result["pieces"] == 1


def test_evaluating_side_by_side_equals_one_by_one(tmp_path):
    made = trainer(tmp_path / "run", steps=10)
    pieces = [tune(seed, bars) for seed, bars in enumerate([2, 70, 9, 40])]
    together = score(made.network, encode_all(made.recipe.encoder, pieces))
    apart = [score(made.network, encode_all(made.recipe.encoder, [p])) for p in pieces]
    for name, nats in together.nats.items():
        assert nats == pytest.approx(sum(one.nats[name] for one in apart), rel=1e-4)


def test_augmenters_are_part_of_the_recipe(tmp_path):
    assert trainer(tmp_path / "run").recipe.augmenters == (Transpose(),)


def test_a_killed_run_logs_each_step_once_when_resumed(tmp_path):
    made = trainer(tmp_path / "run", steps=20)
    made.train()
    torn = '{"step": 30, "epoch"'
    log = made.run / "metrics.jsonl"
    log.write_text(log.read_text() + json.dumps({"step": 25}) + "\n" + torn)
    again = trainer(tmp_path / "run", steps=40)
    again.resume()
    again.train()
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == [10, 20, 30, 40]


def test_a_run_killed_before_its_first_validation_can_be_resumed(tmp_path):
    first = trainer(tmp_path / "run", steps=20)
    first._update = None  # the first step fails in a way nobody foresaw
    with pytest.raises(TypeError):
        first.train()
    second = trainer(tmp_path / "run", steps=20)
    second.resume()
    assert second.step == 0
    second.train()
    straight = trainer(tmp_path / "straight", steps=20)
    straight.train()
    assert digest(second.network) == digest(straight.network)


def test_a_run_stopped_early_goes_on_when_it_is_given_more(tmp_path):
    values = {"training": {"patience": 2, "rate": 0.0}}
    trainer(tmp_path / "run", steps=500, values=values).train()
    more = trainer(tmp_path / "run", steps=600, values=values)
    more.resume()
    more.extend()
    assert more.train().progress.step == 50  # two validations later, not at once


def test_the_last_line_of_the_log_tells_of_what_was_trained(tmp_path):
    made = trainer(tmp_path / "run", steps=20, values={"training": {"validate_every": 200}})
    last = made.train().progress
    assert last.validated and last.nats_per_note > 1 and last.notes_per_second > 0


def test_without_validation_the_training_loss_since_the_last_judgement_judges(tmp_path):
    made = trainer(tmp_path / "run", steps=25)
    made.validation = None
    outcome = made.train()
    lines = [json.loads(line) for line in (made.run / "metrics.jsonl").read_text().splitlines()]
    assert outcome.progress.best == pytest.approx(
        min(line["nats_per_note"] for line in lines), rel=0.2
    )
    assert outcome.progress.best > 1


def windows_of_one_stretch(made):
    return next(iter(made.windows.stretches(Position()))).batches


def test_state_is_carried_from_window_to_window(tmp_path):
    """Window by window costs what the whole stretch costs at once, and less than without memory."""
    values = {"lstm": {"dropout": 0.0}, "training": {"rate": 0.0}}
    made = trainer(tmp_path / "run", values=values)
    made.optimizer.step = lambda: None
    batches = windows_of_one_stretch(made)
    assert len(batches) == 3
    carried = [made._update(batch, 1) for batch in batches]
    inputs, targets = (
        {name: np.concatenate([getattr(b, side)[name] for b in batches], axis=1) for name in names}
        for side, names in [("inputs", batches[0].inputs), ("targets", batches[0].targets)]
    )
    whole = Batch(inputs, targets, sum(batch.lengths for batch in batches))
    made._state = None
    assert made._update(whole, 1) == pytest.approx(sum(carried), rel=1e-5)
    made._state = None
    assert made._update(batches[1], 1) != pytest.approx(carried[1], rel=1e-5)


def test_averaged_weights_are_the_moving_average_and_are_what_is_validated(tmp_path):
    made = trainer(tmp_path / "run", values={"training": {"ema": 0.9}})
    name, parameter = next(iter(made.network.named_parameters()))
    expected = parameter.detach().clone()
    for step, batch in enumerate(windows_of_one_stretch(made)):
        made._at.step = step
        made._update(batch, 100)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * parameter.detach()
    assert torch.allclose(made.average[name], expected, atol=1e-6)
    own = parameter.detach().clone()
    assert not torch.equal(own, expected)
    made.save_model()
    kept = checkpoint.read_tensors(made.run / "model" / "model.safetensors")
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
    stretch = next(iter(made.windows.stretches(Position())))
    assert stretch.scale == made.windows.rows * stretch.batches[0].inputs["pitch"].shape[1]
