import numpy as np
import pytest
import torch

from howlkit import encoder
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.errors import OptionError
from howlkit.head_options import HeadOptions
from howlkit.music.piece import Piece
from howlkit.network.pulse import Pulse
from howlkit.testing.networks import stir_weights
from tests.conftest import random_piece
from tests.network.both_steppings import nats_by_both
from tests.network.in_parts import TUPLE, batch, whole_and_in_parts
from tests.network.test_heads import small

EVERYTHING = {
    "repeats": ("all",),
    "repeats_by": "beats",
    "votes": True,
    "relative": True,
    "elapsed": True,
    "pitch_classes": 8,
    "sounding": True,
}


def shares_of(piece, half_life=4, made=TUPLE):
    """(T, D) the shares after each step, the start row left out."""
    module = Pulse(made.schema, half_life, 8)
    return module(batch(made, made.encode(piece)[:-1]), None, None)[0][0, 1:].numpy()


def test_shares_are_seen_from_the_last_note_and_decay_note_by_note():
    begins = [40, 520, 1000, 1040, 1240]  # ticks, 20 a position; no note is on a beat of the file
    rows = shares_of(Piece.of([(tick, 240, 60 + i) for i, tick in enumerate(begins)]))
    half = 2 ** (-1 / 4)
    assert rows[2][0] == pytest.approx((1 + half + half**2) / (2 + half + half**2))
    assert np.count_nonzero(rows[2]) == 1  # all at one place, wherever in the file's beat it is
    late = 2  # positions from the place of the first three to the fourth note
    assert np.flatnonzero(rows[3]).tolist() == [0, 24 - late]
    assert rows[3][24 - late] > rows[3][0]
    assert np.flatnonzero(rows[4]).tolist() == [0, 12, 12 + late]


def test_notes_in_a_chord_and_drums_count_and_ends_do_not():
    drum = Piece.of([(0, 240, 36, 80, 128), (0, 240, 60), (240, 240, 60)])
    rows = shares_of(drum)
    assert rows[1][0] > 0.5 and rows[2][12] > rows[2][0] > 0
    pedals = encoder("tuple", pedals=True)
    piece = random_piece(3, 40)
    module = Pulse(pedals.schema, 8, 8)
    steps = batch(pedals, pedals.encode(piece))
    kinds = steps["kind"][0] if "kind" in steps else torch.zeros(1)
    assert len(module(steps, None, None)[0][0]) == len(kinds)


def test_a_shift_is_scored_by_the_place_that_it_leads_to():
    module = Pulse(TUPLE.schema, 4, 8)
    assert [field.name for field in module.fields] == ["shift_fine"]  # the other has whole beats
    shares = torch.zeros(1, 24)
    shares[0, 6], shares[0, 0] = 0.5, 0.25
    given = {"shift": torch.tensor([3])}
    scores = module.scores(TUPLE.schema["shift_fine"], shares, given)[0]
    assert scores.argmax() == 6 and scores[0] > scores[1] == 0
    assert scores[6].item() == pytest.approx(np.log1p(0.5 / 0.002), rel=1e-5)


def test_in_parts_and_rows_of_any_length_it_is_the_same():
    whole, in_parts = whole_and_in_parts(Pulse(TUPLE.schema, 16, 8))
    assert torch.allclose(in_parts, whole, atol=1e-6)


def test_an_encoder_without_beats_is_refused():
    for made in (encoder("remi"), encoder("tuple", clock="seconds")):
        with pytest.raises(OptionError, match=r"heads.pulse needs .* leave the option out"):
            Lstm(hidden=8).build(made.schema, HeadOptions(pulse=16))


def test_a_head_learns_from_it_and_the_probabilities_sum_to_1():
    network = small(TUPLE.schema, heads={"pulse": 16})
    steps = batch(TUPLE, TUPLE.encode(random_piece(1, 40)))
    hidden, _ = network.advance({n: c[:, :-1] for n, c in steps.items()}, None)
    targets = {n: c[:, 1:] for n, c in steps.items()}
    network.nats(hidden, targets)["shift_fine"].sum().backward()
    assert network.head(TUPLE.schema["shift_fine"]).pulse.bias.grad.abs().sum() > 0
    stir_weights(network)
    hidden, _ = network.advance({n: c[:, :6] for n, c in steps.items()}, None)
    every = {n: c[:, 6:7].repeat(24, 1) for n, c in steps.items()}
    every["shift_fine"] = torch.arange(24)[:, None]
    costs = network.nats(hidden[:, -1:].repeat(24, 1, 1), every)["shift_fine"]
    assert torch.exp(-costs).sum().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "heads"),
    [
        ({}, {}),
        ({}, EVERYTHING),
        ({"pitch": "octave", "pedals": True}, {"intervals": True}),
        ({}, {"chained": False, "harmony": 3}),
        ({}, {"skip": True, "input": 24}),
    ],
)
@pytest.mark.parametrize("rows", [1, 3])
def test_compiled_steps_keep_the_pulse_that_torch_keeps(options, heads, rows):
    made, model = encoder("tuple", **options), Lstm(hidden=16, dropout=0.0)
    torch.manual_seed(0)
    options = HeadOptions(embedding=4, width=8, pulse=8, **heads)
    network = stir_weights(model.build(made.schema, options).eval())
    plain, compiled = nats_by_both(network, made, model, rows)
    assert np.allclose(plain, compiled, atol=0.02)  # as without it
