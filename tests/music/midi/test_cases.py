"""Small files that readers are known to get wrong, and what is right.

All have 480 ticks a beat. Damaged files are in test_salvage.py, messages about drums in
test_drums.py; files in wrappers and archives in test_compressed.py.
"""

import pytest

from howlkit.music import midi
from howlkit.music.tables import DRUMS
from tests.midi_bytes import chunk, file, off, on, rows, wait

SYSEX = b"\xf0\x05\x7e\x7f\x09\x01\xf7"


def pedal(tick, value, channel=0):
    return tick, (0xB0 | channel, 64, value)


def program(tick, number, channel=0):
    return tick, (0xC0 | channel, number)


def control(tick, number, value, channel=0):
    return tick, (0xB0 | channel, number, value)


def scale(channel, first, start=0, count=4):
    """Return a rising scale of beats."""
    return [
        event
        for i in range(count)
        for event in (
            on(start + 480 * i, first + i, 80, channel),
            off(start + 480 * (i + 1), first + i, channel),
        )
    ]


def read(*chunks, extras=False, **header):
    """Return the piece of a file, and its repairs."""
    reading = midi.inspect_bytes(file(*chunks, **header), extras=extras)
    return reading.piece, reading.repairs


def spans(piece):
    """Return (start, end) of the notes by pitch."""
    found = {}
    for start, duration, pitch, *_ in rows(piece):
        found.setdefault(pitch, []).append((start, start + duration))
    return found


def programs(piece):
    """Return the programs of each track, in order."""
    return [sorted({int(p) for p in track["program"]}) for track in by_track(piece)]


def by_track(piece):
    notes = piece.notes
    return [notes[notes["track"] == track] for track in range(int(notes["track"].max()) + 1)]


# Running status -----------------------------------------------------------------------------------

INTERRUPTIONS = {
    "sysex": SYSEX,
    "escape": b"\xf7\x02\xf3\x01",
    "sysex in packets": b"\xf0\x03\x43\x12\x00" + b"\x60\xf7\x04\x43\x12\x00\xf7",
    "text": b"\xff\x05\x02la",
    "tempo": b"\xff\x51\x03\x07\xa1\x20",
    "unknown meta": b"\xff\x60\x03\x90\x3c\x40",
    "sysex and meta": SYSEX + b"\0\xff\x01\x00",
    "tune request": b"\xf6",
    "song position": b"\xf2\x01\x02",
}


@pytest.mark.parametrize("what", INTERRUPTIONS)
def test_running_status_goes_on_after(what):
    events = [
        on(0, 60),
        (240, INTERRUPTIONS[what]),
        (480, (60, 0)),
        (480, (62, 80)),
        (960, (62, 0)),
    ]
    piece, repairs = read(chunk(*events))
    waited = 0x60 if what == "sysex in packets" else 0
    assert spans(piece) == {60: [(0, 480 + waited)], 62: [(480 + waited, 960 + waited)]}
    assert repairs == {}


def test_running_status_goes_on_after_a_sysex_in_the_middle_of_thirty_notes():
    body, now = bytes((0, 0x90)), True
    for i in range(30):
        first = b"" if now or i == 15 else b"\0"
        body += first + bytes((48 + i, 80)) + wait(240) + bytes((48 + i, 0))
        now = False
        if i == 14:
            body += b"\0" + SYSEX + b"\0"
    piece, repairs = read(chunk((0, body[1:])))
    assert spans(piece) == {48 + i: [(240 * i, 240 * i + 240)] for i in range(30)}
    assert repairs == {}


def test_running_status_of_program_changes_goes_on_too():
    events = [program(0, 5), (0, (6,)), (0, b"\xff\x01\x00"), (0, (7,)), *scale(0, 60)]
    assert programs(read(chunk(*events))[0]) == [[7]]


# The pedal of a channel ---------------------------------------------------------------------------


def test_a_pedal_in_a_chunk_of_its_own_holds_all_parts_of_its_channel():
    piece, repairs = read(
        chunk(pedal(0, 127), pedal(1900, 0)), chunk(*scale(0, 60)), chunk(*scale(0, 40))
    )
    assert piece.pedals.tolist() == [(0, 1900, 0), (0, 1900, 1)]
    assert repairs == {}


