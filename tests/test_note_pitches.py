import numpy as np
import pytest

from howlkit import encoder
from howlkit.music.piece import DRUMS
from howlkit.note_pitches import NotePitches
from howlkit.schema import Schema
from tests.conftest import random_piece


@pytest.mark.parametrize(
    ("name", "field", "first", "pitch"),
    [
        ("tuple", "pitch", 60, 60),
        ("event", "event", 60, 60),
        ("remi", "pitch", 60, 60),
        ("howl", "pitch", 60, 60),
        ("pianoroll", "onset", 0, 21),
        ("voices", "voice1", 2, 21),
    ],
)
def test_every_encoder_that_comes_along_says_which_notes_its_values_begin(
    name, field, first, pitch
):
    notes = encoder(name).schema.notes()
    assert notes.pitches[field][first] == pitch
    assert notes.pitches[field].max() <= 127


def test_what_ends_a_note_or_sets_a_loudness_begins_none():
    notes = encoder("event").schema.notes()
    assert set(notes.pitches) == {"event"}  # the program does not say which pitch
    assert notes.pitches["event"][:128].tolist() == list(range(128))
    assert (notes.pitches["event"][128:] == -1).all()
    assert np.flatnonzero(notes.drums["program"]).tolist() == [DRUMS]
    assert encoder("tuple", programs=False).schema.notes().drums == {}


def test_the_notes_that_values_begin_are_those_of_the_piece():
    piece = random_piece(3, 60)
    for name in ("tuple", "event", "remi"):
        made = encoder(name, programs=False)
        steps, pitches = made.encode(piece), made.schema.notes().pitches
        begun = []
        for field, of_value in pitches.items():
            active = made.schema.active(made.schema[field], steps)
            begun += of_value[steps[field][active]].tolist()
        expected = made.decode(steps).notes["pitch"].tolist()
        assert sorted(p for p in begun if p >= 0) == sorted(expected), name


def test_a_schema_says_nothing_of_notes_by_itself_and_compares_without_it():
    schema = encoder("tuple").schema
    alone = Schema(schema.fields, schema.clock)
    assert alone.notes is None and alone == schema
    assert isinstance(schema.notes(), NotePitches)
