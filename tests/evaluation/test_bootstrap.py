"""Intervals by resampling: they hold the truth as often as they say, and pair what they compare."""

import numpy as np
import pytest

from howlkit.evaluation.bootstrap import UNDEFINED, Estimate, Resamples

RATE = 7.0  # the true nats a note of `drawn`


def drawn(rng, groups, takes=1):
    """Notes and nats of pieces; a piece costs what its group does, and takes are of one length."""
    notes = np.repeat(np.ceil(rng.lognormal(5, 0.8, groups)), takes)
    rate = np.repeat(rng.gamma(20, RATE / 20, groups), takes)  # mean RATE, deviation 1.6
    return notes, notes * rate


def rate(resamples, notes, nats):
    sums = resamples.sums({"notes": notes, "nats": nats})
    return sums["nats"] / sums["notes"]


def covered(groups_of, *, trials=300, groups=60, takes=1):
    """Return how often the interval holds the true rate."""
    hits = 0
    for trial in range(trials):
        notes, nats = drawn(np.random.default_rng([7, trial]), groups, takes)
        low, high = rate(Resamples(groups_of(len(notes)), seed=trial), notes, nats).interval
        hits += low <= RATE <= high
    return hits / trials


def test_the_interval_holds_the_truth_in_95_of_100_cases():
    assert 0.91 <= covered(np.arange) <= 0.98


def test_takes_of_a_piece_are_no_further_evidence_if_they_are_in_one_group():
    in_groups = covered(lambda n: np.arange(n) // 4, takes=4)
    assert 0.91 <= in_groups <= 0.98
    assert covered(np.arange, takes=4) < 0.8  # as if they were independent


def test_the_value_is_that_of_all_pieces_and_lies_in_its_interval():
    notes, nats = drawn(np.random.default_rng(1), 40)
    estimate = rate(Resamples(np.arange(40)), notes, nats)
    assert estimate.value == pytest.approx(nats.sum() / notes.sum())
    low, high = estimate.interval
    assert low < estimate.value < high


def test_neither_the_order_of_pieces_nor_the_number_of_columns_matters():
    notes, nats = drawn(np.random.default_rng(2), 40)
    groups = np.arange(40) // 2
    order = np.random.default_rng(3).permutation(40)
    one = rate(Resamples(groups, seed=5), notes, nats)
    other = rate(Resamples(groups[order], seed=5), notes[order], nats[order])
    assert other.interval == pytest.approx(one.interval)
    alone = Resamples(groups, seed=5).sums({"nats": nats})["nats"]
    sums = Resamples(groups, seed=5).sums({"notes": notes, "nats": nats})
    assert np.allclose(alone.draws, sums["nats"].draws)
    assert rate(Resamples(groups, seed=6), notes, nats).interval != one.interval


def test_differences_are_paired():
    """A model that is better by a little in every piece is better beyond doubt."""
    notes, nats = drawn(np.random.default_rng(4), 40)
    resamples = Resamples(np.arange(40))
    better = rate(resamples, notes, nats - 0.01 * notes)
    worse = rate(resamples, notes, nats)
    assert better.interval[1] > worse.interval[0]
    assert (better - worse).interval == pytest.approx((-0.01, -0.01))


def test_one_group_has_no_interval():
    estimate = rate(Resamples(np.array([3, 3])), np.array([10, 20]), np.array([5.0, 9.0]))
    assert estimate.value == pytest.approx(14 / 30) and estimate.interval is None


def test_what_is_divided_by_nothing_is_undefined_and_so_is_its_interval():
    zero = Estimate(0.0, np.zeros(5))
    quotient = Estimate(1.0, np.ones(5)) / zero
    assert not np.isfinite(quotient.value) and quotient.interval is None
    assert np.isnan((UNDEFINED / zero).value) and (UNDEFINED + zero).interval is None
    empty = np.array([10, 0])  # a piece without notes: some resamples have none at all
    assert rate(Resamples(np.arange(2)), empty, np.array([5.0, 0.0])).interval is None
