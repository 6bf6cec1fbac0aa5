import pytest

from howlkit.builtin.encoders.shared.grid import ENDLESS, Grid
from howlkit.music.piece import Piece


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
