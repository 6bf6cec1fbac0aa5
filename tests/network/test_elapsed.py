"""How many steps ago a piece began: the same for a window within it as for the whole piece."""

import numpy as np
import pytest
import torch

from howlkit import encoder
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.music.piece import Piece
from howlkit.network.elapsed import class_of
from howlkit.network.input_state import EDGES, ELAPSED
from howlkit.network.network import Network
from howlkit.schema import END, START, Field, Schema
from howlkit.training.windows import Position, Windows
from tests.network.test_heads import small

SCHEMA = Schema((Field("pitch", 12),))


def steps_of(length):
    steps = {"mark": torch.zeros(1, length, dtype=torch.long)}
    steps["mark"][0, 0], steps["mark"][0, -1] = START, END
    return steps | {"pitch": torch.zeros(1, length, dtype=torch.long)}


def elapsed_network(**heads: float) -> Network:
    network = small(SCHEMA, heads={"elapsed": True, **heads})
    torch.nn.init.normal_(network.elapsed.weight)
    return network


def test_classes_grow_by_quarters_of_an_octave():
    steps = torch.tensor([0, 3, 4, 7, 8, 16, 1024])
    assert class_of(steps).tolist() == [0, 0, 1, 4, 5, 9, 33]


@pytest.mark.parametrize("scale", [1 / 4, 1.0])
def test_the_input_is_the_scaled_sum_of_the_edges_that_were_passed(scale):
    network = elapsed_network(elapsed_scale=scale)
    steps = steps_of(21)
    added, state = network.elapsed(steps, None, None)
    assert state[ELAPSED].tolist() == [19]  # neither start nor end is counted
    for row, passed in ((0, 0), (3, 0), (4, 1), (8, 5), (19, 9)):
        expected = scale * network.elapsed.weight[:passed].sum(0)
        assert torch.allclose(added[0, row], expected, atol=1e-5), row


def test_music_longer_than_what_was_trained_on_gets_what_the_longest_got():
    network = small(SCHEMA, heads={"elapsed": True})
    with torch.no_grad():
        network.elapsed.weight[:9] = 1.0  # all that pieces of 16 steps reach
    sums = network.elapsed.sums()
    assert torch.equal(sums[9:], sums[9].expand(EDGES + 1 - 9, -1)) and sums[9, 0] == 9 / 4


def test_a_window_within_a_piece_is_told_where_it_begins():
    network, steps = elapsed_network(), steps_of(300)
    whole, end = network.elapsed(steps, None, None)
    part = {name: column[:, 200:] for name, column in steps.items()}
    state = network.start_state(torch.tensor([199]))  # row 0 is the start, so 199 come before
    there, after = network.elapsed(part, state, None)
    assert torch.equal(there, whole[:, 200:]) and torch.equal(after[ELAPSED], end[ELAPSED])
    with torch.no_grad():
        # A state that says nothing else is as none at all for the backbone.
        hidden, _ = network.advance(part, state)
        assert not torch.allclose(hidden, network.advance(part, None)[0])
    assert small(SCHEMA).start_state(torch.tensor([199])) is None


def test_training_tells_each_tile_how_many_steps_come_before_it():
    lengths = np.array([40, 333, 200])
    pieces = [Piece.of([(480 * i, 480, 60 + i % 12) for i in range(n)]) for n in lengths]
    windows = Windows(pieces.__getitem__, lengths, Tuple(), notes=16, carry=4, rows=3)
    within = 0
    for plan, segment in zip(windows.plans(Position()), windows.segments(Position()), strict=False):
        for (piece, first, _), elapsed in zip(plan.tiles, segment.elapsed, strict=True):
            # A note is a step here, and the step before a tile is its first row.
            assert elapsed == max(first - 1, 0), (piece, first)
            within += first > 0
        if segment.after.epoch:
            break
    assert within > 5


def test_an_encoder_of_several_steps_a_note_is_told_about_as_many():
    piece = Piece.of([(480 * i, 480, 60 + i % 12) for i in range(300)])
    remi = encoder("remi")
    windows = Windows(lambda _: piece, np.array([300]), remi, notes=16, carry=4, rows=8)
    plan, segment = (next(of(Position())) for of in (windows.plans, windows.segments))
    for (_, first, _), elapsed in zip(plan.tiles, segment.elapsed, strict=True):
        steps = len(remi.encode(piece.excerpt(0, int(first)))) - 1 if first else 0
        assert elapsed == pytest.approx(steps, rel=0.05, abs=4)
