"""A file of JSON values, one a line, that survives a kill at any byte.

A line is `LENGTH CHECKSUM JSON`: the bytes of the JSON as a decimal number, its CRC-32 as eight
hexadecimal digits, the JSON without line breaks. A line is written by one call before `append`
returns, so what was appended outlives the process however it ends. `sync` asks the system to put it
on the disk; until then a power cut may cost the last lines, and never more than those.

Reading stops at the first line that is not whole. One that was cut short at the end of the file is
what a kill leaves, and is dropped; damage before that is somebody else's, and the file is kept
aside before the rest of it is dropped.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

from howlkit import HowlkitError
from howlkit.music.midi import printable

__all__ = ["Lines"]


FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
"""Windows alone has the last, and would write two bytes for a line break without it."""


class Lines:
    """An open file of lines, to append to.

    values: what the lines say, as they were read when it was opened. told: what was found wrong
    with the file, for people; "" if nothing. Raises HowlkitError if the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = os.open(path, FLAGS, 0o600)
            data = path.read_bytes()
        except OSError as error:
            raise HowlkitError(
                f"{printable(path)} cannot be opened: {error.strerror}; look who may write there"
            ) from error
        self.values, whole = read_lines(data)
        self.told = self._drop_after(data, whole) if whole < len(data) else ""
        self._synced = True

    def append(self, value: object) -> None:
        """Write one value as the next line; HowlkitError if the disk is full or gone."""
        data = line(value)
        try:
            start = os.lseek(self._file, 0, os.SEEK_END)
            if os.write(self._file, data) < len(data):
                os.ftruncate(self._file, start)  # half a line would end all reading
                raise OSError(0, "the disk is full")
        except OSError as error:
            raise HowlkitError(
                f"{printable(self.path)} cannot be written: {error.strerror}; nothing has changed"
            ) from error
        self._synced = False

    def sync(self) -> None:
        """Ask the system to put all lines on the disk, if there are new ones."""
        if not self._synced:
            self._synced = True
            os.fsync(self._file)

    def close(self) -> None:
        """Put all lines on the disk, and close the file."""
        self.sync()
        os.close(self._file)

    def _drop_after(self, data: bytes, whole: int) -> str:
        """Drop what follows the first `whole` bytes, and return what is to be said of it."""
        rest = data[whole:]
        said = f"The last line of the history was cut short, {len(rest)} bytes; it was dropped."
        if b"\n" in rest:
            aside = _free_name(self.path)
            shutil.copyfile(self.path, aside)
            said = (
                f"The history is damaged after {len(self.values)} lines; what comes before was "
                f"opened. The file as it was is kept as {printable(aside)}."
            )
        os.ftruncate(self._file, whole)
        return said


def line(value: object) -> bytes:
    r"""Return a value as a line.

    >>> line({"a": 1})
    b'7 561bacaf {"a":1}\n'
    """
    data = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    return b"%d %08x %s\n" % (len(data), zlib.crc32(data), data)


def read_lines(data: bytes) -> tuple[list[Any], int]:
    """Return the values of all lines up to the first that is not whole, and the bytes they take."""
    values, at = [], 0
    while (end := data.find(b"\n", at)) >= 0:
        length, _, rest = data[at:end].partition(b" ")
        checksum, _, value = rest.partition(b" ")
        if length != b"%d" % len(value) or checksum != b"%08x" % zlib.crc32(value):
            break
        values.append(json.loads(value))
        at = end + 1
    return values, at


def _free_name(path: Path) -> Path:
    number = 1
    while (name := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    return name
