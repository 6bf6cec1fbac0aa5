"""Source `chorales`: Bach's four-part chorales, which come with howlkit, as a named collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from howlkit.hookspecs import hookimpl
from howlkit.music import chorales
from howlkit.music.piece import Piece
from howlkit.protocols import Source

__all__ = ["Chorales"]


@dataclass(frozen=True)
class Chorales:
    """Bach's four-part chorales that come with howlkit, 361 of them."""

    name: ClassVar[str] = "chorales"
    suffixes: ClassVar[tuple[str, ...]] = ()
    collections: ClassVar[Mapping[str, Callable[[], Path]]] = MappingProxyType(
        {"chorales": chorales.where}
    )

    def read(self, path: Path) -> Iterable[Piece]:
        """Return the chorales; the path is not used, since one file holds them all."""
        return chorales.load()


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Register the chorales."""
    register(Chorales)
