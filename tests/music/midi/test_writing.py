"""Pieces to files: what is written is read again to the tick, as `as_written` says."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howlkit.errors import MidiError
from howlkit.music import midi
from howlkit.music.extras import BEND, CONTROL, PRESSURE, Extras, Text
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, KEY_SIGNATURE, NOTE, PEDAL, TEMPO, TIME_SIGNATURE
from tests.midi_bytes import EVERYTHING, rows
from tests.music.midi import event_reader

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
    assert back == midi.as_written(piece)


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


def test_a_note_is_cut_where_its_key_is_struck_again():
    nested = Piece.of([(0, 100, 60, 10), (20, 30, 60, 99)])
    data, written = midi.to_bytes_counted(nested)
    assert rows(midi.read_bytes(data)) == [(0, 20, 60, 10, 0, 0), (20, 30, 60, 99, 0, 0)]
    assert written == midi.Written(cut=1)
    assert written.describe() == "1 note ends early, where its key is struck again"


def test_of_notes_that_strike_a_key_at_once_the_longest_stays_with_the_loudest_velocity():
    data, written = midi.to_bytes_counted(Piece.of([(0, 30, 60, 99), (0, 100, 60, 10)]))
    assert rows(midi.read_bytes(data)) == [(0, 100, 60, 99, 0, 0)]
    assert written == midi.Written(joined=1)
    assert written.describe() == "1 note is left out, since its key is struck twice at once"


def test_drums_of_two_tracks_share_the_channel_and_its_keys():
    drums = [(0, 9, 36, 80, DRUMS, 0), (4, 9, 36, 70, DRUMS, 1), (4, 9, 38, 70, DRUMS, 1)]
    data, written = midi.to_bytes_counted(Piece.of(drums))
    assert [(n.start, n.end, n.key) for n in event_reader.notes(data)] == [
        (0, 4, 36),
        (4, 13, 36),
        (4, 13, 38),
    ]
    assert written == midi.Written(cut=1)


def test_a_tick_is_kept_before_the_stroke_of_an_earlier_chunk():
    drums = [(10, 10, 36, 80, DRUMS, 0), (0, 10, 36, 80, DRUMS, 1)]  # they touch
    data = midi.to_bytes(Piece.of(drums))
    assert [(n.start, n.end) for n in event_reader.notes(data)] == [(0, 9), (10, 20)]
    in_order = [(0, 10, 36, 80, DRUMS, 0), (10, 10, 36, 80, DRUMS, 1)]
    assert rows(midi.read_bytes(midi.to_bytes(Piece.of(in_order)))) == in_order


def test_a_note_that_touches_the_next_is_released_before_it():
    data = midi.to_bytes(Piece.of([(0, 10, 60, 80), (10, 10, 60, 80)]))
    assert b"\x0a\x3c\x00\x00\x3c\x50" in data  # (wait, pitch, velocity) twice


def test_overlapping_pedals_become_one_and_touching_ones_stay_apart():
    pedals = np.array([(0, 10, 0), (5, 2, 0), (8, 12, 0), (20, 5, 0), (30, 0, 0)], PEDAL)
    piece = Piece.of([(0, 40, 60)]).replace(pedals=pedals)
    back = midi.read_bytes(midi.to_bytes(piece))
    assert back.pedals.tolist() == [(0, 20, 0), (20, 5, 0)]


def programs_by_channel(data):
    found = {}
    for event in event_reader.events(data):
        if event.status >> 4 == 0xC:
            found.setdefault(event.status & 15, []).append(event.data[0])
    return found


def test_fifteen_melodic_tracks_have_a_channel_each_and_drums_the_tenth():
    notes = [(0, 9, 60, 80, 5, track) for track in range(15)] + [(0, 9, 60, 80, DRUMS, 15)]
    data = midi.to_bytes(Piece.of(notes))
    assert [n.channel for n in event_reader.notes(data)] == list(range(16))
    assert {n.chunk: n.channel for n in event_reader.notes(data)}[16] == 9
    assert programs_by_channel(data) == {c: [0 if c == 9 else 5] for c in range(16)}


def test_tracks_of_one_program_share_channels_if_no_key_meets():
    notes = [(0, 9, 40 + track, 80, track % 3, track) for track in range(40)]
    data, written = midi.to_bytes_counted(Piece.of(notes))
    assert programs_by_channel(data) == {0: [0] * 14, 1: [1] * 13, 2: [2] * 13}
    assert written == midi.Written()
    assert midi.read_bytes(data) == Piece.of(notes, bpm=120)


def test_tracks_of_one_program_with_a_key_in_common_go_to_other_channels():
    notes = [(0, 9, 60, 80, 5, track) for track in range(17)]
    data, written = midi.to_bytes_counted(Piece.of(notes))
    assert len(event_reader.notes(data)) == 15
    assert written == midi.Written(joined=2)


def test_programs_that_follow_one_another_reuse_channels():
    notes = [(100 * n, 100, 60, 80, n, n) for n in range(60)]
    data, written = midi.to_bytes_counted(Piece.of(notes))
    assert written == midi.Written()
    assert b"\xff\x21" not in data  # no port
    heard = sorted(event_reader.notes(data), key=lambda note: note.start)
    assert [(n.start, n.end, n.program) for n in heard] == [
        (100 * n, 100 * n + 100, n) for n in range(60)
    ]
    assert midi.read_bytes(data) == Piece.of(notes)


def test_a_track_is_split_over_channels_if_that_keeps_programs_apart():
    """A program that is heard twice, while the fifteen between them come and go."""
    first = [(0, 10, 60, 80, program, program) for program in range(15)]
    then = [(100, 10, 60, 80, program, program) for program in range(15, 30)]
    back = [(200 + 100 * p, 90, 60, 80, p, p) for p in range(30)]
    long = [(200, 3000, 61, 80, 99, 99)]
    data, written = midi.to_bytes_counted(Piece.of(first + then + back + long))
    assert written == midi.Written()
    assert len(event_reader.notes(data)) == 61
    back = midi.read_bytes(data)
    assert sorted(back.notes["program"].tolist()) == sorted([*range(30), *range(30), 99])


def test_a_program_too_many_shares_the_channel_of_its_family_and_that_is_told():
    notes = [(0, 100, 20 + n, 80, 8 * n, n) for n in range(15)] + [(50, 100, 60, 80, 41, 15)]
    data, written = midi.to_bytes_counted(Piece.of(notes))
    assert written == midi.Written(misplaced=2)  # what sounds at once on that channel
    assert "15 for all but drums" in written.describe()
    heard = event_reader.notes(data)
    assert {n.program for n in heard if n.channel == 5} == {40, 41}
    assert all(n.program == n.key % 20 * 8 for n in heard if n.channel != 5)


def test_names_controllers_bends_and_lyrics_come_out_as_they_came_in():
    rows = [
        (0, 0, 0, 3),
        (0, 0, 32, 1),
        (0, 0, 7, 90),
        (0, 1, 10, 20),
        (240, 0, BEND, 16383),
        (240, 0, PRESSURE, 5),
        (480, 0, 0, 4),
        (480, 0, 11, 127),
    ]
    texts = (
        Text(0, -1, 2, b"(c) \xff"),
        Text(0, 0, 3, b"Violin I"),
        Text(0, 1, 3, b"v" * 300),
        Text(480, 0, 5, b""),
        Text(480, 0, 5, b"la"),
    )
    notes = [(0, 480, 60, 80, 40, 0), (480, 480, 60, 80, 40, 0), (0, 960, 50, 80, 40, 1)]
    piece = Piece.of(notes).replace(extras=Extras(np.array(rows, CONTROL), texts))
    data = midi.to_bytes(piece)
    assert midi.as_written(piece) == piece
    channel_messages = [
        (event.tick, event.status, *event.data)
        for event in event_reader.events(data)
        if event.status & 15 == 0 and event.status >> 4 in (0xB, 0xC, 0xD, 0xE)
    ]
    assert channel_messages == [
        (0, 0xB0, 0, 3),
        (0, 0xB0, 32, 1),
        (0, 0xC0, 40),  # after the bank, or the bank has no effect
        (0, 0xB0, 7, 90),
        (240, 0xE0, 127, 127),
        (240, 0xD0, 5),
        (480, 0xB0, 0, 4),
        (480, 0xC0, 40),
        (480, 0xB0, 11, 127),
    ]
    assert event_reader.metas(data, *range(1, 8)) == [
        (text.tick, text.track + 1, text.kind, text.data) for text in texts
    ]


def test_a_channel_that_is_reused_gets_the_controllers_of_the_next_track():
    notes = [(100 * n, 100, 60, 80, n, n) for n in range(16)]
    controls = [(0, 0, 7, 30), (0, 0, 101, 0), (0, 0, 6, 12), (50, 0, BEND, 0), (5, 15, 10, 1)]
    piece = Piece.of(notes).replace(extras=Extras(np.array(controls, CONTROL)))
    sent = [row for row in event_reader.controls(midi.to_bytes(piece)) if row[1] == 0]
    # The sixteenth program begins at 1500, with usual values where its track sets none.
    usual = [(101, 0), (100, 0), (6, 2), (38, 0), (101, 127), (100, 127)]
    assert sent == [
        *[(0, 0, 101, 0), (0, 0, 6, 12), (0, 0, 7, 30), (50, 0, BEND, 0)],
        *[(1500, 0, *row) for row in usual],
        *[(1500, 0, 7, 100), (1500, 0, 10, 1), (1500, 0, BEND, 8192)],
    ]


def test_a_channel_mode_is_written_where_nothing_sounds_only():
    rows = [(50, 0, 123, 0), (100, 0, 121, 0), (100, 0, 0, 120)]  # the last would make it drums
    piece = Piece.of([(0, 100, 60)]).replace(extras=Extras(np.array(rows, CONTROL)))
    assert event_reader.controls(midi.to_bytes(piece)) == [(100, 0, 121, 0)]


def test_texts_of_a_track_without_notes_come_first():
    piece = Piece.of([(0, 9, 60)]).replace(extras=Extras(texts=(Text(0, 7, 3, b"silent"),)))
    assert midi.as_written(piece).extras.texts == (Text(0, -1, 3, b"silent"),)


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
