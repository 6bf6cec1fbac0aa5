"""A Standard MIDI File to symusic's score; the only module here that imports symusic."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from howlkit.errors import MidiError, printable

__all__ = ["parse"]


def parse(data: bytes) -> Any:  # noqa: ANN401 - symusic's class, imported late
    """Return symusic's score of a standard file; whatever it raises becomes a MidiError."""
    try:
        return _parser()(data)
    except Exception as error:  # its C++ raises RuntimeError, ValueError, MemoryError ...
        cause = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error")
        raise MidiError(
            f"is damaged or cut short ({printable(cause)}); save it again if you can"
        ) from error


@cache
def _parser() -> Callable[[bytes], Any]:
    from symusic import Score  # late: `howlkit --help` does without

    return Score.from_midi