def test_a_pedal_in_the_chunk_of_one_hand_holds_both_and_is_written_for_both():
    piece, _ = read(chunk(pedal(0, 127), *scale(0, 72), pedal(1920, 0)), chunk(*scale(0, 48)))
    assert piece.pedals.tolist() == [(0, 1920, 0), (0, 1920, 1)]
    again = midi.read_bytes(midi.to_bytes(piece))
    assert again.pedals.tolist() == [(0, 1920, 0), (0, 1920, 1)]


def test_a_pedal_holds_other_channels_not():
    piece, _ = read(
        chunk(pedal(0, 127), pedal(1920, 0)), chunk(*scale(1, 60)), chunk(*scale(0, 48))
    )
    assert piece.pedals.tolist() == [(0, 1920, 1)]


def test_a_pedal_stays_down_across_a_program_change():
    events = [pedal(0, 127), *scale(0, 60, count=2), program(960, 40), *scale(0, 64, 960, 2)]
    piece, repairs = read(chunk(*events, pedal(1920, 0)))
    assert programs(piece) == [[0], [40]]
    assert piece.pedals.tolist() == [(0, 1920, 0), (0, 1920, 1)]
    assert repairs == {}


def test_presses_and_releases_may_stand_in_different_chunks():
    piece, _ = read(chunk(pedal(10, 127), *scale(0, 60)), chunk(pedal(500, 0), *scale(0, 48)))
    assert piece.pedals.tolist() == [(10, 490, 0), (10, 490, 1)]


def test_a_pedal_pressed_in_two_chunks_is_pressed_once():
    piece, _ = read(
        chunk(pedal(10, 127), *scale(0, 60), pedal(1900, 0)),
        chunk(pedal(10, 90), *scale(0, 48), pedal(1900, 10)),
    )
    assert piece.pedals.tolist() == [(10, 1890, 0), (10, 1890, 1)]


def test_reset_all_controllers_lifts_the_pedal():
    piece, repairs = read(chunk(pedal(0, 127), *scale(0, 60, count=2), control(960, 121, 0)))
    assert piece.pedals.tolist() == [(0, 960, 0)]
    assert repairs == {}


def test_a_pedal_never_released_is_held_to_the_last_note_of_its_channel():
    piece, repairs = read(
        chunk(pedal(0, 127), *scale(0, 60, count=1)),
        chunk(*scale(0, 40)),
        chunk(*scale(1, 40, 0, 9)),
    )
    assert piece.pedals.tolist() == [(0, 1920, 0), (0, 1920, 1)]
    assert repairs == {"unreleased_pedals": 1}


# The program of a channel -------------------------------------------------------------------------


def test_programs_set_in_the_first_chunk_count_for_the_others():
    piece, repairs = read(
        chunk(program(0, 40, 1), program(0, 73, 2)), chunk(*scale(1, 60, 0, 8)),
        chunk(*scale(2, 72, 0, 8)),
    )  # fmt: skip
    assert programs(piece) == [[40], [73]]
    assert repairs == {}


def test_programs_set_in_a_later_chunk_count_for_those_before():
    assert programs(read(chunk(*scale(1, 60)), chunk(program(0, 40, 1)))[0]) == [[40]]


def test_a_program_set_later_counts_from_its_tick_on_in_all_chunks():
    piece, _ = read(chunk(*scale(1, 60)), chunk(program(960, 40, 1)), chunk(*scale(1, 40)))
    places = [(int(n["start"]), int(n["program"]), int(n["track"])) for n in piece.notes]
    assert sorted(places) == [
        (0, 0, 0), (0, 0, 2), (480, 0, 0), (480, 0, 2),
        (960, 40, 1), (960, 40, 3), (1440, 40, 1), (1440, 40, 3),
    ]  # fmt: skip


def test_of_programs_that_contradict_each_other_at_one_tick_the_last_chunk_counts_for_others():
    piece, _ = read(chunk(program(0, 40)), chunk(program(0, 41)), chunk(*scale(0, 60)))
    assert programs(piece) == [[41]]


