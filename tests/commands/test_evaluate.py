"""`howlkit evaluate` as users meet it: tables, comparisons, runs that know the music already."""

import json
import shutil

import pytest

from howlkit.builtin.encoders.event.encoder import Event
from howlkit.music import midi
from howlkit.network.network import Network
from tests.conftest import tune, walk, write

SMALL = ["-o", "heads.width=16", "-o", "training.batch=4", "--steps", 3]
SPLIT = ["--validation", 0.3, "--test", 0.2]


@pytest.fixture
def here(tmp_path, monkeypatch, music, howlkit):
    """A dataset `data` of twelve walks; returns what trains a run on it or on something else."""
    monkeypatch.chdir(tmp_path)
    assert howlkit("prepare", "music", "--out", "data", *SPLIT)[0] == 0

    def train(run, *options, data="data"):
        code, _, err = howlkit("train", data, "--out-dir", run, *SMALL, *options)
        assert code == 0, err

    return train


def measured(howlkit, *arguments):
    code, out, err = howlkit("evaluate", *arguments, "--json")
    assert code == 0, err
    return json.loads(out), err


def test_json_has_pieces_intervals_and_how_they_were_made(here, howlkit):
    here("run")
    result, _ = measured(howlkit, "run", "--seed", 4)
    assert result["bootstrap"] == {
        "groups": result["pieces"],
        "resamples": 1000,
        "level": 0.95,
        "seed": 4,
    }
    low, high = result["intervals"]["nats_per_second"]
    assert low < result["nats_per_second"] < high
    for piece in result["by_piece"]:
        nats = sum(value for name, value in piece["fields"].items() if name != "mark")
        assert piece["nats"] == pytest.approx(nats) and piece["name"].endswith(".mid")
        assert piece["seconds"] > 1 and piece["notes"] > 1
    assert result["encoder"] == "tuple" and result["recipe"]["model"]["name"] == "lstm"
    assert measured(howlkit, "run", "--seed", 4)[0] == result


def test_the_seed_is_of_the_resamples_alone(here, howlkit):
    here("run")
    one, other = (measured(howlkit, "run", "--split", "all", "--seed", n)[0] for n in (0, 1))
    assert one["nats_per_note"] == other["nats_per_note"]
    assert one["intervals"] != other["intervals"]


def test_takes_of_one_piece_are_drawn_together(here, howlkit, tmp_path):
    here("run")
    for seed in (50, 51, 52):
        for key in (0, 3):
            notes = walk(seed).notes.copy()
            notes["pitch"] += key
            write(walk(seed).replace(notes=notes), tmp_path / "takes" / f"{seed}-{key}.mid")
    result, _ = measured(howlkit, "run", "takes")
    assert result["pieces"] == 6 and result["bootstrap"]["groups"] == 3
    out = howlkit("evaluate", "run", "takes")[1]
    assert "6 pieces" in out and "3 groups of near-duplicates" in out


def test_the_pieces_that_cost_most_come_first(here, howlkit):
    here("run")
    out = howlkit("evaluate", "run", "--pieces", "--split", "all")[1]
    lines = [line.split() for line in out.splitlines() if ".mid" in line]
    rates = [float(line[3]) for line in lines]
    assert len(rates) == 12 and rates == sorted(rates, reverse=True)
    assert ".mid" not in howlkit("evaluate", "run")[1]


def test_one_piece_alone_has_no_interval_and_the_table_says_so(here, howlkit, tmp_path):
    here("run")
    write(walk(80), tmp_path / "one" / "one.mid")
    code, out, err = howlkit("evaluate", "run", "one")
    assert code == 0 and "No intervals: there is one piece only" in out
    assert ".." not in out and "groups" not in err
    assert "too narrow" in howlkit("evaluate", "run")[2]


def test_runs_of_other_encoders_are_measured_on_the_same_pieces(here, howlkit):
    here("one")
    here("two", "--model", "gru", "-o", "tuple.clock=seconds", "-o", "heads.chained=false")
    arguments = ["one", "--with", "two"]
    result, err = measured(howlkit, *arguments)
    assert "Warning" not in err
    (other,) = result["compared"]
    alone, _ = measured(howlkit, "two")
    assert other["nats_per_note"] == pytest.approx(alone["nats_per_note"])
    assert other["intervals"]["ratio"] == pytest.approx(alone["intervals"]["ratio"])
    assert other["difference"]["nats_per_note"] == pytest.approx(
        alone["nats_per_note"] - result["nats_per_note"]
    )
    ours, theirs = (
        [(piece["name"], piece["seconds"]) for piece in run["by_piece"]] for run in (result, other)
    )
    assert ours == theirs
    out = howlkit("evaluate", *arguments)[1]
    assert "less the first" in out and "independent" in out and "steps a note" in out
    assert "onset ms" in out and "lost" in out
    assert f"{other['difference']['nats_per_note']:+.3f}" in out


