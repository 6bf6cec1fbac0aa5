"""Files to pieces: what is kept, what is mended, what is refused with a clear word."""

import os
import struct
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from howlkit.errors import HowlkitError, MidiError
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, PEDAL, TIME_SIGNATURE
from tests.midi_bytes import END, EVERYTHING, ONE_NOTE, chunk, file, off, on, rows


def test_tracks_are_chunk_channel_and_program_with_drums_apart():
    data = file(
        chunk((0, (0xC0, 5)), on(0, 60), off(9, 60), (9, (0xC0, 7)), on(9, 60), off(20, 60)),
        chunk(on(0, 38, 90, 9), on(0, 62, 90, 3), off(4, 62, 3), off(9, 38, 9)),
    )
    assert rows(midi.read_bytes(data)) == [
        (0, 4, 62, 90, 0, 2),
        (0, 9, 60, 80, 5, 0),
        (0, 9, 38, 90, DRUMS, 3),
        (9, 11, 60, 80, 7, 1),
    ]


def test_running_status_and_silent_note_ons_are_understood():
    data = file(chunk((0, (0x90, 60, 80)), (5, (62, 70)), (9, (60, 0)), (12, (62, 0))), form=0)
    assert rows(midi.read_bytes(data)) == [(0, 9, 60, 80, 0, 0), (5, 7, 62, 70, 0, 0)]


def test_pedals_are_read_on_every_channel_from_where_they_are_pressed():
    def press(tick, value):
        return tick, (0xB3, 64, value)

    data = file(
        chunk(
            on(0, 60, 80, 3), press(5, 64), press(6, 127), press(9, 63), press(9, 0),
            press(12, 127), off(30, 60, 3),
        )
    )  # fmt: skip
    assert midi.read_bytes(data).pedals.tolist() == [(5, 4, 0), (12, 18, 0)]


def test_a_release_without_a_press_is_no_pedal():
    data = file(chunk(on(0, 60, 80, 3), (7, (0xB3, 64, 0)), off(30, 60, 3)))
    assert len(midi.read_bytes(data).pedals) == 0


def test_presses_that_hold_nothing_are_no_pedals():
    def press(tick, value):
        return tick, (0xB0, 64, value)

    data = file(chunk(on(0, 60), press(5, 90), press(5, 0), off(30, 60), press(40, 90)))
    assert len(midi.read_bytes(data).pedals) == 0


def test_nothing_after_the_end_of_a_track_counts():
    data = file(chunk(on(0, 60), off(30, 60), (30, END), *FAR, on(2**31 + 5, 60)))
    assert rows(midi.read_bytes(data)) == [(0, 30, 60, 80, 0, 0)]


def test_what_is_mended_is_counted(save):
    tempo, metre, key = (0xFF, 0x51, 3), (0xFF, 0x58, 4), (0xFF, 0x59, 2)
    path = save(
        file(
            chunk(
                (0, (*tempo, 7, 0, 0)), (0, (*tempo, 9, 0, 0)),
                (0, (*metre, 4, 2, 24, 8)), (0, (*metre, 3, 3, 24, 8)),
                (0, (*key, 1, 0)), (0, (*key, 2, 0)), (0, (*key, 99, 0)), (0, (*key, 1, 7)),
            ),
            chunk(
                on(0, 60), off(0, 60), on(0, 61), on(1, 61), off(2, 61), off(3, 61),
                (4, (0xB0, 64, 127)), on(5, 70), on(5, 70), on(5, 70), on(6, 71), on(7, 72),
                off(9, 71),
            ),
        )[:-4]
        + b"\x00"
        + END
    )  # fmt: skip
    reading = midi.inspect(path)
    assert rows(reading.piece) == [
        (0, 1, 60, 80, 0, 0),
        (0, 2, 61, 80, 0, 0),
        (1, 2, 61, 80, 0, 0),
        *[(5, 4, 70, 80, 0, 0)] * 3,
        (6, 3, 71, 80, 0, 0),
        (7, 2, 72, 80, 0, 0),
    ]
    assert reading.piece.tempos.tolist() == [(0, 9 << 16)]
    assert reading.piece.time_signatures.tolist() == [(0, 3, 8)]
    assert reading.piece.key_signatures.tolist() == [(0, 2, 0)]
    assert reading.piece.pedals.tolist() == [(4, 5, 0)]
    assert reading.repairs == {
        "zero_length_notes": 1,
        "overlapping_notes": 3,
        "unreleased_notes": 4,
        "unreleased_pedals": 1,
        "repeated_tempos": 1,
        "repeated_time_signatures": 1,
        "repeated_key_signatures": 1,
        "impossible_key_signatures": 2,
    }
    assert set(reading.repairs) < set(midi.REPAIRS)
    assert midi.read(path) == reading.piece