def test_a_chunk_hears_what_others_set_later():
    piece, _ = read(
        chunk(program(0, 40), *scale(0, 60)), chunk((0, b"\xff\x01\0"), program(960, 41))
    )
    assert programs(piece) == [[40], [41]]


def test_a_program_after_the_note_at_its_tick_counts_from_the_next_note_on():
    piece, _ = read(chunk(on(0, 60), program(0, 9), off(480, 60), on(480, 62), off(960, 62)))
    assert programs(piece) == [[0], [9]]


def test_a_note_keeps_the_program_that_it_began_with():
    piece, _ = read(chunk(program(0, 3), on(0, 60), program(240, 4), off(480, 60)))
    assert programs(piece) == [[3]]
    assert spans(piece) == {60: [(0, 480)]}


def test_twenty_programs_at_once_are_read_and_those_that_share_a_channel_are_counted():
    one_by_one = [
        event
        for number in range(20)
        for event in (
            program(960 * number, number, number % 8),
            *scale(number % 8, 60, 960 * number, 2),
        )
    ]
    piece, _ = read(chunk(*one_by_one))
    assert len({int(p) for p in piece.notes["program"]}) == 20
    data, written = midi.to_bytes_counted(piece)
    assert midi.read_bytes(data) == midi.as_written(piece)
    assert len({int(p) for p in midi.read_bytes(data).notes["program"]}) == 20
    assert written == midi.Written()


# Notes across chunks ------------------------------------------------------------------------------


def test_a_release_in_another_chunk_ends_a_note_of_its_channel():
    piece, repairs = read(chunk(on(0, 60)), chunk(off(480, 60)))
    assert spans(piece) == {60: [(0, 480)]}
    assert repairs == {"released_elsewhere": 1}


def test_a_release_in_another_chunk_ends_no_note_of_another_channel_or_key():
    piece, repairs = read(
        chunk(on(0, 60), (960, b"\xff\x01\0")), chunk(off(480, 60, 1), off(480, 61))
    )
    assert spans(piece) == {60: [(0, 960)]}
    assert repairs == {"unreleased_notes": 1}


def test_notes_are_paired_in_their_own_chunk_first():
    piece, repairs = read(
        chunk(on(0, 60), off(960, 60)), chunk(on(0, 60, 50), off(480, 60)),
    )  # fmt: skip
    assert rows(piece) == [(0, 960, 60, 80, 0, 0), (0, 480, 60, 50, 0, 1)]
    assert repairs == {}


def test_of_two_notes_that_wait_the_first_to_begin_is_released_first():
    piece, repairs = read(chunk(on(0, 60, 10), on(240, 60, 20)), chunk(off(480, 60), off(960, 60)))
    assert rows(piece)[:2] == [(0, 480, 60, 10, 0, 0), (240, 720, 60, 20, 0, 0)]
    assert repairs == {"released_elsewhere": 2, "overlapping_notes": 1}


def test_a_release_before_its_note_ends_nothing():
    piece, repairs = read(chunk(on(480, 60), (960, b"\xff\x01\0")), chunk(off(0, 60), off(480, 60)))
    assert spans(piece) == {60: [(480, 960)]}
    assert repairs == {"unreleased_notes": 1}


def test_ports_have_channels_of_their_own():
    def port(number):
        return 0, (0xFF, 0x21, 1, number)

    piece, repairs = read(
        chunk(port(0), program(0, 40), pedal(0, 127), on(0, 60), pedal(960, 0)),
        chunk(port(1), program(0, 41), off(480, 60), *scale(0, 72)),
        chunk(port(0), *scale(0, 48)),
    )
    assert programs(piece) == [[40], [41], [40]]
    assert spans(piece)[60] == [(0, 960)]  # the end of its chunk: the release is of another port
    assert piece.pedals.tolist() == [(0, 960, 0), (0, 960, 2)]
    assert repairs == {"unreleased_notes": 1}


def test_the_tenth_channel_of_every_port_plays_drums():
    piece, _ = read(chunk((0, (0xFF, 0x21, 1, 3)), *scale(9, 36)))
    assert programs(piece) == [[DRUMS]]


