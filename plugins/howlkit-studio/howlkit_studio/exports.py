"""Writing a piece to formats that other programs open: what can be written, and the bytes."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import howlkit
from howlkit import HowlkitError, Piece

__all__ = ["FORMATS", "Format", "missing"]


@dataclass(frozen=True)
class Format:
    """A format: the suffix of its files, and what they are.

    missing: why it cannot be written here; "" if it can. put: writes a piece to a new file.
    """

    suffix: str
    media_type: str
    missing: Callable[[], str] = lambda: ""
    put: Callable[[Piece, Path], object] = howlkit.write

    def write(self, piece: Piece) -> bytes:
        """Return a piece in this format; HowlkitError if that cannot be done."""
        if said := self.missing():
            raise HowlkitError(said)
        with tempfile.TemporaryDirectory(prefix="howlkit-studio-") as folder:
            path = Path(folder) / f"piece{self.suffix}"
            self.put(piece, path)
            return path.read_bytes()


def _no_music21() -> str:
    if importlib.util.find_spec("howlkit_music21") is not None:
        return ""
    return "Sheet music needs the package howlkit-music21: pip install howlkit-music21"


def _report(piece: Piece, path: Path) -> object:
    """Write a page about a piece."""
    return howlkit.report(piece, path, title=piece.name, quiet=True)


FORMATS: Mapping[str, Format] = {
    "mid": Format(".mid", "audio/midi"),
    "wav": Format(".wav", "audio/wav"),
    "musicxml": Format(".musicxml", "application/vnd.recordare.musicxml+xml", _no_music21),
    "report": Format(".html", "text/html; charset=utf-8", put=_report),
}
"""All formats by the name that a page asks for."""


def missing() -> dict[str, str]:
    """Return why each format cannot be written; "" if it can."""
    return {name: each.missing() for name, each in FORMATS.items()}