@pytest.mark.parametrize("end", [END, b""])
@pytest.mark.parametrize("stuck", [0, 1, 3, 9])
def test_notes_never_released_are_counted_exactly(save, stuck, end):
    held = [on(2 * i, 60 + i % 2) for i in range(stuck)]
    data = file(chunk(*held, on(100, 70), off(110, 70), end=end), ONE_NOTE)
    assert midi.inspect(save(data)).repairs.get("unreleased_notes", 0) == stuck


def test_notes_never_released_are_read_in_a_file_of_very_many_chunks(save):
    stuck = chunk(on(0, 60))
    reading = midi.inspect(save(file(*[stuck] * 5000, ONE_NOTE)))
    assert (len(reading.piece), reading.repairs) == (5001, {"unreleased_notes": 5000})


def test_promised_chunks_that_are_missing_are_counted(save):
    data = bytearray(file(ONE_NOTE))
    data[11] = 3
    reading = midi.inspect(save(bytes(data)))
    assert (len(reading.piece), reading.repairs) == (1, {"missing_chunks": 2})


def test_chunks_beyond_those_promised_are_read_and_counted(save):
    data = bytearray(file(ONE_NOTE, chunk(on(0, 62), off(9, 62)), ONE_NOTE))
    data[11] = 1
    reading = midi.inspect(save(bytes(data)))
    assert (len(reading.piece), reading.repairs) == (3, {"surplus_chunks": 2})
    assert midi.inspect_bytes(bytes(data)).piece == midi.read_bytes(bytes(data)) == reading.piece


@pytest.mark.parametrize("rest", [file(ONE_NOTE), ONE_NOTE[:-2], b"MTrk\xff\xff\xff\xff junk"])
def test_another_file_or_half_a_chunk_after_the_last_is_no_music(save, rest):
    reading = midi.inspect(save(file(chunk(on(0, 62), off(9, 62))) + rest))
    assert [row[2] for row in rows(reading.piece)] == [62]


def test_texts_that_look_like_garbled_metas_are_no_reason_to_refuse():
    words = (0, (0xF0, 10, 0xFF, 0x51, 2, 0xFF, 0x58, 4, 3, 33, 0, 0xF7))
    tempo, metre = (0, (0xFF, 0x51, 3, 1, 2, 3)), (0, (0xFF, 0x58, 2, 3, 7))
    piece = midi.read_bytes(file(chunk(words, tempo, metre), ONE_NOTE))
    assert piece.tempos.tolist() == [(0, 0x010203)]
    assert piece.time_signatures.tolist() == [(0, 3, 128)]


def test_a_longer_header_and_alien_chunks_are_skipped():
    alien = b"XFIH" + struct.pack(">I", 4) + b"abcd"
    data = file(ONE_NOTE, extra=b"more")
    data = data[:18] + alien + data[18:]
    assert rows(midi.read_bytes(data)) == [(0, 480, 60, 80, 0, 0)]


def test_a_riff_wrapper_is_taken_off():
    inner = file(ONE_NOTE)
    body = b"RMIDINFO" + struct.pack("<I", 3) + b"abc\0data" + struct.pack("<I", len(inner)) + inner
    data = b"RIFF" + struct.pack("<I", len(body)) + body
    assert rows(midi.read_bytes(data)) == [(0, 480, 60, 80, 0, 0)]
    with pytest.raises(MidiError, match="'data'"):
        midi.read_bytes(b"RIFF\4\0\0\0RMID")


