import numpy as np
import pytest

from howlkit.arrays import stable_order
from howlkit.builtin.encoders.shared import slices
from howlkit.builtin.encoders.shared.grid import ENDLESS, Grid
from howlkit.builtin.encoders.shared.runs import (
    differences,
    held,
    ranges,
    repeated,
    run_begins,
    run_bounds,
    run_ends,
)
from howlkit.builtin.encoders.shared.slices import Metre, mark_sounding, newest_pitches
from howlkit.music.piece import Piece
from howlkit.music.tables import TIME_SIGNATURE


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


def test_ranges_stand_one_after_the_other():
    first, lengths = np.array([9, 2, 0]), np.array([3, 1, 2])
    assert ranges(first, lengths).tolist() == [9, 10, 11, 2, 0, 1]
    assert ranges(first, lengths, step=4).tolist() == [9, 13, 17, 2, 0, 4]
    assert not len(ranges(first[:0], lengths[:0]))


def test_a_period_is_repeated_from_any_place_to_any_other():
    period = np.array([4, 5, 6], np.uint16)
    assert repeated(period, 0, 7).tolist() == [4, 5, 6, 4, 5, 6, 4]
    assert repeated(period, 5, 7).tolist() == [6, 4] and not len(repeated(period, 2, 2))


@pytest.mark.parametrize("most", [0, slices.MOST_MARKED])
@pytest.mark.parametrize("longest", [1, 3, 100])
def test_cells_are_marked_where_any_of_many_sounds(monkeypatch, longest, most):
    monkeypatch.setattr(slices, "MOST_MARKED", most)
    rng = np.random.default_rng(longest)
    notes, keys, length = 60, 5, 100
    first = np.sort(rng.integers(0, length, notes))
    lengths = np.minimum(rng.integers(1, longest, notes, endpoint=True), length - first)
    key = rng.integers(0, keys, notes)
    expected = np.zeros((length, keys), np.uint8)
    for k in range(notes):
        expected[first[k] : first[k] + lengths[k], key[k]] = 1
    cells = np.zeros(length * keys, np.uint8)
    mark_sounding(cells, first * keys + key, lengths, step=keys)
    assert (cells.reshape(length, keys) == expected).all()


@pytest.mark.parametrize("ticks_per_beat", [7, 480])
@pytest.mark.parametrize(
    "signatures",
    [[], [(0, 3, 4)], [(0, 7, 16)], [(0, 255, 1)], [(960, 3, 8)], [(0, 3, 8), (960, 4, 4)]],
)
def test_positions_between_two_slices_are_those_of_each(signatures, ticks_per_beat):
    table = np.array(signatures, TIME_SIGNATURE)
    piece = Piece(time_signatures=table, ticks_per_beat=ticks_per_beat)
    for grid in (1, 3, 4):
        metre = Metre.of(piece, grid, longest_bar=8)
        for first, stop in ((0, 0), (0, 1), (0, 200), (3, 70), (61, 5000)):
            expected = metre.position(np.arange(first, stop))
            assert metre.between(first, stop).tolist() == expected.tolist()


@pytest.mark.parametrize("notes", [0, 1, 60, 400])
@pytest.mark.parametrize("longest", [1, 3, 100])
def test_of_the_pitches_of_a_voice_the_one_begun_last_sounds(longest, notes):
    rng = np.random.default_rng(longest)
    voices, length = 3, 100
    begins = np.sort(rng.integers(-20, length, notes))
    ends = np.maximum(begins, 0) + rng.integers(1, longest, notes, endpoint=True)
    ends = np.minimum(ends, length)
    voice, pitch = rng.integers(0, voices, notes), rng.integers(1, 128, notes).astype(np.uint8)
    expected, struck = np.zeros((voices, length), np.uint8), np.zeros((voices, length), bool)
    for k in sorted(range(notes), key=lambda k: (begins[k], pitch[k])):
        expected[voice[k], max(begins[k], 0) : ends[k]] = pitch[k]
        struck[voice[k], begins[k]] |= begins[k] >= 0
    found = newest_pitches(pitch, voice, begins, ends, (voices, length))
    assert (found[0] == expected).all() and (found[1] == struck).all()


@pytest.mark.parametrize("clock", ["beats", "seconds"])
def test_the_edges_of_an_excerpt_are_its_first_position_and_that_of_what_follows(clock):
    piece = Piece.of([(480 * i, 240, 60) for i in range(20)], bpm=90)
    grid = Grid(clock, 10)
    starts = grid.positions(piece, piece.notes["start"]).tolist()
    assert grid.edges(piece) == (0, ENDLESS)
    assert grid.edges(piece.excerpt(5, 9)) == (starts[5], starts[9])
    assert grid.edges(piece.excerpt(5, 20)) == (starts[5], ENDLESS)


@pytest.mark.parametrize("clock", ["beats", "seconds"])
def test_borders_are_the_positions_of_beginnings_and_of_ends(clock):
    piece = Piece.of([(77 * i, 100 + 31 * i, 60) for i in range(20)], bpm=90)
    grid = Grid(clock, 10)
    begins, ends = grid.borders(piece, piece.notes, eighths=7)
    assert begins.tolist() == grid.positions(piece, piece.notes["start"], eighths=7).tolist()
    assert ends.tolist() == grid.positions(piece, piece.ends, eighths=7).tolist()
