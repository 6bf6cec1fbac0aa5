import math

import numpy as np
import pytest
import torch

from howlkit import encoder
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.errors import OptionError
from howlkit.head_options import HeadOptions
from howlkit.music.piece import DRUMS, Piece
from howlkit.network.lag_votes import LagVotes
from howlkit.network.repeat_scores import SCORES
from howlkit.network.repeats_by_beats import RepeatsByBeats
from howlkit.network.vote_fields import VoteFields
from howlkit.testing.networks import EVERY_INPUT, stir_weights
from tests.conftest import random_piece
from tests.network.both_steppings import nats_by_both
from tests.network.test_heads import small

TUPLE = encoder("tuple")
ASKED = {"repeats": ("program", "pitch"), "repeats_by": "beats", "votes": True}


def batch(made, *tables):
    names = made.schema.dtype.names
    return {n: torch.from_numpy(np.stack([t[n] for t in tables]).astype(np.int64)) for n in names}


def votes_for(piece, field="pitch", lag=1, **weights):
    """What each note's values are given, (notes, n), each vote of weight 1 unless said."""
    steps = batch(TUPLE, TUPLE.encode(piece)[:-1])
    module = LagVotes(TUPLE.schema, HeadOptions(**ASKED, repeats_lag=lag))
    search = RepeatsByBeats(TUPLE.schema, ASKED["repeats"], lag, votes=module.fields)
    heard = torch.cat(search(steps, None, None)[0].heard, -1)[0, :-1]
    with torch.no_grad():
        module.by_score[:] = weights.get("by_score", torch.zeros_like(module.by_score))
        module.by_lag[:] = weights.get("by_lag", torch.zeros_like(module.by_lag))
        votes = module.begin(heard, 0)
        return votes.of(TUPLE.schema[field], {n: c[0, 1:] for n, c in steps.items()}).expm1()


def voted(row):
    return {int(p): round(row[p].item(), 3) for p in row.nonzero()[:, 0]}


def test_notes_whole_half_beats_before_vote_for_their_pitches():
    # A beat is 480 ticks. The last note is 2, 1.5, 1 and 0.75 beats after the others.
    notes = [(0, 100, 60), (240, 100, 64), (480, 100, 60), (600, 100, 67), (960, 100, 72)]
    assert voted(votes_for(Piece.of(notes))[4]) == {60: 2.0, 64: 1.0}
    assert voted(votes_for(Piece.of(notes), lag=3)[4]) == {60: 1.0, 64: 1.0}
    assert voted(votes_for(Piece.of(notes))[3]) == {}  # nothing on the same half of a beat


def test_notes_that_begin_with_it_do_not_vote():
    chord = [(0, 480, 48), (480, 480, 60), (480, 480, 64), (480, 480, 67)]
    assert [voted(row) for row in votes_for(Piece.of(chord))] == [{}, *3 * [{48: 1.0}]]


def test_only_notes_of_the_same_instrument_vote():
    notes = [(0, 100, 36, 80, DRUMS), (0, 100, 60, 80, 0), (480, 100, 62, 80, 0)]
    notes += [(960, 100, 36, 80, DRUMS)]
    rows = [voted(row) for row in votes_for(Piece.of(notes))]
    assert rows[2] == {60: 1.0} and rows[3] == {36: 1.0}


def test_notes_of_the_pitch_decided_vote_for_its_details():
    notes = [(0, 100, 60, 50), (0, 100, 64, 60), (480, 200, 60, 70), (960, 300, 60, 80)]
    piece = Piece.of(notes)
    values = TUPLE.encode(piece)["velocity"][1:].tolist()  # of the notes, after the start
    assert voted(votes_for(piece, "velocity")[3]) == {values[0]: 1.0, values[2]: 1.0}
    lengths = TUPLE.encode(piece)["duration"][1:].tolist()
    assert voted(votes_for(piece, "duration")[2]) == {lengths[0]: 1.0}
    assert voted(votes_for(piece, "program")[3]) == {0: 3.0}


