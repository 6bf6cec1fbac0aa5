import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from howlkit.errors import HowlkitError, OptionError
from howlkit.sampling.logits import SamplingParams, choose, probabilities

LOGITS = np.log(np.array([[0.5, 0.25, 0.15, 0.1]]))
ALL = np.ones((1, 4), bool)


def shaped(allowed=ALL, **options):
    return probabilities(LOGITS, allowed, SamplingParams(**options))[0].round(4).tolist()


def test_unshaped_is_the_softmax():
    assert shaped() == [0.5, 0.25, 0.15, 0.1]


def test_temperature_raises_probabilities_to_its_inverse():
    squared = np.array([0.5, 0.25, 0.15, 0.1]) ** 2
    assert shaped(temperature=0.5) == (squared / squared.sum()).round(4).tolist()
    assert shaped(temperature=0) == [1, 0, 0, 0]


def test_top_k_keeps_the_k_likeliest():
    assert shaped(top_k=2) == [0.6667, 0.3333, 0, 0]
    assert shaped(top_k=9) == shaped()


def test_the_nucleus_is_the_fewest_values_that_reach_p():
    assert shaped(top_p=0.5) == [1, 0, 0, 0]
    assert shaped(top_p=0.51) == [0.6667, 0.3333, 0, 0]
    assert shaped(top_p=0.0) == [1, 0, 0, 0]


def test_min_p_is_relative_to_the_likeliest():
    assert shaped(min_p=0.4) == [0.6667, 0.3333, 0, 0]


def typical_by_hand(chances, share):
    """Meister et al. 2023 by the letter: nats nearest to the entropy first, until they reach p."""
    entropy = -sum(p * math.log(p) for p in chances if p)
    order = sorted(
        (v for v in range(len(chances)) if chances[v]),
        key=lambda v: abs(-math.log(chances[v]) - entropy),
    )
    kept, reached = [0.0] * len(chances), 0.0
    for v in order:
        kept[v] = chances[v]
        reached += chances[v]
        if reached >= share:
            break
    return [p / reached for p in kept]


def test_the_typical_set_may_leave_out_the_likeliest():
    # The entropy is 1.208 nats; the values have 0.693, 1.386, 1.897 and 2.303.
    assert shaped(typical_p=0.2) == [0, 1, 0, 0]
    assert shaped(typical_p=0.26) == [0.6667, 0.3333, 0, 0]
    assert shaped(typical_p=0.8) == [0.5556, 0.2778, 0.1667, 0]
    assert shaped(typical_p=0) == [0, 1, 0, 0]
    assert shaped(typical_p=1) == shaped()


def test_equally_likely_values_are_equally_typical_and_the_first_are_kept():
    even = probabilities(np.zeros((1, 5)), np.ones((1, 5), bool), SamplingParams(typical_p=0.5))
    assert even[0].round(4).tolist() == [0.3333, 0.3333, 0.3333, 0, 0]


@given(st.integers(0, 10**6), st.sampled_from([0.05, 0.3, 0.5, 0.77, 0.95, 0.999]))
def test_the_typical_set_is_that_of_the_paper(seed, share):
    rng = np.random.default_rng(seed)
    logits, allowed = rng.normal(0, 2, (1, 12)), rng.random((1, 12)) < 0.7
    allowed[0, rng.integers(12)] = True
    before = probabilities(logits, allowed, SamplingParams())[0].tolist()
    after = probabilities(logits, allowed, SamplingParams(typical_p=share))[0]
    assert after == pytest.approx(typical_by_hand(before, share))


def test_parameters_are_applied_in_the_order_that_is_written():
    # Top-k 3 leaves 5/9, 2.5/9, 1.5/9; top-p 0.6 two of them; min-p both; of 2/3 and 1/3 the first
    # is nearer to their entropy of 0.637 nats.
    assert shaped(top_k=3, top_p=0.6, min_p=0.4, typical_p=0.5) == [1, 0, 0, 0]
    assert shaped(top_k=2, typical_p=0.2) == [1, 0, 0, 0] != shaped(typical_p=0.2)


def test_what_is_not_allowed_gets_nothing_and_the_rest_is_renormalised():
    allowed = np.array([[False, True, True, False]])
    assert shaped(allowed) == [0, 0.625, 0.375, 0]
    assert shaped(allowed, temperature=0) == [0, 1, 0, 0]


def test_allowed_values_without_any_likelihood_are_drawn_evenly():
    logits = np.full((1, 4), -np.inf)
    allowed = np.array([[False, True, True, False]])
    assert probabilities(logits, allowed, SamplingParams())[0].tolist() == [0, 0.5, 0.5, 0]


def test_a_logit_of_infinity_takes_all_and_one_that_is_no_number_is_refused():
    logits = np.array([[0.0, np.inf, 1.0, np.inf]])
    assert probabilities(logits, ALL, SamplingParams())[0].tolist() == [0, 0.5, 0, 0.5]
    with pytest.raises(HowlkitError, match="NaN"):
        probabilities(np.array([[0.0, np.nan, 1.0, 2.0]]), ALL, SamplingParams())


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_a_choice_is_always_a_value_of_positive_probability(seed, uniform):
    rng = np.random.default_rng(seed)
    allowed = rng.random((3, 9)) < 0.4
    allowed[:, rng.integers(9)] = True
    logits = rng.normal(0, 30, (3, 9))
    shaping = SamplingParams(
        float(rng.choice([0.1, 1, 3])),
        int(rng.integers(4)),
        float(rng.random()),
        typical_p=float(rng.random()),
    )
    value = choose(logits, allowed, np.full(3, uniform), shaping)
    assert (probabilities(logits, allowed, shaping)[np.arange(3), value] > 0).all()


def test_choices_have_the_frequencies_of_the_probabilities():
    n = 20_000
    uniforms = (np.arange(n) + 0.5) / n
    values = choose(np.repeat(LOGITS, n, 0), np.repeat(ALL, n, 0), uniforms, SamplingParams())
    assert np.allclose(np.bincount(values) / n, [0.5, 0.25, 0.15, 0.1], atol=1e-3)


def test_shaping_out_of_range_is_refused():
    with pytest.raises(OptionError, match="top_p"):
        SamplingParams(top_p=1.5)
    with pytest.raises(OptionError, match="typical_p is -0.5"):
        SamplingParams(typical_p=-0.5)
