"""MIDI files that are compressed, and what pretends to be."""

import gzip
import io
import random
import struct
import zipfile
import zlib

import pytest

from howlkit.errors import MidiError
from howlkit.music import midi
from howlkit.music.midi.archives import contents, read_member
from tests.midi_bytes import ONE_NOTE, file, rows

SONG = file(ONE_NOTE)
NOTE = [(0, 480, 60, 80, 0, 0)]


def zipped(members, **options):
    """Return an archive of (name, bytes) pairs."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def listed(data):
    return contents(io.BytesIO(data), "a.zip")


def read(data, name, limits=midi.Limits()):
    [member] = [member for member in listed(data).members if member.name == name]
    return read_member(member, io.BytesIO(data), limits)


# --- gzip ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["song.mid.gz", "song.mid"])
def test_a_file_that_is_gzip_reads_as_what_is_in_it(save, name):
    path = save(gzip.compress(SONG), name)
    assert rows(midi.read(path)) == NOTE and midi.read(path).name == name
    assert midi.inspect(path).repairs == {}


def test_gzip_files_end_to_end_are_one_file_and_zeros_after_it_are_ignored(save):
    parts = gzip.compress(SONG[:20]) + gzip.compress(SONG[20:])
    assert rows(midi.read(save(parts + bytes(99)))) == NOTE


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda data: data[:-9], "cut short"),
        (lambda data: data[:5], "cut short"),
        (lambda data: data[:-8] + b"\0\0\0\0" + data[-4:], "incorrect data check"),
        (lambda data: data[:10] + b"\xff" + data[11:], "invalid"),
    ],
)
def test_damaged_gzip_is_named(save, damage, cause):
    path = save(damage(gzip.compress(SONG)), "x.mid.gz")
    with pytest.raises(MidiError, match=rf"x\.mid\.gz is damaged: .*{cause}"):
        midi.read(path)


def test_no_more_is_unpacked_than_the_limits_allow(save):
    path = save(gzip.compress(SONG + bytes(5000)))
    with pytest.raises(MidiError, match=r"more than 5000 bytes.*--max-megabytes"):
        midi.read(path, limits=midi.Limits(max_bytes=5000))
    bomb = save(gzip.compress(SONG + bytes(2**25)))
    with pytest.raises(MidiError, match="200 times as many"):
        midi.read(bomb)


# --- zip -----------------------------------------------------------------------------------------


def test_an_archive_of_one_midi_file_reads_as_that_file(save):
    path = save(zipped([("read me.txt", "hello"), ("a/song.mid", SONG)]), "song.zip")
    assert rows(midi.read(path)) == NOTE
    path = save(zipped([("song.mid.gz", gzip.compress(SONG))]), "song.zip")
    assert rows(midi.read(path)) == NOTE


@pytest.mark.parametrize("names", [["a.mid", "b.mid"], ["a.txt"], []])
def test_an_archive_of_any_other_number_says_how_many(save, names):
    path = save(zipped([(name, SONG) for name in names]), "songs.zip")
    what = f"{sum(name.endswith('.mid') for name in names)} MIDI files" if names else "not a MIDI"
    with pytest.raises(MidiError, match=f"songs.zip is .*{what}"):
        midi.read(path)


def test_members_come_by_name_and_the_rest_is_counted_by_kind():
    names = ["z.mid", "b/2.MID", "b/10.kar", "b/", "x.pdf", "in.zip", "y.PDF", "__MACOSX/._z.mid"]
    found = listed(zipped([(name, SONG) for name in names]))
    assert [member.name for member in found.members] == ["b/10.kar", "b/2.MID", "z.mid"]
    assert found.members[0].path == "a.zip/b/10.kar"
    assert found.others == {".pdf": 2, ".zip in .zip": 1} and found.refused == []


def test_members_are_read_stored_or_deflated_or_appended_to_something_else():
    data = zipped([("a.mid", SONG), ("b.mid", b"other")])
    for whole in (data, b"#!/bin/sh\n" + data):
        assert read(whole, "a.mid") == SONG and read(whole, "b.mid") == b"other"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.mid", SONG)
    assert read(out.getvalue(), "a.mid") == SONG


def test_of_two_members_of_one_name_the_last_counts():
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped([("a.mid", b"old"), ("a.mid", SONG)])
    assert len(listed(data).members) == 1 and read(data, "a.mid") == SONG


def test_encrypted_members_and_other_methods_are_refused_by_name():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("lzma\x1b[2J.mid", SONG, zipfile.ZIP_LZMA)
        archive.writestr("whole.mid", SONG)
    [(_, reason)] = listed(out.getvalue()).refused
    assert reason.startswith(r"a.zip/lzma\x1b[2J.mid is packed by method 14")
    data = bytearray(zipped([("secret.mid", SONG)]))
    data[data.index(b"PK\1\2") + 8] |= 1
    assert "is encrypted" in listed(bytes(data)).refused[0][1]


def test_a_damaged_member_costs_itself_alone():
    data = zipped([("a.mid", SONG), ("b.mid", SONG), ("c.mid", SONG)])
    second = data.index(b"b.mid") + len(b"b.mid")
    for broken in (
        data[: second + 20] + b"\xaa" + data[second + 21 :],  # in its bytes
        data[: second - 35] + b"XX" + data[second - 33 :],  # in its header
    ):
        assert read(broken, "a.mid") == read(broken, "c.mid") == SONG
        with pytest.raises(MidiError, match=r"a\.zip/b\.mid is damaged inside its archive"):
            read(broken, "b.mid")


def with_field(data, at, form, value):
    """Return an archive of one member with a number in its directory replaced."""
    data = bytearray(data)
    struct.pack_into(form, data, data.index(b"PK\1\2") + at, value)
    return bytes(data)


def test_numbers_of_the_directory_that_lie_cost_no_memory():
    data = zipped([("a.mid", SONG)])
    for at, form, value in (
        (16, "<I", 1),  # checksum
        (20, "<I", 5),  # packed bytes
        (24, "<I", 5),  # bytes
        (24, "<I", len(SONG) + 1),
        (42, "<I", 30),  # place
    ):
        with pytest.raises(MidiError, match=r"a\.mid is damaged"):
            read(with_field(data, at, form, value), "a.mid")
    assert "not where" in listed(with_field(data, 42, "<I", 2**31)).refused[0][1]
    with pytest.raises(MidiError, match="would unpack"):
        read(with_field(data, 20, "<I", 2**31), "a.mid")
    with pytest.raises(MidiError, match="at most"):
        read(data, "a.mid", midi.Limits(max_bytes=10))


def test_a_bomb_is_not_unpacked():
    found = listed(zipped([("bomb.mid", bytes(2**24)), ("a.mid", SONG)]))
    assert [member.name for member in found.members] == ["a.mid"]
    assert "200 times as many" in found.refused[0][1]


def test_members_that_share_their_bytes_are_not_all_unpacked():
    stream = zlib.compressobj(wbits=-15)
    plain = bytes(2**20)
    packed = stream.compress(plain) + stream.flush()
    names = [f"{number:03d}.mid".encode() for number in range(300)]
    place = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, zlib.crc32(plain), len(packed), 2**20, 7, 0)
    body = b"PK\3\4" + place + names[0] + packed
    directory = b"".join(
        b"PK\1\2" + struct.pack("<H", 20) + place + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
        for name in names
    )
    end = struct.pack("<HHHHIIH", 0, 0, 300, 300, len(directory), len(body), 0)
    found = listed(body + directory + b"PK\5\6" + end)
    size = len(body + directory + b"PK\5\6" + end)
    assert 0 < len(found.members) <= 200 * size / 2**20 + 1
    assert len(found.members) + len(found.refused) == 300


@pytest.mark.parametrize("name", ["../up.mid", "/etc/x.mid", "c:\\x.mid", "a\x1b[2J.mid", "ä.mid"])
def test_names_are_text_and_never_paths(name):
    data = zipped([(name, SONG)])
    assert [member.name for member in listed(data).members] == [name]
    assert read(data, name) == SONG


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"no archive" * 9, b"PK\5\6" + b"\xff" * 18])
def test_what_is_no_archive_is_named(data):
    with pytest.raises(MidiError, match="a.zip"):
        listed(data)


def test_a_directory_of_too_many_bytes_is_not_read():
    end = struct.pack("<HHHHIIH", 0, 0, 9, 9, 2**26, 0, 0)
    with pytest.raises(MidiError, match="at most 33554432 are read"):
        listed(bytes(2**26) + b"PK\5\6" + end)


# --- Damaged directories -------------------------------------------------------------------------


class Stream(io.BytesIO):
    """A file that cannot be rewound: sizes then stand after each member."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation

    tell = seek


