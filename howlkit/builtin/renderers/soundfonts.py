"""What renderers of soundfonts share: the file looked at, and the sound that a program wrote."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError, printable

__all__ = ["fault_of", "sound_in"]

BLOCK = 2**18  # samples


def fault_of(soundfont: str) -> str:
    """Return what is wrong with a file that should be a soundfont; "" if nothing is seen.

    >>> fault_of("")
    'it needs a soundfont: --soundfont FILE.sf2'
    """
    if not soundfont:
        return "it needs a soundfont: --soundfont FILE.sf2"
    try:
        with open(soundfont, "rb") as file:
            head = file.read(12)
    except OSError as error:
        return f"the soundfont {printable(soundfont)} cannot be read: {error.strerror or error}"
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        return f"{printable(soundfont)} is no soundfont (.sf2)"
    return ""


def sound_in(file: IO[bytes]) -> tuple[int, Iterator[NDArray[np.float32]]]:
    """Return the rate of a .wav file of 16 bits in stereo, and its blocks (T, 2).

    Raises DataError for another kind of file.
    """
    try:
        made = wave.open(file)
    except (wave.Error, EOFError) as error:
        raise DataError(f"what it wrote is no sound ({error})") from error
    if (made.getnchannels(), made.getsampwidth()) != (2, 2):
        raise DataError("what it wrote is no stereo sound of 16 bits")
    return made.getframerate(), _blocks(made)


def _blocks(made: wave.Wave_read) -> Iterator[NDArray[np.float32]]:
    while data := made.readframes(BLOCK):
        samples = np.frombuffer(data, "<i2").reshape(-1, 2)
        yield np.asarray(samples / 32768, np.float32)
