"""Which pair of a comparison is best, and with what intervals: on made-up measurements."""

import dataclasses

import numpy as np
import pytest

from howlkit.evaluation.bootstrap import Resamples
from howlkit.evaluation.trials import chart, table
from howlkit.evaluation.trials.measurement import Measurement
from howlkit.evaluation.trials.plan import Trial
from howlkit.evaluation.trials.report import pairs_of

PIECES = 30
MACHINE = {"cpu": "a processor", "cores": 4, "system": "Linux", "python": "3.11"}
LOSSES = {"notes_lost": 0.0, "onset_error_ms": 5.0, "duration_error_ms": 20.0}


def measurement(rate, *, noise=0.01, seed=0, per_second=5, **changes):
    """A run with some `rate` nats a note, on pieces that are hard or easy for all runs alike."""
    difficulty = np.random.default_rng(1).uniform(0.8, 1.2, PIECES)
    own = np.random.default_rng(seed).normal(1, noise, PIECES)
    notes = np.full(PIECES, 100)
    made = Measurement(
        names=[f"{number}.mid" for number in range(PIECES)],
        notes=notes.tolist(),
        seconds=(notes / per_second).tolist(),
        steps=notes.tolist(),
        nats={"mark": [0.1] * PIECES, "pitch": (notes * rate * difficulty * own).tolist()},
        baseline=(notes * 10.0).tolist(),
        no_likelihood=[],
        at_most="",
        losses=LOSSES,
        weights=1_234_567,
        training_speed=1000.0,
        sampling_speed=200.0,
        training={"steps": 9, "epochs": 1, "seconds": 60.0, "still_learning": False},
        recipe={},
    )
    return dataclasses.replace(made, **changes)


def report(measured):
    """The report of measurements by "ENCODER MODEL SEED"."""
    trials = {}
    for name, each in measured.items():
        encoder, model, seed = name.split()
        trials[Trial(encoder, model, int(seed))] = each
    made = pairs_of(trials, Resamples(np.arange(PIECES)))
    for pair in made["pairs"]:
        for run in pair["runs"]:
            run["trained"] = {
                "jobs": 1,
                "threads": 1,
                "processor_share": 0.98,
                "machine": MACHINE,
            }
    return {
        **made,
        "part": "validation",
        "seeds": max(trial.seed for trial in trials) + 1,
        "budget": {"steps": None, "minutes": 2},
        "threads": 1,
        "device": "auto",
        "data": {"summary": "music"},
        "failed": [],
    }


def told(measured):
    return "\n".join(table.lines(report(measured)))


def test_a_model_is_marked_if_it_is_better_on_the_same_pieces():
    """The pieces differ by 20 %, the models by 1 %: only paired resamples can see that."""
    made = report({"tuple lstm 0": measurement(5.0), "tuple gru 0": measurement(5.05, seed=1)})
    best = made["best"]["of_encoder"]["tuple"]
    assert (best["model"], best["significant"]) == ("lstm", True)
    low, high = made["pairs"][0]["intervals"]["nats_per_note"]
    assert low < 5.05 < high
    assert made["best"]["of_all"] is None  # one encoder


def test_a_model_that_is_ahead_by_chance_is_not_marked():
    noisy = {
        "tuple lstm 0": measurement(5.0, noise=0.2),
        "tuple gru 0": measurement(5.01, noise=0.2, seed=1),
    }
    best = report(noisy)["best"]["of_encoder"]["tuple"]
    assert not best["significant"] and best["share_of_resamples"] < 0.975
    assert "No model is significantly the best with tuple: tuple + " in told(noisy)


def test_the_best_of_all_has_the_fewest_nats_a_second_and_loses_no_more():
    made = {"tuple lstm 0": measurement(5.0), "remi lstm 0": measurement(6.0, seed=1)}
    assert report(made)["best"]["of_all"]["significant"]
    assert "tuple    lstm   **" in told(made)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"losses": LOSSES | {"notes_lost": 0.1}}, "tuple loses more of the music than remi"),
        ({"losses": LOSSES | {"onset_error_ms": 50.0}}, "tuple loses more of the music than remi"),
    ],
)
def test_an_encoder_that_loses_more_does_not_win(change, why):
    made = {"tuple lstm 0": measurement(5.0, **change), "remi lstm 0": measurement(6.0, seed=1)}
    best = report(made)["best"]["of_all"]
    assert not best["significant"] and best["why_not"] == why
    assert why in told(made) and "**" not in told(made)


