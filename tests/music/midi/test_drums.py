"""Which channels play drums, as files say it."""

import pytest

from howlkit.music import midi
from howlkit.music.tables import DRUMS
from tests.midi_bytes import chunk, file, off, on

GM1 = b"\xf0\x05\x7e\x7f\x09\x01\xf7"
GM2 = b"\xf0\x05\x7e\x7f\x09\x03\xf7"
XG = b"\xf0\x08\x43\x10\x4c\x00\x00\x7e\x00\xf7"
GS = b"\xf0\x0a\x41\x10\x42\x12\x40\x00\x7f\x00\x41\xf7"


def gs_part(block, mode):
    """Return Roland's "use for rhythm part" of a block: part 10 is 0, parts 1 to 9 come next."""
    said = (0x40, 0x10 | block, 0x15, mode)
    return bytes((0xF0, 10, 0x41, 0x10, 0x42, 0x12, *said, -sum(said) & 127, 0xF7))


def xg_part(channel, mode):
    """Return Yamaha's part mode: 0 is melodic, 1 and more are drums."""
    return bytes((0xF0, 8, 0x43, 0x10, 0x4C, 0x08, channel, 0x07, mode, 0xF7))


def bank(tick, number, channel):
    return tick, (0xB0 | channel, 0, number)


def program(tick, number, channel):
    return tick, (0xC0 | channel, number)


def beats(channel, start=0):
    return [
        event
        for i in range(4)
        for event in (
            on(start + 480 * i, 60, 80, channel),
            off(start + 480 * (i + 1), 60, channel),
        )
    ]


def programs(*chunks):
    """Return the program of each track, one after another."""
    notes = midi.read_bytes(file(*chunks)).notes
    found = {int(note["track"]): int(note["program"]) for note in notes}
    return [found[track] for track in sorted(found)]


def played(*said, channel, number=24):
    """Return what a channel plays after some events at tick 0 and a program change."""
    events = [event if isinstance(event, tuple) else (0, event) for event in said]
    (found,) = programs(chunk(*events, program(0, number, channel), *beats(channel)))
    return found


def test_the_tenth_channel_plays_drums_and_others_do_not():
    assert programs(chunk(*beats(9)), chunk(*beats(10)), chunk(*beats(8))) == [DRUMS, 0, 0]
    assert played(channel=9) == DRUMS
    assert played(GM1, channel=9) == DRUMS


@pytest.mark.parametrize("system", [b"\xff\x01\x00", GM2])
def test_banks_of_general_midi_2(system):
    assert played(system, bank(0, 121, 9), channel=9) == 24
    assert played(system, bank(0, 120, 9), channel=9) == DRUMS
    assert played(system, bank(0, 120, 10), channel=10) == DRUMS
    assert played(system, bank(0, 121, 10), channel=10) == 24
    assert played(system, bank(0, 3, 10), channel=10) == 24
    assert played(system, bank(0, 3, 9), channel=9) == DRUMS


@pytest.mark.parametrize("system", [GM1, GS])
def test_systems_in_which_banks_do_not_say_what_drums_are(system):
    for number in (120, 121, 126, 127):
        assert played(system, bank(0, number, 9), channel=9) == DRUMS
        assert played(system, bank(0, number, 10), channel=10) == 24


def test_banks_of_xg():
    for number in (126, 127):
        assert played(XG, bank(0, number, 10), channel=10) == DRUMS
        assert played(XG, bank(0, number, 9), channel=9) == DRUMS
    for number in (0, 64, 120):
        assert played(XG, bank(0, number, 10), channel=10) == 24
        assert played(XG, bank(0, number, 9), channel=9) == 24
    assert played(XG, channel=9) == DRUMS


def test_banks_of_xg_say_nothing_where_the_file_does_not_name_xg():
    assert played(bank(0, 127, 10), channel=10) == 24
    assert played(GM2, bank(0, 127, 10), channel=10) == 24


def test_part_modes_of_xg():
    assert played(XG, xg_part(10, 2), channel=10) == DRUMS
    assert played(XG, xg_part(10, 2), xg_part(10, 0), channel=10) == 24
    assert played(XG, xg_part(9, 0), channel=9) == 24
    assert played(XG, xg_part(9, 1), channel=9) == DRUMS


@pytest.mark.parametrize(
    ("block", "channel"), [(0, 9), (1, 0), (9, 8), (10, 10), (11, 11), (15, 15)]
)
def test_part_modes_of_gs(block, channel):
    assert played(GS, gs_part(block, 1), channel=channel) == DRUMS
    assert played(GS, gs_part(block, 2), channel=channel) == DRUMS
    assert played(GS, gs_part(block, 0), channel=channel) == 24
    assert played(GS, gs_part(block, 1), gs_part(block, 0), channel=channel) == 24


def test_part_modes_of_one_part_say_nothing_of_others():
    assert played(GS, gs_part(10, 1), channel=11) == 24
    assert played(GS, gs_part(10, 0), channel=9) == DRUMS


def test_what_another_chunk_says_counts():
    assert programs(
        chunk((0, XG), bank(0, 127, 10), program(0, 0, 10)), chunk(*beats(10)), chunk(*beats(11))
    ) == [DRUMS, 0]
    assert programs(chunk(*beats(10)), chunk((0, GS), (0, gs_part(10, 1)))) == [DRUMS]


def test_a_reset_does_not_undo_what_stands_beside_it():
    assert programs(chunk(bank(0, 127, 10), program(0, 0, 10)), chunk((0, XG), *beats(10))) == [
        DRUMS
    ]


def test_a_reset_later_undoes_what_was_set():
    assert programs(
        chunk((0, GS), (0, gs_part(10, 1)), *beats(10)), chunk((1920, GM1), *beats(10, 1920))
    ) == [DRUMS, 0]


def test_a_bank_counts_from_the_next_program_change_on():
    assert programs(
        chunk((0, GM2), *beats(10), bank(480, 120, 10), program(960, 0, 10), *beats(10, 1920))
    ) == [0, DRUMS]
    assert programs(chunk((0, GM2), bank(0, 120, 10), *beats(10))) == [0]


def test_a_bank_stays_for_later_programs():
    assert programs(
        chunk((0, GM2), bank(0, 121, 9), program(0, 24, 9), *beats(9), program(1920, 25, 9),
              *beats(9, 1920))
    ) == [24, 25]  # fmt: skip


def test_drums_of_any_channel_are_written_to_the_tenth():
    data = file(chunk((0, XG), bank(0, 127, 10), program(0, 0, 10), *beats(10)))
    piece = midi.read_bytes(data)
    written = midi.to_bytes(piece)
    assert b"\x99" in written and b"\x9a" not in written
    assert midi.read_bytes(written).notes["program"].tolist() == [DRUMS] * 4
