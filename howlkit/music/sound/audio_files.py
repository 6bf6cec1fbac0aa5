"""Sound into files: .wav by Python itself, .flac and .ogg by the package soundfile.

Samples are rounded to 16 bits. Blocks are written as they come, so a file may be larger than the
memory. The same blocks give the same bytes.
"""

from __future__ import annotations

import importlib.util
import io
import os
import wave
from collections.abc import Iterable
from typing import IO

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError, HowlkitError, PluginError, printable
from howlkit.music.sound.ogg import with_serial

__all__ = [
    "ALL_SUFFIXES",
    "check_length",
    "check_suffix",
    "has_soundfile",
    "most_seconds",
    "suffixes",
    "to_wav",
    "write",
]

Blocks = Iterable[NDArray[np.float32]]

_FORMATS = {".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}

ALL_SUFFIXES = (".wav", *_FORMATS)
"""The suffixes of sound files, with soundfile."""

_BYTES = 4  # of two samples of 16 bits
_MOST_BYTES = 2**32 - 2**16  # of a .wav file, whose lengths have 32 bits


def has_soundfile() -> bool:
    """Return whether the package soundfile is installed."""
    return importlib.util.find_spec("soundfile") is not None


def suffixes() -> tuple[str, ...]:
    """Return the suffixes of the files that can be written here."""
    return ALL_SUFFIXES if has_soundfile() else (".wav",)


def most_seconds(rate: int) -> float:
    """Return how long sound may be at most, which is what a .wav file can say.

    >>> round(most_seconds(44100) / 3600, 1)
    6.8
    """
    return _MOST_BYTES / _BYTES / rate


def check_length(seconds: float, rate: int) -> None:
    """Raise DataError for sound that is longer than a .wav file can say."""
    if seconds > most_seconds(rate):
        raise DataError(
            f"a sound file holds at most {most_seconds(rate) / 3600:.1f} hours at {rate} samples a "
            f"second, and this lasts {seconds / 3600:,.1f}; cut the music into parts"
        )


def write(path: str | os.PathLike[str], blocks: Blocks, rate: int) -> None:
    """Write blocks (T, 2) of sound to a file in the format of its suffix.

    Raises HowlkitError for a suffix that is none of `ALL_SUFFIXES`, DataError for sound that is too
    long, and PluginError if the suffix needs soundfile and that is not installed.
    """
    suffix = check_suffix(path)
    if suffix == ".wav":
        with open(path, "wb") as file:
            _write_wav(file, blocks, rate)
    else:
        _write_by_soundfile(path, blocks, rate, *_FORMATS[suffix])


def check_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a sound file; errors as `write`."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in ALL_SUFFIXES:
        raise HowlkitError(
            f"sound goes to a file whose name ends in {', '.join(ALL_SUFFIXES)}; "
            f"{printable(path)} does not"
        )
    if suffix not in suffixes():
        raise PluginError(
            f"{suffix} files need the package soundfile: howlkit plugins install soundfile; .wav "
            "files can always be written"
        )
    return suffix


def to_wav(blocks: Blocks, rate: int) -> bytes:
    """Return blocks (T, 2) of sound as the bytes of a .wav file; errors as `write`."""
    file = io.BytesIO()
    _write_wav(file, blocks, rate)
    return file.getvalue()


def _write_wav(file: IO[bytes], blocks: Blocks, rate: int) -> None:
    seconds = 0.0
    with wave.open(file, "wb") as made:
        made.setnchannels(2)
        made.setsampwidth(2)
        made.setframerate(rate)
        for block in blocks:
            seconds += len(block) / rate
            check_length(seconds, rate)
            made.writeframes(_whole(block).tobytes())


def _write_by_soundfile(
    path: str | os.PathLike[str], blocks: Blocks, rate: int, form: str, subtype: str
) -> None:
    import soundfile

    with soundfile.SoundFile(
        os.fspath(path), "w", samplerate=rate, channels=2, format=form, subtype=subtype
    ) as made:
        for block in blocks:
            made.write(_whole(block) if subtype == "PCM_16" else block)
    if form == "OGG":
        with_serial(path)


def _whole(block: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.rint(np.clip(block, -1, 1) * 32767).astype("<i2")
