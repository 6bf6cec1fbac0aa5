"""Scores for howlkit: MusicXML, ABC, Humdrum and music21's corpora in; MusicXML out.

Nothing here imports music21 (a second or two) before a file is read or written: where its corpora
are is asked of the import system.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from howlkit.errors import HowlkitError
from howlkit.hookspecs import hookimpl
from howlkit.music import Piece
from howlkit.options import option
from howlkit.protocols import Source, Writer
from howlkit_music21.playing import Playing

__all__ = ["Music21", "MusicXml"]

SUFFIXES = (".musicxml", ".mxl", ".xml", ".abc", ".krn")
NO_MUSIC = ("theoryExercises", "demos")
"""Folders of music21's corpus that hold exercises and tests, no pieces."""


@dataclass(frozen=True)
class Music21(Playing):
    """MusicXML, ABC and Humdrum files, and the corpora that come with music21."""

    name: ClassVar[str] = "music21"
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES

    @property
    def collections(self) -> Mapping[str, Callable[[], Path]]:
        """The corpora that come with music21: bach, palestrina, essenFolksong ..."""
        found: dict[str, Callable[[], Path]] = {}
        for folder in corpora():
            found[folder.name] = functools.partial(Path, folder)
        return found

    def read(self, path: Path) -> Iterator[Piece | HowlkitError]:
        """Yield the pieces in a file; of a tune book, an error in place of a broken tune."""
        from howlkit_music21 import reading

        return reading.read(path, self)


@dataclass(frozen=True)
class MusicXml:
    """Sheet music as MusicXML, plain or compressed (.mxl), which notation software opens."""

    title: str = option("", "what stands above the score; by default the name of piece or file")

    name: ClassVar[str] = "musicxml"
    suffixes: ClassVar[tuple[str, ...]] = (".musicxml", ".mxl", ".xml")

    def write(self, piece: Piece, path: Path) -> None:
        """Write a piece as sheet music; DataError if it has no notes."""
        from howlkit_music21 import files, notation

        score = notation.musicxml(piece, title=self.title or piece.name or path.stem)
        files.write(path, score)


@functools.cache
def corpora() -> tuple[Path, ...]:
    """Return the folders of music21's corpora, by name, those of tune books (slow to read) last."""
    spec = importlib.util.find_spec("music21")
    places = spec.submodule_search_locations if spec is not None else None
    folders = [folder for place in places or () for folder in Path(place, "corpus").glob("*")]
    with_music = [folder for folder in folders if _has_music(folder)]
    return tuple(sorted(with_music, key=lambda f: (any(f.rglob("*.abc")), f.name)))


def _has_music(folder: Path) -> bool:
    if folder.name.startswith("_") or folder.name in NO_MUSIC or not folder.is_dir():
        return False
    return any(path.suffix in SUFFIXES for path in folder.rglob("*"))


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Register the source."""
    register(Music21)


@hookimpl
def register_writers(register: Callable[[type[Writer]], None]) -> None:
    """Register the writer."""
    register(MusicXml)
