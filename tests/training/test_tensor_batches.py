"""Batches of tensors, for a training loop of one's own."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import howlkit as door
from howlkit.errors import ArgumentError, DataError
from howlkit.head_options import HeadOptions
from howlkit.music.piece import DRUMS, Piece
from howlkit.network import likelihood
from howlkit.training import baseline_nats, batches, collate, unigram
from howlkit.training.windows import Position, Windows
from tests.conftest import random_piece, tune

PIECES = [random_piece(seed, notes) for seed, notes in enumerate([5, 40, 333, 64, 200, 1, 90])]
SMALL = {"window": 16, "batch": 3, "seed": 1}


def counted(batch, name):
    return batch.targets[name][batch.counted & (batch.targets["mark"] == 0)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return door.prepare(PIECES, tmp_path_factory.mktemp("loop") / "data", quiet=True)


@pytest.mark.parametrize("carry", [1, 4])
def test_an_epoch_has_every_note_once_and_an_end_of_each_piece(carry):
    some = list(batches(PIECES, "tuple", epochs=1, carry=carry, **SMALL))
    pitches = torch.cat([counted(batch, "pitch") for batch in some])
    expected = np.concatenate([piece.notes["pitch"] for piece in PIECES])
    assert sorted(pitches.tolist()) == sorted(expected.tolist())
    ends = sum(int(((b.targets["mark"] == 1) & b.counted).sum()) for b in some)
    assert ends == len(PIECES)


def test_batches_are_those_of_the_trainer():
    encoder = door.encoder("tuple")
    counts = np.array([len(piece) for piece in PIECES])
    windows = Windows(PIECES.__getitem__, counts, encoder, notes=16, carry=4, rows=3, seed=1)
    stream = batches(PIECES, encoder, carry=4, **SMALL)
    segments = windows.segments(Position())
    for segment in (next(segments) for _ in range(9)):
        for number, (window, batch) in enumerate(zip(segment.batches, stream, strict=False)):
            assert batch.begins == (number == 0) and batch.epoch == segment.epoch
            assert np.array_equal(batch.targets["pitch"].numpy(), window.targets["pitch"])
            assert batch.lengths.tolist() == window.lengths.tolist()
            assert batch.inputs["pitch"].dtype == torch.int64
            if number + 1 == len(segment.batches):
                break


def test_rows_go_on_where_they_stopped_until_a_batch_begins():
    before = None
    for batch in batches(PIECES, "tuple", epochs=1, carry=4, **SMALL):
        if batch.begins:
            assert (batch.lengths > 0).all()
        else:
            going = batch.lengths > 0
            last, first = before.targets["pitch"][:, -1], batch.inputs["pitch"][:, 0]
            assert torch.equal(last[going], first[going])
        before = batch


def test_epochs_differ_are_counted_and_can_be_begun_anywhere():
    three = list(batches(PIECES, "tuple", epochs=3, augment="transpose", **SMALL))
    assert {batch.epoch for batch in three} == {0, 1, 2}
    last = list(batches(PIECES, "tuple", epochs=1, first_epoch=2, augment=["transpose"], **SMALL))
    expected = [batch for batch in three if batch.epoch == 2]
    assert len(last) == len(expected)
    for one, other in zip(last, expected, strict=True):
        assert torch.equal(one.inputs["pitch"], other.inputs["pitch"])
    first = [batch for batch in three if batch.epoch == 0]
    assert not torch.equal(first[0].inputs["pitch"], last[0].inputs["pitch"])


def test_equal_seeds_give_equal_batches_whoever_prepares_them(data):
    music = data.part("train")
    alone = list(batches(music, "tuple", augment=door.augmenter("velocity"), epochs=1, **SMALL))
    in_two = batches(
        music, "tuple", augment=door.augmenter("velocity"), epochs=1, workers=2, **SMALL
    )
    for one, other in zip(alone, in_two, strict=True):
        assert torch.equal(one.targets["velocity"], other.targets["velocity"])
    other = next(batches(music, "tuple", epochs=1, **(SMALL | {"seed": 2})))
    assert not torch.equal(other.inputs["pitch"], alone[0].inputs["pitch"])


def test_rows_without_music_are_left_out():
    without_drums = door.encoder("tuple", programs=False)
    drums = Piece.of([(0, 100, 40, 90, DRUMS), (100, 100, 41, 90, DRUMS)])
    (batch,) = batches([drums, tune(0, 1), drums], without_drums, epochs=1)
    assert len(batch.lengths) == 1 and batch.lengths.min() > 0


def test_bits_and_derived_fields_are_columns():
    batch = next(batches([tune()], "pianoroll", batch=1, window=32))
    schema = door.encoder("pianoroll").schema
    assert set(batch.inputs) == {field.name for field in schema.columns}
    bits = next(field for field in schema.fields if field.kind == "bits")
    assert batch.inputs[bits.name].dtype == torch.uint8
    assert batch.inputs[bits.name].shape == (*batch.inputs["mark"].shape, bits.n)


def test_a_batch_moves_to_a_device():
    moved = next(batches([tune()], "tuple", batch=1)).to("meta")
    assert moved.inputs["pitch"].is_meta and moved.lengths.is_meta and moved.begins


def test_whole_pieces_are_collated_as_they_are_priced():
    """The network's forward over collated pieces is what `score` finds."""
    encoder = door.encoder("event")
    torch.manual_seed(0)
    network = door.model("lstm", hidden=16).build(encoder.schema, HeadOptions()).eval()
    loader = DataLoader(
        [encoder.encode(piece) for piece in PIECES],
        batch_size=3,
        collate_fn=partial(collate, encoder.schema),
    )
    with torch.inference_mode():
        nats = sum(network(b.inputs, b.targets, b.lengths, None)[0] for b in loader)
    scores = likelihood.score(network, likelihood.encode_all(encoder, PIECES))
    np.testing.assert_allclose(nats.numpy(), scores.nats.sum(0), rtol=1e-4)


