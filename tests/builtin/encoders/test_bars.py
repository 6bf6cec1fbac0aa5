"""Bars under metres, and what changes where."""

import numpy as np
import pytest

from howlkit.builtin.encoders.shared.bars import Changes, Metres

METRES = Metres(4, 8)
THREE, FOUR = METRES.all.index((3, 4)), METRES.all.index((4, 4))


def lists(changes):
    return changes.at.tolist(), changes.values.tolist(), changes.initial


def changes_of(pairs, usual):
    at, values = np.array(pairs, np.int64).reshape(-1, 2).T
    return Changes.of(at, values, usual)


def test_changes_are_those_of_values_and_the_last_at_each_position():
    changes = changes_of([(0, 1), (0, 2), (4, 2), (6, 3), (6, 5), (9, 5), (12, 2)], 7)
    assert lists(changes) == ([6, 12], [5, 2], 2)
    assert lists(changes_of([(3, 7), (4, 1)], 7)) == ([4], [1], 7)
    assert lists(changes_of([], 7)) == ([], [], 7)


@pytest.mark.parametrize("first", range(-1, 9))
@pytest.mark.parametrize("last", range(9))
def test_between_two_positions_the_same_values_hold(first, last):
    changes = changes_of([(2, 1), (3, 5), (6, 2)], 7)
    some = changes.between(first, max(first, last))
    values = [7, 7, 1, 5, 5, 5, 2, 2, 2, 2]
    assert some.initial == values[max(first, 0)]
    held = dict(zip(some.at.tolist(), some.values.tolist(), strict=True))
    assert held == {at: values[at] for at in (2, 3, 6) if first < at <= last}


def test_a_metre_said_twice_is_no_change_and_its_bars_are_the_same():
    positions = np.arange(60)
    once = METRES.bars(np.array([0]), np.array([THREE]))
    twice = METRES.bars(np.array([0, 12, 36]), np.array([THREE] * 3))
    assert len(once.start) == 1 and len(twice.start) == 3
    assert not len(twice.changes.at)
    for bars in (once, twice):
        bar, within = bars.locate(positions)
        assert bar.tolist() == (positions // 12).tolist()
        assert within.tolist() == (positions % 12).tolist()


def test_a_metre_that_cuts_a_bar_is_a_change_though_it_be_the_same():
    bars = METRES.bars(np.array([0, 5, 21]), np.array([FOUR] * 3))
    assert bars.changes.at.tolist() == [5] and bars.cut.tolist() == [0, 5, 0]
    bar, within = bars.locate(np.array([0, 4, 5, 20, 21]))
    assert bar.tolist() == [0, 0, 1, 1, 2] and within.tolist() == [0, 4, 0, 15, 0]
