import numpy as np
import pytest
import torch

from howlkit import encoder
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.errors import OptionError
from howlkit.head_options import HeadOptions
from howlkit.music.piece import DRUMS, Piece
from howlkit.network.input_state import KEPT
from howlkit.network.sounding import Sounding
from howlkit.testing.networks import stir_weights
from tests.conftest import random_piece
from tests.network.both_steppings import nats_by_both
from tests.network.in_parts import TUPLE, batch, whole_and_in_parts
from tests.network.test_heads import small

EVERYTHING = {
    "repeats": ("all",),
    "relative": True,
    "elapsed": True,
    "pitch_classes": 8,
    "scale": True,
    "harmony": 3,
}


def sounding_at(piece, made=TUPLE):
    """The pitch classes that sound where each note begins, by the module, fed with its shift."""
    steps = batch(made, made.encode(piece)[:-1])
    module = Sounding(made.schema, 8)
    heard, _, _ = module(steps, None, None)
    found = module.profiles(heard[:, :-1], module.shift({n: c[:, 1:] for n, c in steps.items()}))
    return found[0].tolist()


def classes(row):
    return {c for c in range(12) if row[c]}


def test_what_sounds_where_a_note_begins_has_begun_and_not_ended():
    notes = [(0, 960, 60), (0, 480, 64), (480, 480, 67), (960, 240, 72), (1200, 480, 61)]
    rows = sounding_at(Piece.of(notes))
    assert [classes(row) for row in rows] == [set(), {0}, {0}, set(), set()]
    rows = sounding_at(Piece.of([(0, 1920, 48), (0, 1920, 64), (0, 960, 67), (960, 480, 62)]))
    assert [classes(row) for row in rows] == [set(), {0}, {0, 4}, {0, 4}]


def test_the_triad_is_surer_the_more_of_it_sounds():
    rows = sounding_at(Piece.of([(0, 1920, 48), (0, 1920, 52), (0, 1920, 55), (960, 480, 62)]))
    triads = [row[12:] for row in rows]
    assert np.allclose(triads[0], 0, atol=1e-6)  # nothing sounds: no triad is likelier
    assert [t[7] for t in triads] == sorted(t[7] for t in triads)  # G fits C, then C and E
    assert triads[3][7] > 0.5 > triads[3][2]
    for row in triads:
        assert sum(row) == pytest.approx(0, abs=1e-5)


def test_drums_and_notes_long_gone_do_not_count():
    drums = [(0, 1920, 36, 80, DRUMS), (480, 480, 60), (960, 480, 62)]
    assert [classes(row) for row in sounding_at(Piece.of(drums))] == [set(), set(), set()]
    many = [(0, 48000, 40), *((120 + 120 * i, 60, 70) for i in range(KEPT))]
    rows = sounding_at(Piece.of(many))
    assert classes(rows[KEPT - 1]) == {4} and classes(rows[KEPT]) == {4}
    assert classes(sounding_at(Piece.of([*many, (4000, 60, 71)]))[-1]) == set()  # too many since


def test_it_is_what_the_piece_says():
    piece = random_piece(5, 120)
    decoded = TUPLE.decode(TUPLE.encode(piece))
    notes = decoded.notes
    order = np.lexsort((notes["pitch"], notes["program"], notes["start"]))
    notes = notes[order]
    for i, row in enumerate(sounding_at(piece)[: len(notes)]):
        recent = notes[max(i - KEPT, 0) : i]
        recent = recent[recent["program"] != DRUMS]
        ends = recent["start"] + recent["duration"]
        assert classes(row) == set((recent["pitch"][ends > notes[i]["start"]] % 12).tolist())


def test_in_parts_and_rows_of_any_length_it_is_the_same():
    whole, in_parts = whole_and_in_parts(Sounding(TUPLE.schema, 8))
    assert torch.equal(in_parts, whole)


def test_an_encoder_of_several_steps_a_note_is_refused():
    for name in ("remi", "event", "voices", "pianoroll"):
        with pytest.raises(OptionError, match=r"heads.sounding needs .* leave the option out"):
            Lstm(hidden=8).build(encoder(name).schema, HeadOptions(sounding=True))
    for name in ("tuple", "howl"):
        Lstm(hidden=8).build(encoder(name).schema, HeadOptions(sounding=True))