@pytest.mark.parametrize(
    ("frames", "ticks", "second"), [(24, 4, 96), (25, 40, 1000), (29, 80, 2397.6), (30, 255, 7650)]
)
def test_smpte_divisions_are_ticks_a_second(save, frames, ticks, second):
    tempo = (0, (0xFF, 0x51, 3, 1, 0, 0))
    division = (256 - frames) << 8 | ticks
    data = file(chunk(tempo, on(0, 60), off(96000, 60)), division=division)
    reading = midi.inspect(save(data))
    assert reading.repairs == {"smpte_divisions": 1}
    assert reading.piece.seconds_long == pytest.approx(96000 / second, rel=0.0002)
    assert rows(reading.piece) == [(0, 96000, 60, 80, 0, 0)]


def test_the_name_of_a_piece_is_the_file_name_made_harmless(save):
    path = save(file(ONE_NOTE), "a\x1b[2J\n\u202eb.mid")
    assert midi.read(path).name == r"a\x1b[2J\n\u202eb.mid"
    path.write_bytes(b"no")
    with pytest.raises(MidiError) as caught:
        midi.read(path)
    assert "\x1b" not in str(caught.value) and r"a\x1b[2J\n\u202eb.mid" in str(caught.value)


# --- What a file may not say ---------------------------------------------------------------------

