import numpy as np
import pytest

from howlkit.builtin.grid import ENDLESS, Grid
from howlkit.builtin.runs import differences, held, run_begins, run_bounds, run_ends, stable_order
from howlkit.builtin.slices import _mark_slices, _mark_stretches, highest_ranks
from howlkit.piece import Piece


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
    column = held(np.array([7, 9], np.uint8), np.array([1, 4]), 6, before=3)
    assert column.tolist() == [3, 7, 7, 7, 9, 9] and column.dtype == np.uint8
    assert held(np.zeros(0, np.uint8), np.zeros(0, np.intp), 2, before=3).tolist() == [3, 3]


@pytest.mark.parametrize("most", [0, 40, 2**16 - 1, 2**16, 2**20, 2**32 - 1, 2**32, 2**47])
def test_positions_of_any_size_are_ordered_and_equal_ones_stay_as_they_were(most):
    rng = np.random.default_rng(most)
    some = rng.integers(0, most, 20, endpoint=True)
    positions = np.append(rng.choice(some, 500), most)
    assert stable_order(positions).tolist() == np.argsort(positions, kind="stable").tolist()


@pytest.mark.parametrize("longest", [1, 3, 100])
def test_slices_are_of_the_highest_rank_that_sounds_however_they_are_marked(longest):
    rng = np.random.default_rng(longest)
    notes, voices, length = 60, 3, 100
    first = rng.integers(0, length, notes)
    stop = np.minimum(first + rng.integers(1, longest, notes, endpoint=True), length)
    voice = rng.integers(0, voices, notes)
    rank = rng.integers(1, 1000, notes).astype(np.int32)
    expected = np.zeros((voices, length), np.int32)
    for k in range(notes):
        sounds = expected[voice[k], first[k] : stop[k]]
        np.maximum(sounds, rank[k], out=sounds)
    assert (highest_ranks(rank, voice, first, stop, (voices, length)) == expected).all()
    for mark in (_mark_slices, _mark_stretches):
        highest = np.zeros(voices * length, np.int32)
        mark(highest, rank, voice * length + first, voice * length + stop)
        assert (highest.reshape(voices, length) == expected).all()


@pytest.mark.parametrize("clock", ["beats", "seconds"])
def test_the_edges_of_an_excerpt_are_its_first_position_and_that_of_what_follows(clock):
    piece = Piece.of([(480 * i, 240, 60) for i in range(20)], bpm=90)
    grid = Grid(clock, 10)
    starts = grid.positions(piece, piece.notes["start"]).tolist()
    assert grid.edges(piece) == (0, ENDLESS)
    assert grid.edges(piece.excerpt(5, 9)) == (starts[5], starts[9])
    assert grid.edges(piece.excerpt(5, 20)) == (starts[5], ENDLESS)