def test_the_baseline_is_that_of_training(data):
    encoder = door.encoder("tuple")
    counts = unigram(encoder, data.part("train"))
    trained = door.train(
        data, steps=1, options={"lstm.hidden": 16, "training.batch": 2}, quiet=True,
        out_dir=data.path.parent / "run",
    )  # fmt: skip
    nats = baseline_nats(encoder, counts, data.part("validation"))
    assert nats == pytest.approx(trained.facts["baseline_nats_per_note"])
    with pytest.raises(DataError, match="no notes"):
        baseline_nats(encoder, counts, [Piece()])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"music": "my_midi"}, r"music is 'my_midi'; pieces are needed: data\.part\('train'\)"),
        ({"music": [tune(), 3]}, "pieces are needed"),
        ({"window": 1}, "window is 1; a whole number is needed, 2 or more"),
        ({"batch": 2.5}, "batch is 2.5"),
        ({"carry": True}, "carry is True"),
        ({"epochs": 0}, "epochs is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_what_is_wrong_is_said_at_the_call(arguments, message):
    given = {"music": PIECES, "encoder": "tuple"} | arguments
    with pytest.raises(ArgumentError, match=message):
        batches(**given)


def test_a_whole_dataset_is_refused(data):
    with pytest.raises(ArgumentError, match=r"kept for validation and testing; give a part"):
        batches(data, "tuple")


def test_music_without_notes_and_rows_that_are_no_steps_are_refused():
    with pytest.raises(DataError, match="finds no notes"):
        next(batches([Piece()], "tuple"))
    schema = door.encoder("tuple").schema
    for rows, message in (
        ([tune()], "a row is a Piece that is no array of steps"),
        ([door.encoder("event").encode(tune())], "a row is a ndarray that is no array of steps"),
        ([], "give rows with steps"),
    ):
        with pytest.raises(ArgumentError, match=message):
            collate(schema, rows)