def test_upper_bounds_do_not_lose_but_may_win():
    bound = {"at_most": "it has several spellings"}
    made = {"tuple lstm 0": measurement(5.0), "mine lstm 0": measurement(6.0, seed=1, **bound)}
    assert report(made)["best"]["of_all"]["why_not"] == "the nats of mine are an upper bound"
    text = told(made)
    assert "<= 6." in text and "mine: at most, since it has several spellings" in text
    made = {"tuple lstm 0": measurement(6.0), "mine lstm 0": measurement(5.0, seed=1, **bound)}
    assert report(made)["best"]["of_all"]["significant"]


def test_fields_without_a_likelihood_are_left_out_of_the_nats_and_nobody_wins():
    nats = {"mark": [0.1] * PIECES, "pitch": [500.0] * PIECES, "volume": [70.0] * PIECES}
    howl = measurement(1.0, nats=nats, no_likelihood=["volume"])
    made = {"tuple lstm 0": measurement(6.0), "howl lstm 0": howl}
    assert report(made)["pairs"][1]["nats_per_note"] == pytest.approx(5.0)
    assert not report(made)["best"]["of_all"]["significant"]
    assert "no likelihood for volume" in told(made)
    nothing = measurement(1.0, nats={"mark": [0.1] * PIECES}, no_likelihood=["pitch"])
    made["howl lstm 0"] = nothing
    assert report(made)["pairs"][1]["nats_per_note"] is None
    assert "no likelihood" in chart.draw(report(made)).to_svg()


def test_several_seeds_give_their_mean_and_a_wider_interval():
    one = {"tuple lstm 0": measurement(5.0)}
    three = {f"tuple lstm {s}": measurement(r, seed=s) for s, r in enumerate((4.5, 5.0, 5.5))}
    single, several = report(one)["pairs"][0], report(three)["pairs"][0]
    assert several["nats_per_note"] == pytest.approx(
        np.mean([run["nats_per_note"] for run in several["runs"]])
    )
    assert several["spread"]["nats_per_note"] == pytest.approx(0.5, abs=0.05)
    assert single["spread"]["nats_per_note"] is None

    def wide(pair):
        low, high = pair["intervals"]["nats_per_note"]
        return high - low

    assert wide(several) > 2 * wide(single)
    assert "pieces and 3 seeds" in told(three) and "spread" in told(three)
    assert "spread" not in told(one)


def test_a_pair_s_interval_does_not_depend_on_what_else_is_compared():
    runs = {f"tuple lstm {seed}": measurement(5.0, seed=seed, noise=0.1) for seed in (0, 1)}
    others = {f"remi gru {seed}": measurement(6.0, seed=seed) for seed in (0, 1)}
    alone, among = report(runs), report(others | runs)
    assert alone["pairs"][0]["intervals"] == among["pairs"][1]["intervals"]


def test_runs_that_shared_the_machine_are_told_from_those_that_had_it_alone():
    made = report({"tuple lstm 0": measurement(5.0), "tuple gru 0": measurement(6.0)})
    assert "one after another" in "\n".join(table.lines(made))
    made["pairs"][1]["runs"][0]["trained"]["jobs"] = 2
    assert "Some ran alone and some 2 at a time" in "\n".join(table.lines(made))
    made["pairs"][0]["runs"][0]["trained"]["jobs"] = 2
    assert "2 at a time (alone each would" in "\n".join(table.lines(made))


def test_a_machine_that_was_busy_for_some_of_the_runs_is_told():
    made = report({"tuple lstm 0": measurement(5.0), "tuple gru 0": measurement(6.0)})
    assert "busy" not in "\n".join(table.lines(made))
    made["pairs"][1]["runs"][0]["trained"]["processor_share"] = 0.5
    assert "a processor for 50 to 98 % of their time" in "\n".join(table.lines(made))


def test_one_piece_alone_has_no_interval_and_nobody_wins():
    trials = {Trial("tuple", model, 0): measurement(5.0) for model in ("lstm", "gru")}
    made = pairs_of(trials, Resamples(np.zeros(PIECES, np.int64)))
    assert made["pairs"][0]["intervals"]["nats_per_note"] is None
    assert not made["best"]["of_encoder"]["tuple"]["significant"]


def test_the_chart_has_a_row_for_each_pair_and_colours_for_dark_screens():
    made = report({"tuple lstm 0": measurement(5.0), "remi <gru> 0": measurement(6.0, seed=1)})
    svg = chart.draw(made).to_svg()
    assert "tuple + lstm" in svg and "remi + &lt;gru&gt;" in svg
    assert "nats a note" in svg and "nats a second of music" in svg
    assert svg.count('rx="5"') == 4 and "prefers-color-scheme:dark" in svg