# What ends notes ----------------------------------------------------------------------------------


def test_a_last_chord_without_releases_is_held_to_the_end_of_its_track():
    events = [*scale(0, 60, count=2), on(960, 60), on(960, 64), on(960, 67)]
    piece, repairs = read(chunk(*events, (2880, b"\xff\x01\0")), chunk(*scale(1, 20, 0, 20)))
    assert [spans(piece)[pitch][-1] for pitch in (60, 64, 67)] == [(960, 2880)] * 3
    assert repairs == {"unreleased_notes": 3}


def test_a_note_that_begins_with_the_end_of_its_track_lasts_a_tick():
    piece, repairs = read(chunk(on(0, 62), off(7, 62), on(7, 60)))
    assert spans(piece) == {62: [(0, 7)], 60: [(7, 8)]}
    assert repairs == {"unreleased_notes": 1}


@pytest.mark.parametrize("number", [120, 123])
def test_all_notes_off_ends_the_notes_of_its_channel(number):
    piece, repairs = read(
        chunk(on(0, 60), on(0, 64), on(0, 40, 80, 1), control(480, number, 0), on(480, 67),
              off(960, 67), off(960, 40, 1))
    )  # fmt: skip
    assert spans(piece) == {60: [(0, 480)], 64: [(0, 480)], 67: [(480, 960)], 40: [(0, 960)]}
    assert repairs == {"silenced_notes": 2}


def test_all_notes_off_ends_notes_in_other_chunks_of_its_channel():
    piece, repairs = read(
        chunk(on(0, 60), (2000, b"\xff\x01\0")), chunk(control(480, 123, 0)),
        chunk(on(0, 50, 80, 1), off(960, 50, 1)),
    )  # fmt: skip
    assert spans(piece) == {60: [(0, 480)], 50: [(0, 960)]}
    assert repairs == {"silenced_notes": 1}


def test_all_notes_off_at_the_end_changes_nothing_where_all_is_released():
    piece, repairs = read(chunk(*scale(0, 60), control(1920, 123, 0)), chunk(on(0, 40), off(9, 40)))
    assert spans(piece)[63] == [(1440, 1920)]
    assert repairs == {}


def test_all_notes_off_comes_after_a_release_in_another_chunk():
    piece, repairs = read(chunk(on(0, 60), control(1920, 123, 0)), chunk(off(480, 60)))
    assert spans(piece) == {60: [(0, 480)]}
    assert repairs == {"released_elsewhere": 1}


def test_a_release_after_all_notes_off_ends_nothing_more():
    events = [on(0, 60), control(240, 120, 0), on(480, 60), off(960, 60), off(1000, 60)]
    piece, repairs = read(chunk(*events))
    assert spans(piece) == {60: [(0, 240), (480, 960)]}
    assert repairs == {"silenced_notes": 1}


def test_all_notes_off_at_the_tick_of_a_stroke_ends_those_before_only():
    events = [on(0, 60), on(480, 62), control(480, 123, 0), off(960, 62)]
    assert spans(read(chunk(*events))[0]) == {60: [(0, 480)], 62: [(480, 960)]}


# One key at one tick, or twice at once ------------------------------------------------------------


def test_a_note_of_no_length_is_dropped_where_its_key_is_struck_again():
    piece, repairs = read(chunk(on(0, 60), off(0, 60), on(0, 60), off(480, 60)))
    assert spans(piece) == {60: [(0, 480)]}
    assert repairs == {"restruck_notes": 1}
    assert spans(midi.read_bytes(midi.to_bytes(piece))) == {60: [(0, 480)]}


def test_retriggers_of_no_length_in_the_middle_of_music_are_dropped():
    again = [event for i in range(4) for event in (on(i * 480, 60), off(i * 480, 60),
             on(i * 480, 60, 70), off(i * 480 + 480, 60))]  # fmt: skip
    piece, repairs = read(chunk(*again))
    assert spans(piece) == {60: [(480 * i, 480 * i + 480) for i in range(4)]}
    assert {int(v) for v in piece.notes["velocity"]} == {70}
    assert repairs == {"restruck_notes": 4}


