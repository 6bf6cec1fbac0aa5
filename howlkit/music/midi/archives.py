"""Zip archives of MIDI files: which members there are, and the bytes of one.

The standard library reads the directory of an archive. A member is read where the directory says
that it is, so that one of 100,000 members costs as much as one of two. Names in an archive are
text to show: they are never paths on the disk.
"""

from __future__ import annotations

import io
import itertools
import struct
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from howlkit.errors import MidiError, printable
from howlkit.music.midi.archive_recovery import infos_without_directory
from howlkit.music.midi.files import ENDINGS, kind_of
from howlkit.music.midi.limits import Limits, too_big

__all__ = ["ARCHIVES", "MOST_RATIO", "SMALL", "Contents", "Member", "contents", "read_member"]

ARCHIVES = (".zip",)
"""The endings of the names of archives, in lower or upper case."""

MOST_RATIO = 200
"""What unpacks to more than this many times its size, and is not small, was made to do harm: MIDI
files are some 5 times as big as when they are packed."""

SMALL = 2**20
"""The number of bytes to which anything may unpack."""

_MOST_MEMBERS = 2**18
_MOST_DIRECTORY = 2**25  # bytes: its entries take 20 times as much memory
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_MISPLACED = "it is not where the directory says"
_MAC = "__MACOSX/"  # what macOS adds to its archives: a file beside each, with the same ending
_HEADER = struct.Struct("<4s22xHH")  # before a member: signature, lengths of its name and extra


class Member(NamedTuple):
    """A MIDI file in an archive, and where its bytes are.

    archive: the path of the archive. offset: the byte at which the member's header begins. packed,
    size: the number of its bytes in the archive, and of those that they unpack to. crc: their
    checksum. method: how they are packed, one of zipfile's numbers.
    """

    archive: str
    name: str
    offset: int
    packed: int
    size: int
    crc: int
    method: int

    @property
    def path(self) -> str:
        """The name to show: the archive's path, and the name inside it."""
        return f"{self.archive}/{self.name}"


@dataclass(frozen=True)
class Contents:
    """What is in an archive.

    members: its MIDI files, in the order of names. refused: the name to show, and the reason, of
    each that cannot be read. others: the number of its other files, by `kind_of`.
    """

    members: list[Member] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def contents(file: BinaryIO, archive: str) -> Contents:
    """Return what is in a zip archive; of several members of one name, the last counts.

    If its directory is damaged, the archive itself is refused, and members are those that can be
    found without. Raises MidiError, naming the `archive`, if there are none.
    """
    found = Contents()
    try:
        infos = _directory(file, archive)
    except MidiError as error:
        infos = list(itertools.islice(infos_without_directory(file), _MOST_MEMBERS))
        if not infos:
            raise
        found.refused.append((archive, f"{error} ({len(infos)} members are found without)"))
    size = file.seek(0, io.SEEK_END)
    room = MOST_RATIO * size + SMALL
    for name, info in sorted({info.filename: info for info in infos}.items()):
        if not name or name.endswith("/") or name.startswith(_MAC):
            continue
        if not name.lower().endswith(ENDINGS):
            nested = " in .zip" if name.lower().endswith(ARCHIVES) else ""
            found.others[kind_of(name) + nested] += 1
            continue
        place = info.header_offset, info.compress_size, info.file_size, info.CRC
        member = Member(archive, name, *place, info.compress_type)
        room -= member.size
        if not 0 <= member.offset < size:
            found.refused.append((member.path, _damaged(printable(member.path), _MISPLACED)))
        elif reason := _refusal(info, room):
            found.refused.append((member.path, f"{printable(member.path)} {reason}"))
        else:
            found.members.append(member)
    return found


def read_member(member: Member, file: BinaryIO, limits: Limits) -> bytes:
    """Return the bytes of a member of an open archive; MidiError if they are damaged or too many.

    No more is unpacked than the directory promises.
    """
    shown = printable(member.path)
    if member.size > limits.max_bytes:
        raise MidiError(too_big(shown, member.size, limits))
    # Packing adds a few bytes in a thousand at most; more would be memory for nothing.
    if member.packed > member.size + member.size // 100 + SMALL:
        raise MidiError(_damaged(shown, f"{member.packed} bytes would unpack to {member.size}"))
    file.seek(member.offset)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(b"PK\3\4"):
        raise MidiError(_damaged(shown, _MISPLACED))
    _, name, extra = _HEADER.unpack(header)
    file.seek(name + extra, io.SEEK_CUR)
    data = file.read(member.packed)
    if len(data) < member.packed:
        raise MidiError(_damaged(shown, "its end is missing"))
    if member.method == zipfile.ZIP_DEFLATED:
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.size + 1)
        except zlib.error as error:
            raise MidiError(_damaged(shown, str(error))) from error
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        raise MidiError(_damaged(shown, "its checksum is wrong"))
    return data


class _Bounded:
    """A file that refuses to read a directory of too many bytes into memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int | None = -1) -> bytes:
        """Return up to `size` bytes."""
        if size is not None and size > _MOST_DIRECTORY:
            raise zipfile.BadZipFile(
                f"its directory has {size} bytes; at most {_MOST_DIRECTORY} are read"
            )
        return self._file.read(-1 if size is None else size)


def _directory(file: BinaryIO, archive: str) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(_Bounded(file)) as opened:
            infos = opened.infolist()
    # The last three: numbers and names that no archive has.
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise MidiError(
            f"{printable(archive)} has no directory of a zip archive that can be read: {error}; "
            "make or download it again"
        ) from error
    if len(infos) > _MOST_MEMBERS:
        raise MidiError(
            f"{printable(archive)} has {len(infos)} members; at most {_MOST_MEMBERS} are read: "
            "unpack it"
        )
    return infos


def _refusal(info: zipfile.ZipInfo, room: int) -> str:
    """Return the reason why a member is refused; "" if it is not.

    room: the bytes that this member and those after it may unpack to, after this one.
    """
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted; unpack the archive with its password"
    if info.compress_type not in _METHODS:
        return f"is packed by method {info.compress_type}; stored and deflated members are read"
    what = f"it would be {info.file_size} bytes out of {info.compress_size}"
    if info.file_size <= MOST_RATIO * info.compress_size + SMALL:
        if room >= 0:
            return ""
        what = "the members so far would be more bytes than the archive can hold"
    return f"is not unpacked: {what}, more than {MOST_RATIO} times as many; unpack it yourself"


def _damaged(shown: str, how: str) -> str:
    return f"{shown} is damaged inside its archive: {how}"
