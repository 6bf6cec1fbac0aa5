"""`howlkit info` of a run: what a person wants first."""

import json
import shutil

import pytest

from tests.conftest import tune, write

SMALL = ["-o", "lstm.hidden=24", "-o", "training.batch=4", "-o", "training.validate_every=10"]


@pytest.fixture
def run(tmp_path, monkeypatch, howlkit):
    """A run of 20 steps on a dozen tunes."""
    monkeypatch.chdir(tmp_path)
    for seed in range(12):
        write(tune(seed), tmp_path / "my music" / f"{seed}.mid")
    code, _, err = howlkit("train", "my music", "--steps", 20, "--out-dir", "a run", *SMALL)
    assert code == 0, err
    return tmp_path / "a run"


def told(howlkit, *arguments):
    code, out, err = howlkit("info", *arguments)
    assert code == 0, err
    return out.splitlines(), err.splitlines()


def test_it_begins_with_music_nats_time_and_parts(run, howlkit):
    facts = json.loads("\n".join(told(howlkit, run, "--json")[0]))
    lines, then = told(howlkit, run)
    rows = {line[:14].strip(): line[14:].strip() for line in lines}
    assert list(rows) == [
        *("music", "from", "learnt", "trained", "encoder", "model"),
        "augmented by",  # there is little music
        "drawn with",
    ]
    assert rows["drawn with"].startswith("mark.top_p=1, shift.top_p=1, ")
    assert rows["music"].startswith("my music: 12 pieces") and rows["from"].endswith("my music")
    nats, baseline = facts["nats_per_note"], facts["baseline_nats_per_note"]
    assert f"{nats:.3f} nats a note" in rows["learnt"]
    assert f"{nats / baseline:.3f} of a unigram model ({baseline:.3f})" in rows["learnt"]
    assert "20 steps in" in rows["trained"] and rows["encoder"] == "tuple"
    weights = facts["weights"]
    assert weights > 300_000
    assert rows["model"] == f"lstm, {weights:,} weights, {4 * weights / 1e6:.1f} MB"
    assert then[-1].startswith("Make music with it: howlkit sample ") and "'" in then[-1]


def test_options_are_behind_all(run, howlkit):
    short, long = told(howlkit, run)[0], told(howlkit, run, "--all")[0]
    assert not any("hidden" in line for line in short)
    assert long[: len(short)] == short
    assert any(line.strip() == "hidden: 24" for line in long) and "seed: 0" in long


def test_a_model_folder_that_was_copied_tells_what_it_knows(run, howlkit):
    shutil.copytree(run / "model", run.parent / "copied")
    lines, _ = told(howlkit, "copied")
    assert any(line.endswith("20 steps") for line in lines)
    assert lines[0].endswith("notes") and any("lstm, " in line for line in lines)


def test_a_run_without_a_model_is_trained_further(run, howlkit):
    shutil.rmtree(run / "model")
    (run / "metrics.jsonl").unlink()
    lines, then = told(howlkit, run)
    assert any(line.split() == ["trained", "not", "yet"] for line in lines)
    assert then == [
        f"It has no model yet; train it further: howlkit train --resume --out-dir '{run}'"
    ]


def test_a_run_that_can_go_on_says_so(run, howlkit):
    log = run / "metrics.jsonl"
    log.write_text(log.read_text().splitlines()[0] + "\n")
    lines, then = told(howlkit, run)
    assert any("10 steps in" in line and "50 % of what it was given" in line for line in lines)
    assert then[-1].startswith("Train it further: howlkit train --resume")


def test_a_run_worse_than_a_unigram_model_is_not_to_be_sampled(run, howlkit):
    path = run / "model" / "config.json"
    config = json.loads(path.read_text())
    config["facts"]["nats_per_note"] = 2 * config["facts"]["baseline_nats_per_note"]
    path.write_text(json.dumps(config))
    _, then = told(howlkit, run)
    assert "worse than a unigram model" in then[-1] and then[-1].endswith("--steps 1000")