def test_where_a_piece_has_several_spellings_nats_are_at_most(here, howlkit, monkeypatch):
    here("one")
    result, _ = measured(howlkit, "one")
    assert result["at_most"] is None and "at most" not in howlkit("evaluate", "one")[1]
    here("two", "--encoder", "event")
    why = {"round trip": "chords come in any order"}
    monkeypatch.setattr(Event, "exemptions", why, raising=False)
    result, _ = measured(howlkit, "one", "--with", "two")
    assert result["at_most"] is None
    assert result["compared"][0]["at_most"] == "chords come in any order"
    out = howlkit("evaluate", "one", "--with", "two")[1]
    assert "two: at most, since chords come in any order\n" in out
    nats = result["compared"][0]["nats_per_note"]
    assert f"<= {nats:.3f}" in out and f"<= {result['nats_per_note']:.3f}" not in out
    assert "all, at most" in howlkit("evaluate", "two")[1]


@pytest.fixture
def split_otherwise(here, howlkit):
    """Runs `one` and `two` on the same music, split into other parts."""
    here("one")
    learnt = measured(howlkit, "one", "--split", "train")[0]["by_piece"][0]["name"]
    split = ["--split", f"validation=music/{learnt}"]
    assert howlkit("prepare", "music", "--out", "otherwise", *split)[0] == 0
    here("two", data="otherwise")


def test_a_run_that_was_trained_on_what_is_measured_is_refused(split_otherwise, howlkit):
    code, _, err = howlkit("evaluate", "one", "--with", "two")
    assert code == 1 and "two was trained on" in err and "--split all" in err
    code, _, err = howlkit("evaluate", "one", "--with", "two", "--split", "test")
    assert code == 1 and "two was trained on" in err
    code, _, err = howlkit("evaluate", "one", "--with", "two", "--split", "all")
    assert code == 0 and "Warning: one was trained on" in err and "Warning: two was" in err
    code, _, err = howlkit("evaluate", "two", "data")  # alone: it is said, and no more
    assert code == 0 and "Warning: two was trained on" in err


def test_a_take_of_what_was_trained_on_counts_as_it(here, howlkit, tmp_path):
    here("one")
    notes = walk(1, 120).notes.copy()
    notes["pitch"] += 2
    write(walk(1, 120).replace(notes=notes), tmp_path / "takes" / "higher.mid")
    write(walk(70, 120), tmp_path / "takes" / "unheard.mid")
    assert "Warning" not in howlkit("evaluate", "one", "takes")[2]  # nothing tells of it
    write(walk(1, 120), tmp_path / "takes" / "itself.mid")
    learnt = measured(howlkit, "one", "--split", "train")[0]["by_piece"]
    assert "1/01.mid" in [piece["name"] for piece in learnt]
    assert "on 2 of the 3 pieces" in howlkit("evaluate", "one", "takes")[2]


def test_where_nobody_knows_what_a_run_was_trained_on_it_is_said(here, howlkit, tmp_path):
    here("one")
    shutil.copytree(tmp_path / "one" / "model", tmp_path / "shared")
    midi.write(tune(5), tmp_path / "new.mid")
    code, _, err = howlkit("evaluate", "shared", "new.mid")
    assert code == 0 and "shared may have been trained on" in err
    code, _, err = howlkit("evaluate", "one", "--with", "shared")
    assert code == 0 and "may have been trained" not in err  # the same fingerprint
    assert howlkit("prepare", "new.mid", "--out", "data", "--force")[0] == 0
    code, _, err = howlkit("evaluate", "one", "new.mid")
    assert code == 0 and "one may have been trained on" in err and "changed" in err


def test_costs_that_are_no_likelihood_are_named(here, howlkit, monkeypatch):
    here("one")
    monkeypatch.setattr(Network, "is_likelihood", lambda self, field: field.name != "duration")
    out = howlkit("evaluate", "one")[1]
    assert "no likelihood: duration" in out and "left out of all sums" in out
    assert not any(line.startswith("duration") for line in out.splitlines())