@pytest.mark.parametrize("kind", [io.BytesIO, Stream])
def test_members_before_the_end_of_half_a_download_are_read(save, kind):
    out = kind()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.mid", "ä.mid", "c.mid"):
            archive.writestr(name, SONG)
    data = out.getvalue()
    half = data[: data.rindex(b"PK\3\4") + 50]
    with open(save(half, "half.zip"), "rb") as file:
        found = contents(file, "half.zip")
        assert {member.name for member in found.members} >= {"a.mid", "ä.mid"}
        whole = [member for member in found.members if member.name != "c.mid"]
        assert [read_member(member, file, midi.Limits()) for member in whole] == [SONG, SONG]
        cut = [member for member in found.members if member.name == "c.mid"]
        for member in cut:
            with pytest.raises(MidiError, match="its end is missing"):
                read_member(member, file, midi.Limits())
    [(path, reason)] = found.refused
    assert path == "half.zip" and "members are found without" in reason


def test_headers_inside_a_member_are_none_of_the_archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("in.zip", zipped([("inside.mid", SONG)]))
        archive.writestr("a.mid", SONG)
    data = out.getvalue()
    found = listed(data[:-5])
    assert [member.name for member in found.members] == ["a.mid"]


def test_noise_after_a_signature_never_fails_otherwise():
    rng = random.Random(0)
    whole = zipped([(f"{number}.mid", SONG) for number in range(5)])
    for _ in range(500):
        data = bytearray(whole[: rng.randrange(1, len(whole))])
        for _ in range(rng.randrange(9)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            found = listed(bytes(data))
        except MidiError:
            continue
        for member in found.members:
            try:
                assert read_member(member, io.BytesIO(data), midi.Limits()) == SONG
            except MidiError as error:
                assert "damaged" in str(error)
