"""Writer `audio`: sound files of a piece, by any renderer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from howlkit.hookspecs import hookimpl
from howlkit.music.piece import Piece
from howlkit.options import option
from howlkit.protocols import Writer

__all__ = ["Audio", "register_writers"]


@dataclass(frozen=True)
class Audio:
    """Sound files: .wav, and with the package soundfile .flac and .ogg."""

    renderer: str = option(
        "", "the renderer that plays; by default bank, or with a soundfont one that can play it"
    )
    soundfont: str = option("", "the path of a soundfont")
    rate: int = option(44100, "samples a second", low=8000, high=192_000)
    name: ClassVar[str] = "audio"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes of the files that can be written here."""
        from howlkit.music.sound import audio_files

        return audio_files.suffixes()

    def write(self, piece: Piece, path: Path) -> None:
        """Write the sound of a piece to a new file."""
        from howlkit.music.sound import audio_files
        from howlkit.sampling import renderers

        audio_files.check_length(piece.seconds_long, self.rate)
        renderer = renderers.choose(self.renderer, soundfont=self.soundfont)
        audio_files.write(path, renderer.render(piece, self.rate), self.rate)


@hookimpl
def register_writers(register: Callable[[type[Writer]], None]) -> None:
    """Register the writer of sound files."""
    register(Audio)
