"""What edits and exchanges a piece needs to know of it: its tables, its time and its copies.

`Piece` is such a value. It is described here, below it, so that no two modules know each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, Self

from numpy.typing import ArrayLike, NDArray

from howlkit.music.extras import Extras
from howlkit.music.tables import Table

__all__ = ["PieceTables"]


class PieceTables(Protocol):
    """The attributes and methods of `Piece` that this folder's other modules use."""

    @property
    def notes(self) -> Table:
        """The notes."""

    @property
    def ticks_per_beat(self) -> int:
        """The resolution."""

    @property
    def tempos(self) -> Table:
        """The tempos."""

    @property
    def time_signatures(self) -> Table:
        """The time signatures."""

    @property
    def key_signatures(self) -> Table:
        """The key signatures."""

    @property
    def pedals(self) -> Table:
        """The spans in which the pedal is down."""

    @property
    def extras(self) -> Extras:
        """The controllers and texts."""

    @property
    def context(self) -> int:
        """The number of leading notes that come before an excerpt."""

    @property
    def until(self) -> int:
        """The tick at which the music goes on after an excerpt."""

    @property
    def has_end(self) -> bool:
        """Whether it has the end of the piece."""

    @property
    def name(self) -> str:
        """The name."""

    def __len__(self) -> int:
        """Return the number of notes."""

    def seconds(self, ticks: ArrayLike) -> NDArray[Any]:
        """Return the seconds of ticks."""

    def ticks(self, seconds: ArrayLike) -> NDArray[Any]:
        """Return the ticks of seconds."""

    def at_resolution(self, ticks_per_beat: int) -> Self:
        """Return the same music at another resolution."""

    def without_notes(self) -> Self:
        """Return the tempo map, the metres and the keys only."""

    def replace(self, **changes: Any) -> Self:  # noqa: ANN401 - as dataclasses.replace
        """Return a copy with some attributes changed."""

    @classmethod
    def of(
        cls,
        notes: Iterable[tuple[int, ...]],
        *,
        bpm: float = 120.0,
        ticks_per_beat: int = 480,
        name: str = "",
    ) -> Self:
        """Return a piece of rows."""
