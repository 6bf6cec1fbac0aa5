"""Pieces to files: what is written is read again to the tick."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howlkit.errors import MidiError
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, KEY_SIGNATURE, NOTE, PEDAL, TEMPO, TIME_SIGNATURE
from tests.midi_bytes import EVERYTHING, first_in_first_out, rows

ticks = st.one_of(st.integers(0, 50), st.integers(0, 2**30))


def maps(dtype, *values):
    """Return tables of `dtype` by rising tick, with each other column drawn from `values`."""
    drawn = st.lists(st.tuples(ticks, *values), unique_by=lambda row: row[0], max_size=5)
    return drawn.map(lambda found: np.array(sorted(found), dtype))


@st.composite
def pieces(draw):
    note = st.tuples(
        ticks,
        st.one_of(st.integers(1, 60), st.integers(1, 2**30 - 1)),  # no end beyond MAX_TICK
        st.integers(58, 62) | st.integers(0, 127),
        st.integers(1, 127),
        st.sampled_from([0, 1, 40, 127, DRUMS]),
        st.integers(0, 3),
    )
    return Piece(
        np.array(draw(st.lists(note, max_size=40)), NOTE),
        ticks_per_beat=draw(st.integers(1, 32767)),
        tempos=draw(maps(TEMPO, st.integers(1, 2**24 - 1))),
        time_signatures=draw(
            maps(TIME_SIGNATURE, st.integers(1, 255), st.sampled_from([2**k for k in range(8)]))
        ),
        key_signatures=draw(maps(KEY_SIGNATURE, st.integers(-7, 7), st.integers(0, 1))),
    )


@settings(max_examples=200, deadline=None)
@given(pieces())
def test_whatever_is_written_is_read_again_to_the_tick(piece):
    back = midi.read_bytes(midi.to_bytes(piece), limits=EVERYTHING)
    assert back == piece.replace(notes=first_in_first_out(piece))


def test_a_piece_of_one_program_a_track_comes_back_equal(tmp_path):
    notes = [
        (0, 480, 60, 1, 0, 0),
        (480, 480, 60, 127, 0, 0),  # touches the one before
        (480, 240, 60, 5, 40, 1),
        (480, 240, 60, 5, 40, 2),
        (0, 1, 35, 90, DRUMS, 3),
        (0, 9, 127, 90, 127, 4),
    ]
    pedals = np.array([(0, 100, 0), (50, 20, 2), (100, 30, 0), (100, 900, 4)], PEDAL)
    piece = Piece.of(notes, bpm=90, ticks_per_beat=96).replace(
        pedals=pedals,
        time_signatures=np.array([(0, 6, 8), (96, 255, 128)], TIME_SIGNATURE),
        key_signatures=np.array([(0, -7, 1), (3, 7, 0)], KEY_SIGNATURE),
    )
    midi.write(piece, tmp_path / "x.mid")
    back = midi.inspect(tmp_path / "x.mid")
    assert back.piece == piece
    assert back.piece.name == "x.mid"
    assert back.repairs == {}


def test_an_empty_piece_comes_back_empty():
    assert midi.read_bytes(midi.to_bytes(Piece())) == Piece()


def test_waits_longer_than_a_delta_time_can_say_are_kept():
    piece = Piece.of([(0, 2**31 - 1, 60), (2**31 - 2, 1, 61)], ticks_per_beat=32767)
    assert midi.read_bytes(midi.to_bytes(piece), limits=EVERYTHING) == piece


def test_nested_notes_of_one_pitch_end_first_in_first_out():
    nested = Piece.of([(0, 100, 60, 10), (20, 30, 60, 99)])
    assert rows(midi.read_bytes(midi.to_bytes(nested))) == [
        (0, 50, 60, 10, 0, 0),
        (20, 80, 60, 99, 0, 0),
    ]


def test_notes_of_one_pitch_that_begin_together_keep_their_velocities():
    piece = Piece.of([(0, 30, 60, 99), (0, 100, 60, 10)])
    assert midi.read_bytes(midi.to_bytes(piece)) == piece


def test_a_note_that_touches_the_next_is_released_before_it():
    data = midi.to_bytes(Piece.of([(0, 10, 60, 80), (10, 10, 60, 80)]))
    assert b"\x0a\x3c\x00\x00\x3c\x50" in data  # (wait, pitch, velocity) twice


def test_overlapping_pedals_become_one_and_touching_ones_stay_apart():
    pedals = np.array([(0, 10, 0), (5, 2, 0), (8, 12, 0), (20, 5, 0), (30, 0, 0)], PEDAL)
    piece = Piece.of([(0, 40, 60)]).replace(pedals=pedals)
    back = midi.read_bytes(midi.to_bytes(piece))
    assert back.pedals.tolist() == [(0, 20, 0), (20, 5, 0)]


def places(data):
    """Return (port, channel, program) of each chunk with a program change, from the bytes."""
    found = []
    for body in data.split(b"MTrk")[2:]:
        body = body[4:]
        port = body[4] if body.startswith(b"\x00\xff\x21\x01") else 0
        body = body[5:] if port else body
        assert body[1] >> 4 == 0xC
        found.append((port, body[1] & 15, body[2]))
    return found


def test_fifteen_melodic_tracks_have_a_channel_each_and_drums_the_tenth():
    notes = [(0, 9, 60, 80, 5, track) for track in range(15)] + [(0, 9, 60, 80, DRUMS, 15)]
    channels = [channel for _, channel, _ in places(midi.to_bytes(Piece.of(notes)))]
    assert channels == [*range(9), *range(10, 16), 9]


def test_more_tracks_share_channels_by_program():
    notes = [(0, 9, 60, 80, track % 3, track) for track in range(40)]
    assert set(places(midi.to_bytes(Piece.of(notes)))) == {(0, 0, 0), (0, 1, 1), (0, 2, 2)}


def test_more_than_fifteen_programs_go_to_further_ports_and_come_back():
    piece = Piece.of([(0, 9, 60, 80, track, track) for track in range(129)])
    data = midi.to_bytes(piece)
    melodic = [place for place in places(data) if place[1] != 9]
    assert len(set(melodic)) == len({place[:2] for place in melodic}) == 128
    assert max(port for port, _, _ in melodic) == 8
    assert midi.read_bytes(data) == piece


def test_writing_replaces_whole_files_only(tmp_path):
    path = tmp_path / "x.mid"
    midi.write(Piece.of([(0, 1, 60)]), path)
    midi.write(Piece.of([(0, 1, 61)]), path)
    assert rows(midi.read(path))[0][2] == 61
    assert os.listdir(tmp_path) == ["x.mid"]
    (tmp_path / "folder").mkdir()
    for wrong in (tmp_path / "none" / "x.mid", tmp_path / "folder"):
        with pytest.raises(MidiError, match="cannot be written"):
            midi.write(Piece(), wrong)
    assert sorted(os.listdir(tmp_path)) == ["folder", "x.mid"]
