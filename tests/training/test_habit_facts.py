"""What a run says of the habits of its training music."""

import json

import numpy as np
import pytest

import howlkit as door
from howlkit.builtin.encoders.event.encoder import Event
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.dataset import Dataset, prepare
from howlkit.music import PEDAL, Piece, midi
from howlkit.music.tables import DRUMS
from howlkit.training import habit_facts
from howlkit.training.facts import facts_of
from howlkit.training.habit_facts import habits_of_pieces
from tests.conftest import tune

SCALE = [(480 * n, 480, 48 + n) for n in range(40)]


def test_habits_are_those_of_the_pieces():
    chords = Piece.of([(960 * n, 960, 50 + k + n % 2) for n in range(20) for k in (0, 4, 7)])
    found = habits_of_pieces(Tuple(), [Piece.of(SCALE), chords])
    assert found == {
        "pieces": 2,
        "restrikes": 0.0,
        "restrikes_played": 0.0,
        "longest": {"beats": 2.0, "seconds": 1.0},
        "polyphony": 3,
        "typical_polyphony": 2.0,
        "loop_copies": pytest.approx(1 + (59 - 12) / 12),  # of moves, 12 notes later
    }


def test_a_melody_doubled_on_another_track_is_struck_twice_only_as_the_encoder_plays_it():
    """Encoder tuple has a track for each program."""
    doubled = Piece.of([*((*note, 80, 0, 0) for note in SCALE), (0, 480, 48, 80, 0, 1)])
    found = habits_of_pieces(Tuple(), [doubled])
    assert (found["restrikes"], found["restrikes_played"]) == (0.0, pytest.approx(1 / 41))


def test_lengths_are_those_that_the_encoder_plays_with_the_pedal():
    held = Piece.of(SCALE).replace(pedals=np.array([(0, 480 * 8, 0)], PEDAL))
    lengths = {
        encoder.sustain: habits_of_pieces(encoder, [held])
        for encoder in (Event(clock="beats"), Event(clock="beats", sustain="none"))
    }
    assert lengths["extend"]["longest"]["beats"] == 8.0 and lengths["extend"]["polyphony"] == 8
    assert lengths["none"]["longest"]["beats"] == 1.0 and lengths["none"]["polyphony"] == 1


def test_a_slip_in_a_thousand_notes_does_not_count():
    notes = [(480 * n, 480, 48 + n % 40) for n in range(2000)]
    slip = Piece.of([*notes, (0, 480 * 12, 100)])
    found = habits_of_pieces(Tuple(), [slip])
    assert found["longest"]["beats"] == 1.0 and found["polyphony"] == 2


def test_music_without_notes_or_with_drums_only_has_no_lengths():
    drums = Piece.of([(480 * n, 120, 36, 80, DRUMS) for n in range(60)])
    for pieces, loops in (([], None), ([Piece()], 1.0), ([drums], 7.375)):
        found = habits_of_pieces(Tuple(), pieces)
        assert found["longest"] is None and found["polyphony"] is None
        assert found["restrikes"] is None and found["restrikes_played"] is None
        assert found["loop_copies"] == loops and found["pieces"] == len(pieces)


def test_a_run_says_the_habits_of_its_training_part(tmp_path, monkeypatch):
    for seed in range(12):
        midi.write(tune(seed), tmp_path / f"{seed}.mid")
    prepare([tmp_path], tmp_path / "data")
    data, encoder = Dataset(tmp_path / "data"), Tuple()
    part = [data.piece(int(index)) for index in data.indices("train")]
    said = facts_of(encoder, data)["habits"]
    assert said == habits_of_pieces(encoder, part)
    assert json.loads(json.dumps(said)) == said
    monkeypatch.setattr(habit_facts, "MOST_NOTES", len(part[0]) + 1)
    assert habit_facts.habit_facts(encoder, data)["pieces"] < len(part)
    monkeypatch.setattr(habit_facts, "MOST_PIECES", 1)
    assert habit_facts.habit_facts(encoder, data)["pieces"] == 1


def test_keys_struck_again_are_counted_in_every_piece(tmp_path, monkeypatch):
    pieces = []
    for seed in range(12):
        struck = [(480 * n, 960, 48) for n in range(seed + 2)]
        pieces.append(tune(seed).join(Piece.of(struck)))
    data = door.prepare(pieces, tmp_path / "data", quiet=True)
    part = list(data.pieces("train"))
    shares = [habits_of_pieces(Tuple(), [piece])["restrikes"] for piece in part]
    monkeypatch.setattr(habit_facts, "MOST_PIECES", 1)
    found = habit_facts.habit_facts(Tuple(), data)
    assert found["pieces"] == 1 and found["restrikes"] not in shares
    assert found["restrikes"] == habits_of_pieces(Tuple(), part)["restrikes"] > 0
