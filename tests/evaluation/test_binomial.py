"""Shares of answers: exact intervals and probabilities, beside tables and sums."""

from math import comb

import pytest

from howlkit.evaluation.binomial import at_most, exact_interval, guessing_probability


@pytest.mark.parametrize(
    ("yes", "count", "low", "high"),
    # Clopper and Pearson's limits at 95 %, as scipy.stats.binomtest(yes, count).proportion_ci().
    [
        (5, 10, 0.1871, 0.8129),
        (1, 20, 0.0013, 0.2487),
        (20, 20, 0.8316, 1.0),
        (70, 100, 0.6002, 0.7876),
    ],
)
def test_the_interval_is_the_exact_one(yes, count, low, high):
    assert exact_interval(yes, count) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(("yes", "count"), [(0, 7), (3, 7), (15, 20), (600, 1000)])
def test_guessing_is_counted_exactly(yes, count):
    tail = sum(comb(count, k) for k in range(min(yes, count - yes) + 1)) / 2**count
    assert guessing_probability(yes, count) == pytest.approx(min(1, 2 * tail))


def test_sums_end_at_their_limits():
    assert at_most(0, 5, 0.0) == 1 and at_most(4, 5, 1.0) == 0 and at_most(5, 5, 1.0) == 1
