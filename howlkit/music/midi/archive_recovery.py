"""The members of a zip archive whose directory is damaged, such as half of a download.

A directory stands at the end of an archive. Without it, members are found by the header before
each; where a header leaves the sizes open, they stand in a descriptor after the member.
"""

from __future__ import annotations

import io
import mmap
import struct
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["infos_without_directory"]

_MEMBER = b"PK\3\4"
_DESCRIPTOR = b"PK\7\x08"
_HEADER = struct.Struct("<4s2xHH4xIIIHH")  # flags, method, checksum, two sizes, two lengths
_SIZES = struct.Struct("<4sIII")
_SIZES_FOLLOW = 0x8
_UTF8 = 0x800


def infos_without_directory(file: BinaryIO) -> Iterator[zipfile.ZipInfo]:
    """Yield what the headers before its members say; nothing is unpacked or believed of them."""
    try:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield from _infos(data)
    except (io.UnsupportedOperation, ValueError):  # in memory, or empty
        file.seek(0)
        yield from _infos(file.read())


def _infos(data: bytes | mmap.mmap) -> Iterator[zipfile.ZipInfo]:
    at = data.find(_MEMBER)
    while at >= 0 and at + _HEADER.size <= len(data):
        _, flags, method, crc, packed, size, name, extra = _HEADER.unpack_from(data, at)
        encoded = data[at + _HEADER.size : at + _HEADER.size + name]
        info = zipfile.ZipInfo(encoded.decode("utf-8" if flags & _UTF8 else "cp437", "replace"))
        info.header_offset, info.flag_bits, info.compress_type = at, flags, method
        begin = at + _HEADER.size + name + extra
        after = data.find(_MEMBER, begin)
        if flags & _SIZES_FOLLOW:
            crc, packed, size = _described(data, begin, after if after >= 0 else len(data))
        info.CRC, info.compress_size, info.file_size = crc, packed, size
        if packed >= 0:
            yield info
            # The bytes of a member that is an archive itself have headers too.
            after = data.find(_MEMBER, begin + packed)
        at = after


def _described(data: bytes | mmap.mmap, begin: int, stop: int) -> tuple[int, int, int]:
    """Return the checksum and the two sizes in the descriptor of a member; sizes of -1 for none."""
    at = data.find(_DESCRIPTOR, begin, stop)
    while 0 <= at <= len(data) - _SIZES.size:
        _, crc, packed, size = _SIZES.unpack_from(data, at)
        if packed == at - begin:
            return crc, packed, size
        at = data.find(_DESCRIPTOR, at + 1, stop)
    return 0, -1, -1
