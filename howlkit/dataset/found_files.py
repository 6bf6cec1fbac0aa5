"""Finds what there is to read: files, and MIDI files inside archives, each by a path of its own.

A file in an archive has the archive's path, followed by its name there. It is no path on the disk.
"""

from __future__ import annotations

import hashlib
import os
import struct
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from howlkit.dataset.file_list import FileEntry
from howlkit.dataset.hashes import HASH_BYTES, ByHash
from howlkit.dataset.readers import Readers
from howlkit.dataset.report import OTHER_KINDS
from howlkit.errors import MidiError, printable
from howlkit.music import midi
from howlkit.music.midi.archives import Contents, Member, contents

__all__ = ["Found", "FoundFile", "FoundFiles", "find_files"]

_PLACE = struct.Struct("<IQQQIH")  # the length of the archive's path, and the numbers of a Member
_MOST_KINDS = 1000


class FoundFile(NamedTuple):
    """A file to read: its absolute path and, if it is in an archive, where it is there."""

    path: str
    member: Member | None = None

    @property
    def on_disk(self) -> str:
        """The path of the file, or of the archive that it is in."""
        return self.member.archive if self.member else self.path


class FoundFiles(Sequence[FoundFile]):
    """Files without repetition, as a sequence; in memory about as many bytes as their paths."""

    def __init__(self, files: Iterable[FoundFile]) -> None:
        seen = ByHash()
        self._bytes, self._stops = bytearray(), array("Q")
        for file in files:
            path = os.fsencode(file.path)
            if seen.add(hashlib.blake2b(path, digest_size=HASH_BYTES).digest(), 0):
                self._bytes += path
                if file.member is not None:
                    archive, _, *place = file.member
                    # No path has a NUL, so that it marks the files that are in archives.
                    self._bytes += b"\0" + _PLACE.pack(len(archive), *place)
                self._stops.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._stops)

    def __getitem__(self, index: int) -> FoundFile:  # type: ignore[override]  # no slices
        stop = self._stops[index]
        begin = self._stops[index - 1] if index else 0
        encoded, is_member, place = bytes(self._bytes[begin:stop]).partition(b"\0")
        path = os.fsdecode(encoded)
        if not is_member:
            return FoundFile(path)
        length, *numbers = _PLACE.unpack(place)
        return FoundFile(path, Member(path[:length], path[length + 1 :], *numbers))

    def paths(self) -> Iterator[str]:
        """Yield the path of each file."""
        return (file.path for file in self)


@dataclass
class Found:
    """What was found.

    files: those to read. skipped: entries for folders, files and archives that cannot be read.
    left_out: the number of files that nothing reads, by `midi.kind_of`.
    """

    files: FoundFiles = field(default_factory=lambda: FoundFiles(()))
    skipped: list[FileEntry] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def skip(self, path: str, reason: str) -> None:
        """Add an entry for what cannot be read."""
        self.skipped.append(FileEntry(os.path.abspath(path), reason=reason))

    def leave_out(self, kind: str, number: int = 1) -> None:
        """Count files of a kind; kinds past the first thousand are counted together."""
        known = kind in self.left_out or len(self.left_out) < _MOST_KINDS
        self.left_out[kind if known else OTHER_KINDS] += number


def find_files(
    roots: Sequence[str], readers: Readers, *, out: str, each: Callable[[int], None]
) -> Found:
    """Return the files below `roots` that howlkit or one of `readers` reads.

    out: a folder whose files are not counted as left out: the dataset's own. each: called with the
    number of files found so far.
    """
    found = Found()
    own = os.path.join(os.path.abspath(out), "")

    def other(path: str) -> None:
        if not path.startswith(own):
            found.leave_out(midi.kind_of(path))

    def files() -> Iterator[FoundFile]:
        number = 0
        for path in midi.find(roots, skip=found.skip, other=other, endings=readers.suffixes):
            for file in _files(str(path), readers, found):
                number += 1
                each(number)
                yield file

    found.files = FoundFiles(files())
    return found


def _files(path: str, readers: Readers, found: Found) -> Iterable[FoundFile]:
    """Return a file, or the MIDI files in it if it is an archive."""
    if not readers.is_archive(path):
        return [FoundFile(path)]
    inside = _contents(path, found)
    for name, reason in inside.refused:
        found.skip(name, reason)
    if inside.members or inside.refused:
        for kind, number in inside.others.items():
            found.leave_out(kind, number)
    elif inside.others:  # whatever it is of, no music: its files need no counting
        found.leave_out(midi.kind_of(path))
    return [FoundFile(member.path, member) for member in inside.members]


def _contents(path: str, found: Found) -> Contents:
    try:
        with open(path, "rb") as file:
            return contents(file, path)
    except MidiError as error:
        found.skip(path, str(error))
    except OSError as error:
        found.skip(path, f"{printable(path)} cannot be read: {error.strerror or error}")
    return Contents()
