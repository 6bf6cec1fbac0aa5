"""What is written is heard alike by mido, symusic, a plain event reader and our own reader."""

import io
from collections import Counter, defaultdict

import mido
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from symusic import Score

from howlkit.music import midi
from howlkit.music.extras import BEND, CONTROL, PRESSURE, Extras, Text
from howlkit.music.midi.arrangement import arrange
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, NOTE, PEDAL
from tests.midi_bytes import EVERYTHING
from tests.music.midi import event_reader

ticks = st.integers(0, 60)


@st.composite
def extras(draw, tracks):
    control = st.one_of(
        st.tuples(
            ticks,
            tracks,
            st.sampled_from([0, 1, 6, 7, 11, 32, 66, 100, 101, 121, 123]),
            st.sampled_from([0, 1, 64, 120, 121, 127]),
        ),
        st.tuples(ticks, tracks, st.just(BEND), st.sampled_from([0, 8192, 16383])),
        st.tuples(ticks, tracks, st.just(PRESSURE), st.integers(0, 127)),
    )
    text = st.builds(Text, ticks, st.just(-1) | tracks, st.integers(1, 7), st.binary(max_size=300))
    rows = np.array(draw(st.lists(control, max_size=12)), CONTROL)
    return Extras(rows, tuple(draw(st.lists(text, max_size=4))))


@st.composite
def pieces(draw, programs, tracks):
    """Notes that often overlap or touch, on few keys, with pedals and extras."""
    tracks = st.integers(0, tracks - 1)
    note = st.tuples(
        ticks, st.integers(1, 12), st.integers(58, 61), st.integers(1, 127), programs, tracks
    )
    pedal = st.tuples(ticks, st.integers(0, 30), tracks)
    rows = draw(st.lists(note, max_size=80))
    return Piece(
        np.array(rows, NOTE),
        pedals=np.array(draw(st.lists(pedal, max_size=6)), PEDAL),
        extras=draw(extras(tracks)),
    )


few = pieces(st.sampled_from([0, 40, DRUMS]), 4)
many = pieces(st.integers(0, DRUMS), 30)
crowded = pieces(st.integers(0, 19) | st.just(DRUMS), 25)


def sounds(piece):
    return sorted(
        (int(n["start"]), int(n["start"] + n["duration"]), int(n["pitch"]), int(n["velocity"]),
         int(n["program"]))
        for n in piece.notes
    )  # fmt: skip


def heard_by_event_reader(data):
    return sorted(
        (n.start, n.end, n.key, n.velocity, DRUMS if n.channel == 9 else n.program)
        for n in event_reader.notes(data)
    )


def heard_by_mido(data):
    """Return the notes as a player of one port sounds them: a stroke ends what its key played."""
    tracks = mido.MidiFile(file=io.BytesIO(data)).tracks
    programs, sounding, found, now = defaultdict(int), {}, [], 0
    for message in mido.merge_tracks(tracks):
        now += message.time
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type in ("note_on", "note_off"):
            place = message.channel, message.note
            if place in sounding:
                start, velocity, program = sounding.pop(place)
                program = DRUMS if message.channel == 9 else program
                found.append((start, now, message.note, velocity, program))
            if message.type == "note_on" and message.velocity:
                sounding[place] = now, message.velocity, programs[message.channel]
    assert not sounding
    return sorted(found)


def heard_by_symusic(data):
    return sorted(
        (n.time, n.time + n.duration, n.pitch, n.velocity, DRUMS if t.is_drum else t.program)
        for t in Score.from_midi(data).tracks
        for n in t.notes
    )


READERS = (heard_by_event_reader, heard_by_mido, heard_by_symusic)


def check_alike(piece):
    data, written = midi.to_bytes_counted(piece)
    wanted = midi.as_written(piece)
    for reader in READERS:
        assert reader(data) == sounds(wanted), reader.__name__
    assert midi.read_bytes(data, limits=EVERYTHING, extras=True) == wanted
    assert len(piece) - len(wanted) == written.joined
    check_controls(data, piece, wanted)


def check_controls(data, piece, wanted):
    """All that is sent to a channel is said of each of its tracks, in that order."""
    sent, pedals = defaultdict(list), defaultdict(list)
    for tick, channel, number, value in event_reader.controls(data):
        (pedals if number == 64 else sent)[channel].append((tick, number, value))
    for track, (_, channel) in enumerate(arrange(piece).places):
        controls = wanted.extras.controls
        rows = controls[controls["track"] == track][["tick", "number", "value"]].tolist()
        assert rows == sent[channel]
        spans = wanted.pedals[wanted.pedals["track"] == track]
        turns = [
            turn
            for start, duration, _ in spans.tolist()
            for turn in ((start, 64, 127), (start + duration, 64, 0))
        ]
        assert turns == pedals[channel]
    texts = [(tick, kind, said) for tick, _, kind, said in event_reader.metas(data, *range(1, 8))]
    assert Counter(texts) == Counter((t.tick, t.kind, t.data) for t in wanted.extras.texts)


@settings(max_examples=150, deadline=None)
@given(few)
def test_few_programs(piece):
    check_alike(piece)


@settings(max_examples=100, deadline=None)
@given(many)
def test_more_programs_than_channels(piece):
    check_alike(piece)


@settings(max_examples=100, deadline=None)
@given(crowded)
def test_crowded_channels(piece):
    check_alike(piece)


@settings(max_examples=100, deadline=None)
@given(st.one_of(few, many, crowded))
def test_writing_what_was_written_changes_nothing_more(piece):
    once = midi.as_written(piece)
    twice = midi.as_written(once)
    assert sounds(twice) == sounds(once)
