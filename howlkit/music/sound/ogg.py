"""The number of a stream in an Ogg file, which libsndfile draws at random: set to 1.

So the same sound gives the same bytes. Each page has the number at byte 14 and a checksum at byte
22. Source: RFC 3533, The Ogg Encapsulation Format, section 6.
"""

from __future__ import annotations

import os
import struct

__all__ = ["with_serial"]

_HEADER = 27  # bytes of a page before its table of segments
_POLYNOMIAL = 0x04C11DB7


def with_serial(path: str | os.PathLike[str], serial: int = 1) -> None:
    """Write another stream number into every page of an Ogg file, and its checksum."""
    table = _table()
    with open(path, "r+b") as file:
        while header := file.read(_HEADER):
            at = file.tell() - len(header)
            segments = file.read(header[26])
            page = bytearray(header + segments + file.read(sum(segments)))
            page[14:18] = struct.pack("<I", serial)
            page[22:26] = bytes(4)
            crc = 0
            for byte in page:
                crc = (crc << 8) & 0xFFFFFFFF ^ table[crc >> 24 ^ byte]
            page[22:26] = struct.pack("<I", crc)
            file.seek(at)
            file.write(page)


def _table() -> list[int]:
    """Return what each byte adds to the checksum."""
    made = []
    for byte in range(256):
        crc = byte << 24
        for _ in range(8):
            crc = crc << 1 & 0xFFFFFFFF ^ (_POLYNOMIAL if crc >> 31 else 0)
        made.append(crc)
    return made
