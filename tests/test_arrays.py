import numpy as np
import pytest

from howlkit.arrays import (
    differences,
    fill_forward,
    ranges,
    repeated,
    run_begins,
    run_bounds,
    run_ends,
    stable_order,
)


def test_differences_begin_with_that_from_what_is_before():
    assert differences(np.array([3, 3, 7]), -1).tolist() == [4, 0, 4]
    assert differences(np.array([3, 3, 7]), 0).tolist() == [3, 0, 4]
    assert differences(np.zeros(0, np.int64), 5).tolist() == []


def test_runs_begin_and_end_where_neighbours_differ():
    values = np.array([2, 2, 5, 2, 2, 2])
    assert run_begins(values).nonzero()[0].tolist() == [0, 2, 3]
    assert run_ends(values).nonzero()[0].tolist() == [1, 2, 5]
    assert run_bounds(values).tolist() == [0, 2, 3, 6]
    assert not len(run_begins(values[:0])) and not len(run_ends(values[:0]))
    for some in (values, values[:1], values[:0], values[::-1]):
        bounds = run_bounds(some)
        assert bounds[:-1].tolist() == run_begins(some).nonzero()[0].tolist()
        assert (bounds[1:] - 1).tolist() == run_ends(some).nonzero()[0].tolist()


def test_a_value_holds_until_another_is_set():
    column = fill_forward(np.array([7, 9], np.uint8), np.array([1, 4]), 6, before=3)
    assert column.tolist() == [3, 7, 7, 7, 9, 9] and column.dtype == np.uint8
    assert fill_forward(np.zeros(0, np.uint8), np.zeros(0, np.intp), 2, before=3).tolist() == [3, 3]


@pytest.mark.parametrize("most", [0, 40, 2**16 - 1, 2**16, 2**20, 2**32 - 1, 2**32, 2**47])
def test_positions_of_any_size_are_ordered_and_equal_ones_stay_as_they_were(most):
    rng = np.random.default_rng(most)
    some = rng.integers(0, most, 20, endpoint=True)
    positions = np.append(rng.choice(some, 500), most)
    assert stable_order(positions).tolist() == np.argsort(positions, kind="stable").tolist()


def test_ranges_stand_one_after_the_other():
    first, lengths = np.array([9, 2, 0]), np.array([3, 1, 2])
    assert ranges(first, lengths).tolist() == [9, 10, 11, 2, 0, 1]
    assert ranges(first, lengths, step=4).tolist() == [9, 13, 17, 2, 0, 4]
    assert not len(ranges(first[:0], lengths[:0]))


def test_a_period_is_repeated_from_any_place_to_any_other():
    period = np.array([4, 5, 6], np.uint16)
    assert repeated(period, 0, 7).tolist() == [4, 5, 6, 4, 5, 6, 4]
    assert repeated(period, 5, 7).tolist() == [6, 4] and not len(repeated(period, 2, 2))
