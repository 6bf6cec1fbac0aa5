"""Source `stencil`: drums in text files, such as `k.h.s.h.`, a letter for each sixteenth."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from howlkit.errors import DataError
from howlkit.hookspecs import hookimpl
from howlkit.music import DRUMS, Piece
from howlkit.options import option
from howlkit.protocols import Source

DRUMS_OF = {"k": 36, "s": 38, "h": 42}


@dataclass(frozen=True)
class Stencil:
    """Drums as text: a line for each bar, k, s, h or . for each sixteenth."""

    bpm: int = option(100, "quarters a minute", low=20, high=300)
    name: ClassVar[str] = "stencil"
    suffixes: ClassVar[tuple[str, ...]] = (".stencil",)
    collections: ClassVar[Mapping[str, Callable[[], Path]]] = {}

    def read(self, path: Path) -> Iterator[Piece]:
        """Yield the one piece in a file."""
        text = "".join(path.read_text(encoding="ascii", errors="replace").split())
        wrong = sorted(set(text) - {*DRUMS_OF, "."})
        if wrong:
            raise DataError(f"{wrong[0]!r} is no drum; {', '.join(DRUMS_OF)} and . are allowed")
        struck = [(at, DRUMS_OF[drum]) for at, drum in enumerate(text) if drum != "."]
        notes = [(120 * at, 120, pitch, 100, DRUMS) for at, pitch in struck]
        yield Piece.of(notes, bpm=self.bpm)


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Register the component."""
    register(Stencil)