FAR = [(k * (2**28 - 1), (0xFF, 1, 0)) for k in range(1, 9)]
FURTHER = [(k * (2**28 - 1), (0xFF, 1, 0)) for k in range(9, 17)]
SYSTEM = {0xF1: [5], 0xF2: [5, 6], 0xF3: [127], 0xF6: [], 0xF8: [], 0xFA: [], 0xFE: []}
REFUSED = {
    "empty": (b"", "empty"),
    "text": (b"hello, I am no music at all", "begins with b'hell', not b'MThd'"),
    "four bytes": (b"MThd", "cut short"),
    "format 2": (file(ONE_NOTE, ONE_NOTE, form=2), "format 2"),
    "division 0": (file(ONE_NOTE, division=0), "0 ticks a beat"),
    "SMPTE 27 frames": (file(ONE_NOTE, division=(256 - 27) << 8 | 4), "27 frames a second"),
    "SMPTE 0 ticks": (file(ONE_NOTE, division=(256 - 25) << 8), "of 0 ticks"),
    "past tick 2**31": (
        file(ONE_NOTE, chunk(on(0, 60), *FAR, off(8 * 2**28, 60))),
        "runs to tick 2147483648",
    ),
    "past tick 2**32": (
        file(chunk(*FAR, *FURTHER, on(2**32 + 5, 60), off(2**32 + 9, 60))),
        "runs to tick 4294967305",
    ),
    **{
        f"past tick 2**32 after {status:#x}": (
            file(chunk((0, (status, *data)), *FAR, *FURTHER, on(2**32 + 5, 60))),
            "runs to tick 4294967301",
        )
        for status, data in SYSTEM.items()
    },
    "past tick 2**31 in many steps": (
        file(chunk(on(0, 60), *((k * 2**20, (62, 0)) for k in range(1, 3000)))),
        "runs to tick 3144679424",
    ),
    "a year": (file(chunk(on(0, 60), off(2**28 - 1, 60)), division=4), "lasts 67108864 beats"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_reader_can_mend_is_refused_by_name_and_cause(save, what):
    data, cause = REFUSED[what]
    path = save(data)
    for open_ in (midi.read, midi.inspect):
        with pytest.raises(MidiError, match=cause) as caught:
            open_(path)
        assert str(path) in str(caught.value)
    with pytest.raises(MidiError, match=f"<stdin>.*{cause}"):
        midi.read_bytes(data, name="<stdin>")


def test_texts_and_messages_that_look_like_long_waits_are_no_reason_to_refuse():
    words = [(0, (0xFF, 5, 90, *(b"\xe3\x81\xaf" * 30))) for _ in range(50)]
    message = (0, (0xF0, 20, *(b"\xff" * 19), 0xF7))
    data = file(chunk(*words, message, (0, (0xC0, 4)), on(0, 60), off(480, 60)))
    assert rows(midi.read_bytes(data)) == [(0, 480, 60, 80, 4, 0)]


def test_files_over_a_limit_are_refused(save):
    path = save(file(ONE_NOTE, ONE_NOTE))
    for limits, cause in (
        (midi.Limits(max_bytes=20), "max_bytes: --max-megabytes"),
        (midi.Limits(max_notes=1), "2 notes.*max_notes: --max-notes"),
        (midi.Limits(max_beats=0.5), "max_beats: --max-beats"),
        (midi.Limits(max_seconds=0.4), "max_seconds: --max-minutes"),
    ):
        with pytest.raises(MidiError, match=cause):
            midi.read(path, limits=limits)
    assert len(midi.read(path, limits=midi.Limits(max_seconds=0.6, max_beats=1, max_notes=2))) == 2


def test_a_slow_tempo_makes_a_file_too_long(save):
    slow = chunk((0, (0xFF, 0x51, 3, 255, 255, 255)))
    data = file(slow, chunk(on(0, 60), off(480 * 2000, 60)))
    with pytest.raises(MidiError, match="lasts 33554 seconds"):
        midi.read(save(data))


def test_what_is_no_regular_file_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.mid")  # opening it would block for ever
    (tmp_path / "folder.mid").mkdir()
    (tmp_path / "loop.mid").symlink_to(tmp_path / "loop.mid")
    sparse = tmp_path / "sparse.mid"
    with sparse.open("wb") as big:
        big.truncate(6 * 2**30)
    for name, cause in (
        ("pipe.mid", "no regular file"),
        ("folder.mid", "a folder"),
        ("loop.mid", "cannot be read"),
        ("none.mid", "No such file"),
        ("sparse.mid", "6442450944 bytes"),
        ("nul\0.mid", "cannot be read"),
    ):
        with pytest.raises(MidiError, match=cause) as caught:
            midi.read(tmp_path / name)
        assert midi.printable(tmp_path / name) in str(caught.value)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no such files")
def test_a_file_that_is_longer_than_it_says_is_read_as_far_as_the_limit():
    assert os.stat("/proc/self/status").st_size == 0
    with pytest.raises(MidiError, match="begins with b'Name'"):
        midi.read("/proc/self/status")
    with pytest.raises(MidiError, match="at most 9 are read"):
        midi.read("/proc/self/status", limits=midi.Limits(max_bytes=9))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(save):
    path = save(file(ONE_NOTE))
    path.chmod(0)
    with pytest.raises(MidiError, match="Permission denied"):
        midi.read(path)


def mutant(data, rng):
    """Return a damaged copy: bytes changed; now and then some cut out, doubled, or the end lost."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        at, length = int(rng.integers(len(data))), int(rng.integers(1, 9))
        match int(rng.integers(20)):
            case 0:
                del data[at : at + length]
            case 1:
                data[at:at] = data[at : at + length]
            case 2:
                del data[max(at, 1) :]
            case kind:
                data[at] = rng.integers(256) if kind % 2 else rng.choice([0, 1, 127, 128, 255])
    return bytes(data)


def test_mutated_files_give_pieces_or_howlkit_errors(save):
    rng = np.random.default_rng(1)
    notes = [(i * 7, 20, 50 + i % 30, 1 + i % 127, (0, 24, DRUMS)[i % 3], i % 3) for i in range(60)]
    piece = Piece.of(notes).replace(
        pedals=np.array([(0, 30, 0), (40, 9, 0)], PEDAL),
        time_signatures=np.array([(0, 3, 4)], TIME_SIGNATURE),
    )
    whole = midi.to_bytes(piece)
    outcomes = Counter()
    for _ in range(700):
        path = save(mutant(whole, rng))
        try:
            read = midi.inspect(path).piece
        except HowlkitError as error:
            outcomes["refused"] += 1
            assert str(path) in str(error)
        else:
            outcomes["read"] += 1
            again = midi.read_bytes(midi.to_bytes(read), limits=EVERYTHING)
            assert np.array_equal(again.notes, midi.as_written(read).notes)
    assert outcomes["read"] > 500 and outcomes["refused"] > 10  # both ways are really taken


def test_importing_the_module_does_not_import_symusic():
    code = "import sys, howlkit.music.midi; sys.exit('symusic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