def test_a_vote_weighs_as_its_lag_is_long_and_good():
    tune = [(480 * i, 400, pitch) for i, pitch in enumerate([60, 62, 64, 60, 62, 67])]
    by_lag = torch.zeros(256)
    by_lag[5] = math.log(3)  # three beats
    last = votes_for(Piece.of(tune), by_lag=by_lag)[5]
    assert voted(last) == {60: 2.0, 62: 2.0, 64: 3.0}
    by_score = torch.zeros(len(SCORES["beats"]) + 1)
    by_score[2] = math.log(5)  # two notes in a row came three beats before
    assert voted(votes_for(Piece.of(tune), by_score=by_score)[5]) == {60: 2.0, 62: 2.0, 64: 5.0}


def test_the_weights_of_votes_are_learnt_and_the_probabilities_sum_to_1():
    network = small(TUPLE.schema, heads=ASKED)
    steps = batch(TUPLE, TUPLE.encode(random_piece(1, 60)))
    inputs, targets = ({n: c[:, cut] for n, c in steps.items()} for cut in (np.s_[:-1], np.s_[1:]))
    head = network.head(TUPLE.schema["pitch"])
    network.nats(network.advance(inputs, None)[0], targets)["pitch"].sum().backward()
    assert head.gain.bias.grad.abs() > 0
    stir_weights(network)
    network.zero_grad()
    hidden, _ = network.advance(inputs, None)
    network.nats(hidden, targets)["pitch"].sum().backward()
    assert network.hints.votes.by_score.grad.abs().sum() > 0
    assert network.hints.votes.by_lag.grad.abs().sum() > 0
    every = {n: c[:, 30:31].repeat(128, 1) for n, c in targets.items()}
    every["pitch"] = torch.arange(128)[:, None]
    costs = network.nats(hidden[:, 30:31].repeat(128, 1, 1), every)["pitch"]
    assert torch.exp(-costs).sum().item() == pytest.approx(1, abs=1e-4)


def test_in_parts_and_rows_of_any_length_it_is_the_same():
    tables = [TUPLE.encode(random_piece(seed, 80))[:60] for seed in range(3)]
    fields = VoteFields(TUPLE.schema, HeadOptions(**ASKED))
    search = RepeatsByBeats(TUPLE.schema, ASKED["repeats"], 1, votes=fields)
    whole = torch.cat(search(batch(TUPLE, *tables), None, None)[0].heard, -1)
    assert whole.shape == (3, 60, fields.width)
    cuts, state, found = np.zeros(3, int), None, [[], [], []]
    for lengths in ([7, 1, 30], [40, 0, 30], [13, 59, 0]):
        part = [np.resize(t[c:], max(lengths)) for t, c in zip(tables, cuts, strict=True)]
        match, state = search(batch(TUPLE, *part), state, torch.tensor(lengths))
        for row, length in enumerate(lengths):
            found[row].append(torch.cat(match.heard, -1)[row, :length])
        cuts += lengths
    assert all(torch.equal(torch.cat(parts), whole[row]) for row, parts in enumerate(found))


@pytest.mark.parametrize(
    "heads",
    [
        {"votes": True},
        {"votes": True, "repeats": ("all",)},
        {"votes": True, "repeats_by": "beats"},
        ASKED | {"chained": False},
    ],
)
def test_votes_without_lags_in_beats_are_refused(heads):
    with pytest.raises(OptionError, match=r"heads.votes .* or leave out heads.votes"):
        HeadOptions(**heads)


@pytest.mark.parametrize(
    ("options", "heads"),
    [
        ({}, {}),
        ({}, EVERY_INPUT | {"sounding": True}),
        ({"pitch": "octave", "pedals": True}, {"repeats": ("all",), "repeats_lag": 5}),
        ({}, {"skip": True, "input": 24, "sounding": True}),
        ({}, {"ordered": "logistics"}),
    ],
)
@pytest.mark.parametrize("rows", [1, 3])
def test_compiled_steps_count_the_votes_that_torch_counts(options, heads, rows):
    made = encoder("tuple", **options)
    model = Lstm(hidden=16, dropout=0.0)
    torch.manual_seed(0)
    asked = HeadOptions(**({"embedding": 4, "width": 8} | ASKED | heads | {"repeats_by": "beats"}))
    network = stir_weights(model.build(made.schema, asked).eval())
    plain, compiled = nats_by_both(network, made, model, rows)
    assert np.allclose(plain, compiled, atol=0.02)