def test_a_note_of_no_length_alone_lasts_a_tick():
    piece, repairs = read(chunk(on(480, 60), off(480, 60), on(480, 61), off(960, 61)))
    assert spans(piece) == {60: [(480, 481)], 61: [(480, 960)]}
    assert repairs == {"zero_length_notes": 1}


def test_of_several_notes_of_no_length_at_one_place_the_loudest_stays():
    events = [e for velocity in (10, 90, 50) for e in (on(7, 60, velocity), off(7, 60))]
    piece, repairs = read(chunk(*events))
    assert rows(piece) == [(7, 1, 60, 90, 0, 0)]
    assert repairs == {"restruck_notes": 2, "zero_length_notes": 1}


def test_a_note_of_no_length_is_another_on_another_channel():
    piece, repairs = read(chunk(on(0, 60), off(0, 60), on(0, 60, 80, 1), off(480, 60, 1)))
    assert spans(piece) == {60: [(0, 1), (0, 480)]}
    assert repairs == {"zero_length_notes": 1}


def test_a_key_struck_again_while_it_sounds_is_read_as_it_stands_and_written_without_overlap():
    piece, repairs = read(chunk(on(0, 60, 80), on(480, 60, 70), off(960, 60), off(1440, 60)))
    assert rows(piece) == [(0, 960, 60, 80, 0, 0), (480, 960, 60, 70, 0, 0)]
    assert repairs == {"overlapping_notes": 1}
    data, written = midi.to_bytes_counted(piece)
    assert rows(midi.read_bytes(data)) == [(0, 480, 60, 80, 0, 0), (480, 960, 60, 70, 0, 0)]
    assert written.cut == 1


# What stands beside the notes ---------------------------------------------------------------------


def test_names_lyrics_controllers_and_bends_come_out_as_they_were():
    def violin(channel, name, words):
        return chunk(
            (0, (0xFF, 3, len(name), *name)), control(0, 0, 3, channel), control(0, 32, 2, channel),
            program(0, 40, channel), control(0, 7, 90, channel), control(0, 10, 30, channel),
            on(0, 60, 80, channel), (0, (0xFF, 5, len(words), *words)),
            (120, (0xE0 | channel, 1, 80)), (240, (0xD0 | channel, 77)), off(480, 60, channel),
        )  # fmt: skip

    data = file(violin(0, b"Violin I", b"la"), violin(1, b"Violin II\xff\0", b"\xe9"))
    piece = midi.read_bytes(data, extras=True)
    assert programs(piece) == [[40], [40]]
    texts = {(t.track, t.kind, t.data) for t in piece.extras.texts}
    assert texts == {
        (0, 3, b"Violin I"), (0, 5, b"la"), (1, 3, b"Violin II\xff\0"), (1, 5, b"\xe9"),
    }  # fmt: skip
    controls = piece.extras.controls
    assert controls[controls["track"] == 1][["tick", "number", "value"]].tolist() == [
        (0, 0, 3), (0, 32, 2), (0, 7, 90), (0, 10, 30), (120, 128, 80 << 7 | 1), (240, 129, 77),
    ]  # fmt: skip
    again = midi.read_bytes(midi.to_bytes(piece), extras=True)
    assert again == piece and again.extras == piece.extras
    assert not midi.read_bytes(data).extras


def test_controllers_count_for_all_tracks_of_their_channel():
    piece, _ = read(
        chunk(control(0, 7, 90)), chunk(*scale(0, 60)), chunk(*scale(0, 40)), chunk(*scale(1, 40)),
        extras=True,
    )  # fmt: skip
    assert piece.extras.controls.tolist() == [(0, 0, 7, 90), (0, 1, 7, 90)]


def test_texts_of_a_chunk_without_notes_belong_to_no_track():
    piece, _ = read(
        chunk((0, b"\xff\x03\x01x"), (9, b"\xff\x06\x01y")), chunk(*scale(0, 60)), extras=True
    )
    assert piece.extras.texts == ((0, -1, 3, b"x"), (9, -1, 6, b"y"))
    again = midi.read_bytes(midi.to_bytes(piece), extras=True)
    assert again.extras == piece.extras
