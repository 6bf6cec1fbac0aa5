"""MIDI files that are compressed: .mid.gz, and a zip archive with one MIDI file.

They are known by their first bytes, whatever their name.
"""

from __future__ import annotations

import io
import os
import zlib

from howlkit.errors import MidiError, printable
from howlkit.music.midi.archives import MOST_RATIO, SMALL, contents, read_member
from howlkit.music.midi.limits import Limits, raise_limit

__all__ = ["unpacked"]

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS  # zlib's way to say: with a header and a checksum of gzip's


def unpacked(data: bytes, path: str | os.PathLike[str], limits: Limits) -> bytes:
    """Return the contents of a file as they are, or unpacked if they are gzip or a zip archive.

    At most `limits.max_bytes` are unpacked. Raises MidiError, naming the `path`, for what is
    damaged, unpacks to more, or is an archive that does not have exactly one MIDI file.
    """
    if data.startswith(_GZIP):
        return _gunzip(data, printable(path), limits)
    if data.startswith(_ZIP):
        return _only_member(data, os.fspath(path), limits)
    return data


def _gunzip(data: bytes, shown: str, limits: Limits) -> bytes:
    most = min(limits.max_bytes, MOST_RATIO * len(data) + SMALL)
    plain = b""
    while data.startswith(_GZIP):  # gzip files end to end are one file
        stream = zlib.decompressobj(_GZIP_WINDOW)
        try:
            plain += stream.decompress(data, most + 1 - len(plain))
        except zlib.error as error:
            raise MidiError(f"{shown} is damaged: {error}; compress it again") from error
        if len(plain) > most:
            raise MidiError(
                f"{shown} unpacks to more than {most} bytes; at most {limits.max_bytes} are read, "
                f"and at most {MOST_RATIO} times as many as it has ({raise_limit('max_bytes')})"
            )
        if not stream.eof:
            raise MidiError(f"{shown} is damaged: it is cut short; compress it again")
        data = stream.unused_data
    return plain


def _only_member(data: bytes, path: str, limits: Limits) -> bytes:
    file = io.BytesIO(data)
    found = contents(file, path)
    if found.refused:
        raise MidiError(found.refused[0][1])
    if len(found.members) != 1:
        raise MidiError(
            f"{printable(path)} is a zip archive with {len(found.members)} MIDI files; where one "
            "piece is needed it must have one: unpack it. (A dataset is made of all: howlkit "
            "prepare)"
        )
    data = read_member(found.members[0], file, limits)
    return _gunzip(data, printable(found.members[0].path), limits) if data[:2] == _GZIP else data
