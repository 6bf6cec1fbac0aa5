"""Damaged files: what is whole is kept, the rest is counted and named, and strict refuses it."""

import struct
from collections import Counter

import pytest

from howlkit.errors import HowlkitError, MidiError
from howlkit.music import midi
from tests.midi_bytes import END, ONE_NOTE, chunk, file, off, on, rows

NOTE = (0, 480, 60, 80, 0, 0)
TEMPO, METRE, KEY = (0xFF, 0x51), (0xFF, 0x58), (0xFF, 0x59)


def meta(*data):
    """Return a file of one note after a meta event."""
    return file(chunk((0, data)), ONE_NOTE)


def with_length(part, length):
    """Return a chunk that states another length."""
    return part[:4] + struct.pack(">I", length) + part[8:]


def scale(pitch, channel=0):
    return chunk(
        *(e for i in range(4) for e in (on(480 * i, pitch + i, 80, channel),
                                        off(480 * i + 480, pitch + i, channel)))
    )  # fmt: skip


FOUR, LOW = scale(60), scale(40, 1)
ALL = [60, 61, 62, 63]
BOTH = [40, 41, 42, 43, *ALL]

# A file, the pitches that it has, and what is counted.
DAMAGED = {
    "tempo of 0": (meta(*TEMPO, 3, 0, 0, 0), [60], {"impossible_tempos": 1}),
    "tempo of no bytes": (meta(*TEMPO, 0), [60], {"impossible_tempos": 1}),
    "tempo of two bytes": (meta(*TEMPO, 2, 7, 1), [60], {"impossible_tempos": 1}),
    "tempo of four bytes": (meta(*TEMPO, 4, 0, 7, 1, 2), [60], {"impossible_tempos": 1}),
    "metre 0/4": (meta(*METRE, 4, 0, 2, 24, 8), [60], {"impossible_time_signatures": 1}),
    "metre of one byte": (meta(*METRE, 1, 3), [60], {"impossible_time_signatures": 1}),
    "metre of no bytes": (meta(*METRE, 0), [60], {"impossible_time_signatures": 1}),
    **{
        f"metre 3/2^{power}": (
            meta(*METRE, 4, 3, power, 24, 8), [60], {"impossible_time_signatures": 1}
        )
        for power in (8, 31, 32, 33, 40, 255)
    },
    "key of 8 sharps": (meta(*KEY, 2, 8, 0), [60], {"impossible_key_signatures": 1}),
    "key of 8 flats": (meta(*KEY, 2, 0xF8, 0), [60], {"impossible_key_signatures": 1}),
    "key of mode 2": (meta(*KEY, 2, 0, 2), [60], {"impossible_key_signatures": 1}),
    "key of one byte": (meta(*KEY, 1, 0), [60], {"impossible_key_signatures": 1}),
    "several": (
        file(
            chunk((0, (*TEMPO, 3, 0, 0, 0)), (0, (*METRE, 4, 0, 2, 24, 8)), (9, (*TEMPO, 1, 0))),
            ONE_NOTE,
        ),
        [60],
        {"impossible_tempos": 2, "impossible_time_signatures": 1},
    ),
    "length too long at the end": (
        file(LOW, with_length(FOUR, len(FOUR) + 92)), BOTH, {"wrong_chunk_lengths": 1}
    ),
    "length huge at the end": (
        file(LOW, with_length(FOUR, 2**32 - 1)), BOTH, {"wrong_chunk_lengths": 1}
    ),
    "length too long in the middle": (
        file(with_length(LOW, len(LOW) + 2), FOUR), BOTH, {"wrong_chunk_lengths": 1}
    ),
    "length over all the rest": (
        file(with_length(LOW, len(LOW) + len(FOUR) + 7), FOUR), BOTH, {"wrong_chunk_lengths": 1}
    ),
    "length too short at the end": (
        file(LOW, with_length(FOUR, 9)), BOTH, {"wrong_chunk_lengths": 1}
    ),
    "length too short in the middle": (
        file(with_length(LOW, 9), FOUR), BOTH, {"wrong_chunk_lengths": 1}
    ),
    "length of 0": (file(with_length(LOW, 0), FOUR), BOTH, {"wrong_chunk_lengths": 1}),
    "junk between chunks": (file(LOW, b"\x01\x02junk\0\0" + FOUR), BOTH, {"stray_bytes": 1}),
    "few bytes of junk": (file(LOW, b"\r\n" + FOUR), BOTH, {"stray_bytes": 1}),
    "junk after the last chunk": (
        file(LOW, FOUR) + b"\xffjunk\xff\xff\xff", BOTH, {"stray_bytes": 1}
    ),
    "another file after the last chunk": (file(LOW) + file(FOUR), BOTH[:4], {"stray_bytes": 1}),
    "half a chunk after the last": (
        file(LOW) + FOUR[:-9], BOTH[:4], {"stray_bytes": 1}
    ),
    "bytes after the end of a track": (
        file(chunk(on(0, 60), off(9, 60), (9, END), on(9, 61), off(20, 61))),
        [60],
        {"bytes_after_end": 1},
    ),
    "bytes before the header": (b"From: me\r\n\r\n" + file(FOUR), ALL, {"bytes_before_header": 1}),
    "a MacBinary header": (
        b"\0\x08song.mid".ljust(128, b"\0") + file(FOUR), ALL, {"bytes_before_header": 1}
    ),
    "header length 4": (
        b"MThd\0\0\0\4" + file(FOUR)[8:], ALL, {"wrong_chunk_lengths": 1}
    ),
    "header length huge": (
        b"MThd\xff\0\0\0" + file(FOUR)[8:], ALL, {"wrong_chunk_lengths": 1}
    ),
    "format 7": (file(FOUR, form=7), ALL, {"unknown_formats": 1}),
    "a chunk missing": (file(LOW, FOUR)[: -len(FOUR)], BOTH[:4], {"missing_chunks": 1}),
    "a chunk's letters damaged": (
        file(LOW, FOUR.replace(b"MTrk", b"MT\0k")), BOTH[:4],
        {"missing_chunks": 1, "stray_bytes": 1},
    ),
    "last byte missing": (file(LOW, FOUR)[:-1], BOTH, {"wrong_chunk_lengths": 1}),
    "end missing": (file(LOW, FOUR)[:-4], BOTH, {"wrong_chunk_lengths": 1}),
    "an event cut short": (
        file(LOW, FOUR)[:-5], BOTH,
        {"wrong_chunk_lengths": 1, "cut_chunks": 1, "unreleased_notes": 1},
    ),
    "pitch 200": (
        file(chunk((0, (0x90, 200, 80)), on(0, 60), off(480, 60), (480, (0x80, 200, 0)))),
        [60],
        {"broken_events": 2},
    ),
    "velocity 200": (
        file(chunk((0, (0x90, 61, 200)), on(0, 60), off(480, 60))), [60], {"broken_events": 1}
    ),
    "data before any status": (
        file(chunk((0, (60, 80)), on(0, 60), off(480, 60))), [60], {"broken_events": 1}
    ),
    "a text longer than its chunk": (
        file(chunk(on(0, 60), off(480, 60), (480, (0xFF, 1, 100, 65))), LOW),
        [*BOTH[:4], 60],
        {"cut_chunks": 1},
    ),
    "a note never released": (
        file(chunk(on(0, 60), (480, (0xFF, 1, 0)))), [60], {"unreleased_notes": 1}
    ),
    "a note ended with all": (
        file(chunk(on(0, 60), (480, (0xB0, 123, 0)))), [60], {"silenced_notes": 1}
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGED)
def test_damage_costs_what_stands_there_and_is_counted(what):
    data, pitches, repairs = DAMAGED[what]
    reading = midi.inspect_bytes(data)
    assert sorted(row[2] for row in rows(reading.piece)) == pitches
    assert reading.repairs == repairs
    assert reading.piece.tempos["microseconds"].tolist() in ([], [500_000])
    assert len(reading.piece.time_signatures) == len(reading.piece.key_signatures) == 0
    if pitches == [60] and "cut_chunks" not in repairs:
        assert rows(reading.piece)[0][:3] in ((0, 480, 60), (0, 9, 60))


@pytest.mark.parametrize("what", DAMAGED)
def test_strict_refuses_damage_and_names_it(what):
    data, _, repairs = DAMAGED[what]
    for read in (midi.read_bytes, midi.inspect_bytes):
        with pytest.raises(MidiError) as caught:
            read(data, name="<stdin>", strict=True)
        for repair, count in repairs.items():
            assert f"{midi.REPAIRS[repair]}: {count}" in str(caught.value)
        assert str(caught.value).startswith("<stdin> is damaged")


UNDAMAGED = {
    "a pedal not released": chunk((0, (0xB0, 64, 127)), on(0, 60), off(480, 60)),
    "two tempos": chunk(
        (0, (*TEMPO, 3, 7, 0, 0)), (0, (*TEMPO, 3, 8, 0, 0)), on(0, 60), off(480, 60)
    ),
    "a note of no length": chunk(on(0, 60), off(0, 60), on(0, 60), off(480, 60)),
    "no end of the track": chunk(on(0, 60), off(480, 60), end=b""),
    "padding": ONE_NOTE + b"\0" * 100,
    "an alien chunk": ONE_NOTE + b"XFIH\0\0\0\4abcd",
}


@pytest.mark.parametrize("what", UNDAMAGED)
def test_strict_reads_what_is_odd_and_not_damaged(what):
    data = file(UNDAMAGED[what])
    assert rows(midi.read_bytes(data, strict=True)) == [NOTE]
    assert not set(midi.inspect_bytes(data).repairs) & midi.DAMAGE


def every_kind():
    """Return a small file with every kind of event, five notes among them."""
    first = [(0, (*TEMPO, 3, 7, 0xA1, 0x20)), (0, (*METRE, 4, 3, 2, 24, 8)), (0, (*KEY, 2, 1, 0))]
    second = [
        (0, b"\xff\x03\x05Piano"), (0, b"\xf0\x05\x7e\x7f\x09\x01\xf7"), (0, (0xC0, 5)),
        (0, (0xB0, 64, 127)), on(0, 60), (200, (64, 90)), off(480, 60), (500, (0xE0, 1, 64)),
        (500, (0xD0, 3)), (600, (0x80, 64, 0)), (600, (0xB0, 64, 0)), on(700, 67),
        (900, (0xA0, 67, 9)), off(1000, 67),
    ]  # fmt: skip
    third = [on(0, 40, 80, 1), (300, (40, 0)), (300, (41, 80)), (700, (41, 0))]
    return file(chunk(*first), chunk(*second), chunk(*third))


def test_a_file_cut_anywhere_keeps_the_notes_that_are_whole():
    data = every_kind()
    releases = b"\x80\x3c\0", b"\x80\x40\0", b"\x80\x43\0", bytes((40, 0)), bytes((41, 0))
    ends = {release[-2]: data.index(release) + len(release) for release in releases}
    whole = rows(midi.read_bytes(data))
    assert {row[2] for row in whole} == set(ends)
    for cut in range(14, len(data)):
        found = rows(midi.read_bytes(data[:cut]))
        for row in whole:
            if cut >= ends[row[2]]:
                assert row[:4] in [kept[:4] for kept in found]


def test_a_file_cut_anywhere_gives_a_piece_or_an_error_and_is_known_as_damaged():
    data = every_kind()
    outcomes = Counter()
    for cut in range(len(data)):
        try:
            reading = midi.inspect_bytes(data[:cut])
        except HowlkitError as error:
            outcomes["refused"] += 1
            assert cut < 14, error
            continue
        outcomes["read"] += 1
        assert set(reading.repairs) & midi.DAMAGE
        with pytest.raises(MidiError, match="is damaged"):
            midi.inspect_bytes(data[:cut], strict=True)
    assert outcomes == {"refused": 14, "read": len(data) - 14}


@pytest.mark.parametrize("what", ["deleted", "doubled", "set to 0", "set to 255"])
def test_a_byte_damaged_anywhere_gives_a_piece_or_an_error(what):
    data = every_kind()
    changed = {
        "deleted": lambda byte: b"",
        "doubled": lambda byte: byte * 2,
        "set to 0": lambda byte: b"\0",
        "set to 255": lambda byte: b"\xff",
    }[what]
    read = 0
    for at in range(len(data)):
        try:
            piece = midi.read_bytes(data[:at] + changed(data[at : at + 1]) + data[at + 1 :])
        except HowlkitError:
            continue
        read += 1
        assert midi.read_bytes(midi.to_bytes(piece)) == midi.as_written(piece)
    assert read > len(data) * 0.9


def test_damage_in_one_chunk_leaves_the_others_as_they_are():
    whole = [row[:3] for row in rows(midi.read_bytes(file(LOW, FOUR))) if row[2] < 50]
    for at in range(8, len(FOUR)):
        for byte in (0, 0x7F, 0x80, 0xFF):
            part = FOUR[:at] + bytes((byte,)) + FOUR[at + 1 :]
            found = [row[:3] for row in rows(midi.read_bytes(file(LOW, part)))]
            assert [row for row in found if row[2] < 50 and row in whole] == whole