def test_the_head_of_pitch_learns_from_it_and_the_probabilities_sum_to_1():
    network = small(TUPLE.schema, heads={"sounding": True})
    steps = batch(TUPLE, TUPLE.encode(random_piece(1, 40)))
    hidden, _ = network.advance({n: c[:, :-1] for n, c in steps.items()}, None)
    targets = {n: c[:, 1:] for n, c in steps.items()}
    network.nats(hidden, targets)["pitch"].sum().backward()
    assert network.head(TUPLE.schema["pitch"]).intervals.weight.grad.abs().sum() > 0
    stir_weights(network)
    assert network.sounding.weight.abs().sum() > 0
    hidden, _ = network.advance({n: c[:, :6] for n, c in steps.items()}, None)
    every = {n: c[:, 6:7].repeat(128, 1) for n, c in steps.items()}
    every["pitch"] = torch.arange(128)[:, None]
    costs = network.nats(hidden[:, -1:].repeat(128, 1, 1), every)["pitch"]
    assert torch.exp(-costs).sum().item() == pytest.approx(1, abs=1e-4)


def test_a_key_is_scored_by_how_long_it_still_sounds():
    notes = [(0, 960, 60), (0, 480, 64), (240, 480, 67), (480, 240, 60)]  # 20 ticks a position
    steps = batch(TUPLE, TUPLE.encode(Piece.of(notes))[:-1])
    module = Sounding(TUPLE.schema, 8, held=True)
    heard, _, _ = module(steps, None, None)
    shift = module.shift({n: c[:, 1:] for n, c in steps.items()})
    last = module.held_scores(heard[0, 3:4], shift[0, 3:4])[0]  # before the fourth note
    assert torch.nonzero(last)[:, 0].tolist() == [60, 67]  # 64 ends just then
    assert torch.exp(last[[60, 67]]).tolist() == pytest.approx([1 + 24, 1 + 12])
    plain = Sounding(TUPLE.schema, 8)(steps, None, None)[0]
    assert torch.equal(plain[..., KEPT:], heard[..., KEPT:])
    assert torch.equal(
        plain[..., :KEPT], (heard[..., :KEPT] % 12).where(heard[..., :KEPT] >= 0, -1)
    )


def test_held_keys_need_whole_pitches_and_what_sounds():
    octaves = encoder("tuple", pitch="octave").schema
    with pytest.raises(OptionError, match=r"heads.held needs .* leave the option out"):
        Lstm(hidden=8).build(octaves, HeadOptions(sounding=True, held=True))
    for without in ({}, {"sounding": True, "chained": False}):
        with pytest.raises(OptionError, match="heads.held"):
            HeadOptions(held=True, **without)


def test_the_head_of_pitch_learns_from_held_keys():
    network = small(TUPLE.schema, heads={"sounding": True, "held": True})
    steps = batch(TUPLE, TUPLE.encode(random_piece(1, 40)))
    hidden, _ = network.advance({n: c[:, :-1] for n, c in steps.items()}, None)
    network.nats(hidden, {n: c[:, 1:] for n, c in steps.items()})["pitch"].sum().backward()
    assert network.head(TUPLE.schema["pitch"]).held.bias.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "options", "heads"),
    [
        ("tuple", {}, {}),
        ("tuple", {}, EVERYTHING),
        ("tuple", {"pitch": "octave", "pedals": True}, {"intervals": True}),
        ("tuple", {}, {"chained": False, "harmony": 3}),
        ("tuple", {}, {"skip": True, "input": 24}),
        ("howl", {}, {"pitch_classes": 8}),
        ("tuple", {}, {**EVERYTHING, "held": True}),
        ("tuple", {}, {"held": True, "pulse": 8}),
        ("howl", {}, {"held": True}),
    ],
)
@pytest.mark.parametrize("rows", [1, 3])
def test_compiled_steps_hear_what_torch_hears(name, options, heads, rows):
    made, model = encoder(name, **options), Lstm(hidden=16, dropout=0.0)
    torch.manual_seed(0)
    options = HeadOptions(embedding=4, width=8, sounding=True, **heads)
    network = stir_weights(model.build(made.schema, options).eval())
    plain, compiled = nats_by_both(network, made, model, rows)
    assert np.allclose(plain, compiled, atol=0.02)  # as without it
